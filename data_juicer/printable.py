"""Text from data, file names and exceptions, made safe for a terminal and for a log that people open in one. Pure."""

from __future__ import annotations

import re
from typing import Final

from data_juicer.redaction import hide

_LINE_END: Final = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_QUOTED: Final = re.compile(r"[^ -~]")


def printable(text: str) -> str:
    r"""The text in one line, everything escaped that a terminal would obey instead of showing.

    Control characters (ANSI sequences begin with one), marks that turn the direction of writing, half surrogate pairs
    (bytes of a file name that are not UTF-8) and spaces that look like others become `\x1b` and the like. Letters of
    every script stay. A line end becomes one space. Secrets of this process are taken out.
    """
    text = hide(text)
    if text.isprintable():
        return text
    joined = _LINE_END.sub(" ", text.strip("\r\n"))
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in joined)


def printable_json(text: str, *, is_ascii: bool) -> str:
    """JSON with every character escaped, the JSON way, that a terminal would obey.

    Args:
        text: encoded JSON; its only control characters outside strings are line ends.
        is_ascii: escape everything beyond ASCII, for a stream whose encoding cannot hold it.
    """
    return "".join(f"{_json_line(line, is_ascii=is_ascii)}\n" for line in text.rstrip("\n").split("\n"))


def _json_line(line: str, *, is_ascii: bool) -> str:
    if line.isprintable() and not (is_ascii and not line.isascii()):
        return line
    return _QUOTED.sub(
        lambda match: match[0] if match[0].isprintable() and not is_ascii else _json_escape(match[0]), line
    )


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
