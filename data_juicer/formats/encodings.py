"""Text in any encoding -> UTF-8, chunk by chunk: a byte order mark names the encoding, or an option does.

What the encoding does not allow comes out as bytes that are not UTF-8, so that the reader names the row.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8: Final = frozenset({"", "utf-8", "utf-8-sig", "ascii"})
"""ASCII is UTF-8, and what is none is found when rows are read."""
_NO_TEXT: Final = frozenset(
    {
        "idna",
        "punycode",
        "unicode_escape",
        "raw-unicode-escape",
        "unicode-escape",
        "raw_unicode_escape",
        "undefined",
        "utf-7",
        "mbcs",
        "oem",
    }
)
"""Codecs of Python that decode texts in which no file is written: some are slow, or make half surrogate pairs."""
_MARK_BYTES: Final = 4
BROKEN: Final = "\udcff".encode("utf-8", "surrogatepass")
"""What comes out for bytes that the encoding does not allow: half a surrogate pair, which no text and no UTF-8 holds."""
_ERRORS: Final = "data_juicer.mark_broken"


def _mark_broken(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 - nothing else decodes
    return "\udcff", error.end


codecs.register_error(_ERRORS, _mark_broken)


def is_encoding(name: str) -> bool:
    """Whether texts are written in this; names come from recipes and from pages of the net."""
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return bool(found._is_text_encoding) and found.name not in _NO_TEXT  # noqa: SLF001 - what str.encode asks, too


def encoding_of(head: bytes, given: str = "") -> str:
    """The encoding of a text, empty for UTF-8.

    Args:
        head: its first four bytes or more.
        given: what an option says.
    """
    name = codecs.lookup(given).name if given else ""
    if name not in _UTF8:
        return name
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), "")


def as_utf8(chunks: Iterable[bytes], given: str = "") -> Iterator[bytes]:
    """The same text in UTF-8; text in UTF-8 is given as it is, with its mark."""
    rest = iter(chunks)
    head = b""
    while len(head) < _MARK_BYTES and (chunk := next(rest, b"")):
        head += chunk
    encoding = encoding_of(head, given)
    whole = chain([head], rest)
    yield from _transcoded(filter(None, whole), encoding) if encoding else whole


def _transcoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """No chunk is empty."""
    decoder = codecs.getincrementaldecoder(encoding)(_ERRORS)
    for chunk in chain(chunks, [b""]):
        text = decoder.decode(chunk, final=not chunk)
        if text:
            yield text.encode("utf-8", "surrogatepass")
