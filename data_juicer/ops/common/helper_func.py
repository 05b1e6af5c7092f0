"""Words, sentences and sets of rows, as helpers that operators written for DataJuicer import. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Final

_PUNCTUATION: Final = re.compile(r"""[\u3000-\u303f\uff00-\uffef!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]""")


class UnionFind:
    """Sets of numbers that grow together; each is named by its smallest number."""

    def __init__(self) -> None:
        self.parent: dict[int, int] = {}

    def find(self, x: int) -> int:
        """The name of the set that holds `x`."""
        root = x
        while self.parent.setdefault(root, root) != root:
            root = self.parent[root]
        while self.parent[x] != root:
            self.parent[x], x = root, self.parent[x]
        return root

    def union(self, x: int, y: int) -> None:
        one, other = self.find(x), self.find(y)
        self.parent[one] = self.parent[other] = min(one, other)


def strip(document: str, strip_characters: Collection[str]) -> str:
    """The text without these characters at its ends; a set is asked faster than a long string."""
    start, stop = 0, len(document)
    while start < stop and document[start] in strip_characters:
        start += 1
    while stop > start and document[stop - 1] in strip_characters:
        stop -= 1
    return document[start:stop]


def split_on_whitespace(document: str, new_line: bool = False, tab: bool = False) -> list[str]:
    """The words between blanks, and between line ends and tabs where that is asked for."""
    ends = " " + ("\n" if new_line else "") + ("\t" if tab else "")
    return [word for word in re.split(f"[{ends}]", document) if word]


def split_on_newline_tab_whitespace(document: str) -> list[list[list[str]]]:
    """The words of each part between tabs of each line."""
    return [[split_on_whitespace(part) for part in line.split("\t")] for line in document.split("\n")]


def merge_on_whitespace_tab_newline(sentences: Sequence[Sequence[Sequence[str]]]) -> str:
    """The text of words of parts of lines; parts and lines without words are left out."""
    lines = ["\t".join(" ".join(part) for part in line if part) for line in sentences]
    return "\n".join(line for line, parts in zip(lines, sentences, strict=True) if any(parts))


def words_augmentation(words: Sequence[str], group_size: int, join_char: str) -> list[str]:
    """Every run of so many words, joined."""
    return [join_char.join(words[start : start + group_size]) for start in range(len(words) - group_size + 1)]


def get_words_from_document(
    document: str,
    token_func: Callable[[str], list[str]] | None = None,
    new_line: bool = True,
    tab: bool = True,
) -> list[str]:
    """The words of a text: as `token_func` cuts them, or those between white space."""
    return token_func(document) if token_func else split_on_whitespace(document, new_line, tab)


def words_refinement(
    words: list[str],
    lower_case: bool = False,
    strip_chars: Collection[str] | None = None,
    use_words_aug: bool = False,
    words_aug_group_sizes: Sequence[int] = (2,),
    words_aug_join_char: str = "",
) -> list[str]:
    """The words in lower case, without special characters at their ends, and runs of them after them, as asked for."""
    if lower_case:
        words = [word.lower() for word in words]
    if strip_chars:
        words = [stripped for word in words if (stripped := strip(word, strip_chars))]
    if use_words_aug:
        runs = [words_augmentation(words, size, words_aug_join_char) for size in words_aug_group_sizes]
        words = words + [word for run in runs for word in run]
    return words


def get_sentences_from_document(document: str, model_func: Callable[[str], list[str]] | None = None) -> str:
    """The sentences of a text, one a line: as `model_func` cuts them, or its lines."""
    return "\n".join(model_func(document) if model_func else document.splitlines())


def split_text_by_punctuation(text: str) -> list[str]:
    """What is between marks of English and Chinese punctuation, without blanks around it; else the text."""
    return [part.strip() for part in _PUNCTUATION.split(text) if part.strip()] or [text]
