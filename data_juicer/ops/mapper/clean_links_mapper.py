"""Removes links."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import Bytes, Counts, byte_table, bytes_of, positions_of
from data_juicer.kernels.patterns.spans import change_spans, spans_around
from data_juicer.ops.bases.pattern_mapper import PatternMapper

# A match holds no white space and looks at one character before it only, so that the tokens between these bytes
# can be searched one by one. Other white space may be in a token: it is then longer than need be.
_BORDERS: Final = b" \n\t\r"

# First bytes of the letters outside ASCII that [a-z] matches when case is ignored (the long s, the Kelvin sign and
# the two of Turkish i).
_FOLDED: Final = b"\xc4\xc5\xe2"
_LETTERS: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BEFORE_COLON: Final = byte_table(_LETTERS + b"0123456789_-" + bytes(range(0x80, 0x100))).view(np.bool_)
_BEHIND_COLON: Final = byte_table(_LETTERS + b"0123456789%/" + _FOLDED).view(np.bool_)
_SIGNS: Final = byte_table(b":/wW")
_DOT_BEFORE_SLASH: Final = (3, 4, 5)  # a dot, two to four letters, a slash


class CleanLinksMapper(PatternMapper):
    """URL removal: replaces links with a scheme (`word:value` counts as one), from `www.`, or `host.domain/`.

    Args:
        pattern: a regular expression to replace instead; `r'...'` around it is dropped.
        repl: what a link is replaced with.
    """

    name: ClassVar[str] = "clean_links_mapper"
    default_pattern: ClassVar[str] = (
        r"(?i)\b((?:[a-z][\w-]+:(?:\/{1,3}|[a-z0-9%])|www\d{0,3}[.]|[a-z0-9.\-]+[.][a-z]{2,4}\/)"
        r"(?:[^\s()<>]+|\(([^\s()<>]+|(\([^\s()<>]+\)))*\))+"
        r"(?:\(([^\s()<>]+|(\([^\s()<>]+\)))*\)|[^\s`!()\[\]{};:\'\".,<>?«»“”‘’]))"
    )

    def __init__(self, pattern: str | None = None, repl: str = "") -> None:
        super().__init__(pattern, repl)

    def map_default(self, text: pa.Array) -> pa.Array:
        utf8 = bytes_of(text)
        starts, stops = spans_around(utf8, candidates(utf8), _BORDERS)
        data = utf8.data.tobytes()

        def replaced(start: int, stop: int) -> bytes | None:
            token = data[start:stop].decode()
            changed = self.substitution.text(token)
            return None if changed == token else changed.encode()

        changed = change_spans(utf8, starts, stops, replaced)
        return text if changed is None else changed


def candidates(utf8: Bytes) -> Counts:
    """A byte of every place where a link can begin: each match of the pattern holds one of them.

    They are colons between a word and a value, `www`, and slashes after what may be a domain.
    """
    data = np.concatenate([np.zeros(8, np.uint8), utf8.data, np.zeros(2, np.uint8)])
    signs = positions_of(data, _SIGNS)
    sign = data[signs]
    colons, slashes = signs[sign == ord(":")], signs[sign == ord("/")]
    colons = colons[_BEFORE_COLON.take(data[colons - 1]) & _BEHIND_COLON.take(data[colons + 1])]
    w = signs[(sign | 0x20) == ord("w")]
    thrice = w[((data[w + 1] | 0x20) == ord("w")) & ((data[w + 2] | 0x20) == ord("w"))]
    wide = np.logical_or.reduce([data[slashes - distance] >= 0x80 for distance in (1, 2, 3, 4)])
    dotted = np.logical_or.reduce([data[slashes - distance] == ord(".") for distance in _DOT_BEFORE_SLASH])
    return np.concatenate([colons, thrice, slashes[wide | dotted]]) - 8
