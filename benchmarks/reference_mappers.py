"""What mappers do to one text, written plainly: a row at a time, with the expressions as they are known.

Operators are compared with these in tests, and their speed is measured against them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import regex

from data_juicer.kernels.characters.special_characters import SPECIAL_CHARACTERS

Reference = Callable[..., Callable[[str], str | list[str]]]


def chinese_convert(mode: str = "s2t") -> Callable[[str], str]:
    import opencc

    convert = opencc.OpenCC(f"{mode}.json").convert
    return lambda text: "\x00".join(convert(part) for part in text.split("\x00"))  # it stops at a NUL


def clean_copyright() -> Callable[[str], str]:
    block = regex.compile(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/")
    copyright_ = regex.compile("copyright", regex.IGNORECASE)

    def clean(text: str) -> str:
        found = block.search(text)
        if found:
            held = copyright_.search(found[0])
            return text[: found.start()] + text[found.end() :] if held else text
        lines = text.split("\n")
        while lines and (not lines[0] or lines[0].startswith(("//", "#", "--"))):
            lines = lines[1:]
        return "\n".join(lines)

    return clean


def clean_html() -> Callable[[str], str]:
    from selectolax.lexbor import LexborHTMLParser

    def clean(text: str) -> str:
        for tag in ("li", "ol"):
            text = text.replace(f"<{tag}>", "\n*").replace(f"</{tag}>", "")
        return LexborHTMLParser(text).text()

    return clean


def expand_macro() -> Callable[[str], str]:
    newcommand = regex.compile(r"\\\bnewcommand\b\*?\{(\\[a-zA-Z0-9]+?)\}\{(.*?)\}$", regex.MULTILINE)
    definition = regex.compile(r"\\def\s*(\\[a-zA-Z0-9]+?)\s*\{(.*?)\}$", regex.MULTILINE)

    def expand(text: str) -> str:
        macros = {}
        for pattern in (newcommand, definition):
            for match in pattern.finditer(text):
                name, value = (group.encode("unicode-escape").decode() for group in match.groups())
                macros[name] = value
        for name, value in macros.items():
            text = regex.sub(f"({name})([^a-zA-Z0-9])", value + r"\2", text)
        return text

    return expand


def remove_bibliography() -> Callable[[str], str]:
    heads = (r"\\appendix", r"\\begin\{references\}", r"\\begin\{REFERENCES\}", r"\\begin\{thebibliography\}")
    pattern = regex.compile(f"({'|'.join(heads)}|\\\\bibliography\\{{.*\\}}).*$", regex.DOTALL)
    return lambda text: pattern.sub("", text)


def remove_comments(inline: bool = True, multiline: bool = True) -> Callable[[str], str]:
    def clean(text: str) -> str:
        if inline:
            text = regex.sub(r"[^\\]%.+$", "", text, flags=regex.MULTILINE)
        if multiline:
            text = regex.sub(r"^%.*\n?", "", text, flags=regex.MULTILINE)
        return text

    return clean


def remove_header(drop_no_head: bool = True) -> Callable[[str], str]:
    def heading(name: str) -> str:
        return rf"\\\b{name}\b\*?(?:\[(.*?)\])?\{{(.*?)\}}"

    names = ("chapter", "part", "section", "subsection", "subsubsection", "paragraph", "subparagraph")
    kinds = [heading(name) for name in names]
    pattern = regex.compile(f"^(.*?)({'|'.join(kinds)})", regex.DOTALL)

    def clean(text: str) -> str:
        if not pattern.search(text):
            return "" if drop_no_head else text
        return pattern.sub(r"\2", text)

    return clean


def _stripped(word: str) -> str:
    start, stop = 0, len(word)
    while start < stop and word[start] in SPECIAL_CHARACTERS:
        start += 1
    while stop > start and word[stop - 1] in SPECIAL_CHARACTERS:
        stop -= 1
    return word[start:stop]


def _with_words(keep: Callable[[str], bool]) -> Callable[[str], str]:
    def joined(text: str) -> str:
        lines = []
        for line in text.split("\n"):
            cells = [
                " ".join(word for word in regex.split(" ", cell) if word and keep(word))
                for cell in line.split("\t")
            ]
            lines.append("\t".join(cell for cell in cells if cell))
        return "\n".join(line for line in lines if line)

    return joined


def remove_long_words(min_len: int = 1, max_len: int = sys.maxsize) -> Callable[[str], str]:
    def keep(word: str) -> bool:
        if min_len <= len(word) <= max_len:
            return True
        return len(word) > max_len and min_len <= len(_stripped(word)) <= max_len

    return _with_words(keep)


def remove_words_with_incorrect_substrings(
    substrings: Sequence[str] = ("http", "www", ".com", "href", "//"),
) -> Callable[[str], str]:
    return _with_words(lambda word: all(part not in _stripped(word) for part in substrings))


def remove_non_chinese_character(
    keep_alphabet: bool = True, keep_number: bool = True, keep_punc: bool = True
) -> Callable[[str], str]:
    kept = "\u4e00-\u9fa5" + "A-Za-z" * keep_alphabet + "0-9" * keep_number
    kept += ".， ,\\-。%《*》/•、&＆(—)（+）：？!！“”·" * keep_punc
    pattern = regex.compile(f"[^{kept}]+", regex.DOTALL)
    return lambda text: pattern.sub("", text)


def remove_specific_chars(chars_to_remove: str | Sequence[str] = "◆●■►▼▲▴∆▻▷❖♡□") -> Callable[[str], str]:
    if not chars_to_remove:
        return lambda text: text
    pattern = regex.compile(f"[{''.join(regex.escape(each) for each in chars_to_remove)}]", regex.DOTALL)
    return lambda text: pattern.sub("", text)


def remove_repeat_sentences(
    lowercase: bool = False, ignore_special_character: bool = True, min_repeat_sentence_length: int = 2
) -> Callable[[str], str]:
    ends = (
        r"([.。！!？\?])([^’”])",
        r"(\.{6})([^’”])",
        r"(\…{2})([^’”])",
        r"([.。！!？\?\.{6}\…{2}][’”])([^’”])",
    )
    special = regex.compile(r"[^a-zA-Z0-9\u4e00-\u9fa5\n\t ]")

    def sentences(line: str) -> list[str]:
        for end in ends:
            line = regex.sub(end, r"\1\n\2", line)
        return line.split("\n")

    def clean(text: str) -> str:
        seen = set()
        lines = []
        for line in text.split("\n"):
            kept = ""
            for sentence in sentences(line) if line else ():
                compared = sentence.strip()
                compared = compared.lower() if lowercase else compared
                compared = special.sub("", compared) if ignore_special_character else compared
                if len(compared) < min_repeat_sentence_length or compared not in seen:
                    kept += sentence
                if len(compared) >= min_repeat_sentence_length:
                    seen.add(compared)
            lines.append(kept)
        return "\n".join(lines)

    return clean


def remove_table_text(min_col: int = 2, max_col: int = 20) -> Callable[[str], str]:
    tables = [
        regex.compile(rf"(?<=\n)((\S+?)([ |\t](\S+?)){{{columns}}}\n+){{2,}}")
        for columns in range(min_col - 1, max_col)
    ]

    def clean(text: str) -> str:
        for table in tables:
            text = table.sub("", text)
        return text

    return clean


def replace_content(pattern: str, repl: str = "") -> Callable[[str], str]:
    compiled = regex.compile(pattern, regex.DOTALL)
    return lambda text: compiled.sub(repl, text)


def sentence_split(lang: str = "en") -> Callable[[str], str]:
    from data_juicer.ops.resources.punkt import load_punkt, punkt_files

    punkt = load_punkt(punkt_files(lang, operator="sentence_split_mapper"))
    return lambda text: "\n".join(punkt.tokenize(text))


def text_chunk(
    max_len: int | None = None, split_pattern: str | None = "\\n\\n", overlap_len: int = 0
) -> Callable[[str], list[str]]:
    def cut(text: str) -> list[str]:
        if max_len is None:
            return [part for part in re.split(split_pattern or "", text) if part and part.strip()]
        if len(text) <= max_len:
            return [text]
        if split_pattern is None:
            return [text[start : start + max_len] for start in range(0, len(text), max_len - overlap_len)]
        parts = []
        while len(text) > max_len:
            matches = list(re.finditer(split_pattern, text[:max_len]))
            start, stop = matches[-1].span() if matches else (max_len, max_len - overlap_len)
            parts.append(text[:start])
            text = text[stop:]
        return [*(part for part in parts if part.strip()), text]

    return cut


def pii_redaction() -> Callable[[str], str]:
    words = "api[_-]?key|apikey|secret|password|passwd|token|auth|authorization|credential|license[_-]?key"
    before, inside = r"(^|[\s\"'(\[=])", r"[^\s\"')\]]"
    channels = "feishu|dingtalk|wecom|wechat_work|email|mail|飞书|钉钉|企业微信|邮箱"
    octet, base64 = r"(?:25[0-5]|2[0-4]\d|[01]?\d\d?)", "[A-Za-z0-9_=-]+"
    rules: list[tuple[str, str]] = [
        (r"(?s)-----BEGIN [A-Z0-9 -]+-----.*?-----END [A-Z0-9 -]+-----", "[PEM_REDACTED]"),
        (rf"\beyJ{base64}\.{base64}\.{base64}\b", "[JWT_REDACTED]"),
        (rf"{before}/(?:Users?|home|tmp|etc|var|opt|Applications){inside}*", r"\1[PATH_REDACTED]"),
        (rf"{before}[A-Za-z]:\\{inside}*", r"\1[PATH_REDACTED]"),
        (rf"{before}\\\\{inside}+", r"\1[PATH_REDACTED]"),
        (r"[a-zA-Z0-9][\w.+-]*@[\w.-]+\.(?:[a-zA-Z]{2,}|\w{2,})", "[EMAIL_REDACTED]"),
        (rf"(?i)(\b(?:{words})\s*[:=]\s*[\"']?)([^\s\"',}}\]]+)", r"\1[REDACTED]"),
        (
            r"(?i)\b(session[_-]?id|user[_-]?id|request[_-]?id|trace[_-]?id)\s*[:=]\s*[\"']?[\w.-]+",
            r"\1[ID_REDACTED]",
        ),
        (
            rf"(?i)(\bchannel\s*[:=]\s*[\"']?|当前的\s*channel\s*[:：]\s*)({channels})\b",
            r"\1[CHANNEL_ID_REDACTED]",
        ),
        (r"(?i)\bou_[0-9a-f]{32}\b", "[CHANNEL_ID_REDACTED]"),
        (r"\b(ou_|u_|uid_)[0-9a-zA-Z_-]{16,64}\b", "[CHANNEL_ID_REDACTED]"),
        (r"\b1[3-9]\d{9}\b", "[PHONE_REDACTED]"),
        (r"\+\d{1,4}[-.\s]?\d{6,14}\b", "[PHONE_REDACTED]"),
        (
            r"\b[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]\b",
            "[ID_CARD_REDACTED]",
        ),
        (rf"(?<![0-9.])(?:{octet}\.){{3}}{octet}(?![0-9])", "[IP_REDACTED]"),
        (r"\[[0-9A-Fa-f:.]{3,}\](?::\d{1,5})?\b", "[IP_REDACTED]"),
        (r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b", "[MAC_REDACTED]"),
    ]
    compiled = [(re.compile(pattern), replacement) for pattern, replacement in rules]

    def clean(text: str) -> str:
        for pattern, replacement in compiled:
            text = pattern.sub(replacement, text)
        return text

    return clean


REFERENCES: Mapping[str, Reference] = {
    "chinese_convert_mapper": chinese_convert,
    "clean_copyright_mapper": clean_copyright,
    "clean_html_mapper": clean_html,
    "expand_macro_mapper": expand_macro,
    "pii_redaction_mapper": pii_redaction,
    "remove_bibliography_mapper": remove_bibliography,
    "remove_comments_mapper": remove_comments,
    "remove_header_mapper": remove_header,
    "remove_long_words_mapper": remove_long_words,
    "remove_non_chinese_character_mapper": remove_non_chinese_character,
    "remove_repeat_sentences_mapper": remove_repeat_sentences,
    "remove_specific_chars_mapper": remove_specific_chars,
    "remove_table_text_mapper": remove_table_text,
    "remove_words_with_incorrect_substrings_mapper": remove_words_with_incorrect_substrings,
    "replace_content_mapper": replace_content,
    "sentence_split_mapper": sentence_split,
    "text_chunk_mapper": text_chunk,
}

CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("chinese_convert_mapper", {}),
    ("chinese_convert_mapper", {"mode": "tw2sp"}),
    ("clean_copyright_mapper", {}),
    ("clean_html_mapper", {}),
    ("expand_macro_mapper", {}),
    ("pii_redaction_mapper", {}),
    ("remove_bibliography_mapper", {}),
    ("remove_comments_mapper", {}),
    ("remove_comments_mapper", {"inline": False}),
    ("remove_header_mapper", {}),
    ("remove_header_mapper", {"drop_no_head": False}),
    ("remove_long_words_mapper", {}),
    ("remove_long_words_mapper", {"min_len": 3, "max_len": 7}),
    ("remove_non_chinese_character_mapper", {}),
    ("remove_non_chinese_character_mapper", {"keep_alphabet": False, "keep_punc": False}),
    ("remove_repeat_sentences_mapper", {}),
    ("remove_repeat_sentences_mapper", {"lowercase": True}),
    ("remove_repeat_sentences_mapper", {"ignore_special_character": False, "min_repeat_sentence_length": 4}),
    ("remove_specific_chars_mapper", {}),
    ("remove_specific_chars_mapper", {"chars_to_remove": "aeiou.["}),
    ("remove_table_text_mapper", {}),
    ("remove_table_text_mapper", {"min_col": 3, "max_col": 3}),
    ("remove_words_with_incorrect_substrings_mapper", {}),
    ("remove_words_with_incorrect_substrings_mapper", {"substrings": ["un", "-", "é"]}),
    ("replace_content_mapper", {"pattern": "colou?r", "repl": "hue"}),
    ("replace_content_mapper", {"pattern": "[0-9]+", "repl": "#"}),
    ("replace_content_mapper", {"pattern": r"(\w+) \1", "repl": r"\1"}),
    ("sentence_split_mapper", {}),
    ("text_chunk_mapper", {}),
    ("text_chunk_mapper", {"max_len": 10, "split_pattern": None}),
    ("text_chunk_mapper", {"max_len": 12, "overlap_len": 4}),
)
"""Operators with parameters, for tests and measurements."""
