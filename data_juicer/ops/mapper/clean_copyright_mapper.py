"""Copyright comments at the head of source code."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import regex

from data_juicer.kernels.characters.codepoints import bytes_of
from data_juicer.kernels.rows import containing, map_rows
from data_juicer.ops.base import TextMapper

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.kernels.arrays import Mask

_COPYRIGHT: Final = regex.compile("copyright", regex.IGNORECASE)
_LINE_COMMENTS: Final = ("//", "#", "--")


class CleanCopyrightMapper(TextMapper):
    """Copyright notice removal: removes the first block comment if it mentions copyright; in a text without block comment, the leading lines
    that are empty or start with `//`, `#` or `--`.

    Example: /* Copyright 2020 A. */ int x; -> int x;

    Args:
        keep_other_comments: remove leading comment lines only if they speak of copyright, so that Markdown titles
            and `#include` stay.
    """

    name: ClassVar[str] = "clean_copyright_mapper"

    def __init__(self, keep_other_comments: bool = False) -> None:
        self.keep_other_comments = keep_other_comments

    def map_text(self, text: pa.Array) -> pa.Array:
        return map_rows(text, containing(text, "/*") | _head_may_be_comment(text), self._clean)

    def _clean(self, text: str) -> str:
        start = text.find("/*")
        stop = text.find("*/", start + 2) if start >= 0 else -1
        if stop >= 0:
            stop += 2
            return text[:start] + text[stop:] if _COPYRIGHT.search(text, start, stop) else text
        end = _head_end(text)
        if self.keep_other_comments and not _COPYRIGHT.search(text, 0, end):
            return text
        return text[end:]


def _head_may_be_comment(text: pa.Array) -> Mask:
    """Where a row starts with a character that an empty or a comment line starts with."""
    utf8 = bytes_of(text)
    filled = utf8.offsets[1:] > utf8.offsets[:-1]
    mask = np.zeros(len(text), np.bool_)
    mask[filled] = np.isin(utf8.data[utf8.offsets[:-1][filled]], np.frombuffer(b"\n/#-", np.uint8))
    return mask


def _head_end(text: str) -> int:
    """Where the leading lines end that are empty or comments."""
    position = 0
    while text.startswith("\n", position) or text.startswith(_LINE_COMMENTS, position):
        newline = text.find("\n", position)
        if newline < 0:
            return len(text)
        position = newline + 1
    return position
