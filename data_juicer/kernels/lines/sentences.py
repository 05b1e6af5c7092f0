"""Sentences by their closing punctuation, Latin or Chinese, and the rows that may hold one twice.

A sentence ends after a closing mark, after two ellipsis characters, or after a closing quotation mark that follows a
closing mark; never before a closing quotation mark and never at the end of a line. Of adjacent marks every second one
closes, since the character after a mark has been read when the next is looked for.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import CODE_POINTS, Counts, Points, Table, points_of, table_of

Mask = npt.NDArray[np.bool_]

_MARKS: Final = ".。！!？?"
_QUOTES: Final = "’”"
_BEFORE_QUOTE: Final = _MARKS + "{6}…2"  # as recorded: the digits and braces come from a pattern's count

_CLOSED: Final = re.compile(f"([{_MARKS}])([^{_QUOTES}])")
_ELLIPSIS: Final = re.compile(f"(……)([^{_QUOTES}])")
_QUOTED: Final = re.compile(f"([{_BEFORE_QUOTE}][{_QUOTES}])([^{_QUOTES}])")

_MARK, _LINE_FEED, _QUOTE, _LEADS_QUOTE, _DOTS, _COMPARED, _COUNTED = (1 << bit for bit in range(7))
_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_BASE_INVERSE: Final = np.uint64(pow(0x9E3779B97F4A7C15, -1, 1 << 64))


def sentences_of_line(line: str) -> list[str]:
    """The sentences of a line; joined they are the line."""
    line = _CLOSED.sub(r"\1\n\2", line)
    if "……" in line:
        line = _ELLIPSIS.sub(r"\1\n\2", line)
    if "’" in line or "”" in line:
        line = _QUOTED.sub(r"\1\n\2", line)
    return line.split("\n")


def may_repeat(column: pa.Array, *, lowercase: bool, plain: bool, length_min: int) -> Mask:
    """Where a row may hold two sentences that are compared as equal; elsewhere it surely does not. Shape (rows,).

    Args:
        lowercase: compared in lower case.
        plain: compared by Latin letters, ASCII digits, Chinese characters, spaces and tabs alone.
        length_min: shorter sentences are not compared.
    """
    text_points = points_of(column)
    needed = np.zeros(len(column), np.bool_)
    if len(text_points.points) == 0:
        return needed
    classes = _classes(lowercase, plain).take(text_points.points)
    last = np.zeros(len(classes) + 1, np.bool_)  # the last character of a row
    last[text_points.offsets[1:] - 1] = True
    starts, unsure = _sentence_starts(classes, last, text_points.offsets)
    rows = np.searchsorted(text_points.offsets, starts, "right") - 1
    needed[np.searchsorted(text_points.offsets, unsure, "right") - 1] = True
    counted = np.add.reduceat((classes & _COUNTED) != 0, starts, dtype=np.int64)
    long_enough = counted * (2 if lowercase else 1) >= length_min  # lower case makes two of U+0130
    keys = _digests(text_points, classes, starts, lowercase) + rows.astype(np.uint64) * _BASE_INVERSE
    keys, rows = keys[long_enough], rows[long_enough]
    order = np.argsort(keys)
    again = keys[order[1:]] == keys[order[:-1]]
    needed[rows[order[1:][again]]] = True
    return needed


def _sentence_starts(classes: Table, last: Mask, offsets: Counts) -> tuple[Counts, Counts]:
    """Where sentences start, and places in rows whose sentences only `sentences_of_line` tells."""
    stops = (classes & (_LINE_FEED | _QUOTE)) != 0
    stops = np.append(stops, True)
    marks = np.flatnonzero(classes & _MARK)
    fresh = np.ones(len(marks), np.bool_)  # the first of adjacent marks
    fresh[1:] = (np.diff(marks) > 1) | last[marks[:-1]]
    number = np.arange(len(marks))
    in_run = number - np.maximum.accumulate(np.where(fresh, number, 0)) if len(marks) else number
    closing = marks[(in_run % 2 == 0) & ~last[marks] & ~stops[marks + 1]]

    quotes = np.flatnonzero(classes & _QUOTE)
    quotes = quotes[(quotes > 0) & ~last[quotes] & ~last[quotes - 1] & ~stops[quotes + 1]]
    quotes = quotes[(classes[quotes - 1] & _LEADS_QUOTE) != 0]
    padded = np.append(classes, [0, 0])
    chained = quotes[((padded[quotes + 1] & _LEADS_QUOTE) != 0) & ((padded[quotes + 2] & _QUOTE) != 0)]
    dots = np.flatnonzero(classes & _DOTS)
    doubled = dots[1:][np.diff(dots) == 1]

    starting = np.zeros(len(classes) + 1, np.bool_)
    starting[offsets[:-1]] = True
    for ends in (closing, quotes, np.flatnonzero(classes & _LINE_FEED)):
        starting[ends + 1] = True
    return np.flatnonzero(starting[:-1]), np.concatenate([chained, doubled])


def _digests(text_points: Points, classes: Table, starts: Counts, lowercase: bool) -> npt.NDArray[np.uint64]:
    """A number for each sentence that depends on what is compared of it alone."""
    positions = np.flatnonzero(classes & _COMPARED)
    compared: npt.NDArray[Any] = text_points.points[positions].astype(np.uint64)
    if lowercase:
        compared += np.uint64(32) * ((compared >= ord("A")) & (compared <= ord("Z")))
    powers = np.cumprod(np.full(len(positions) + 1, _BASE))
    sums = np.zeros(len(positions) + 1, np.uint64)
    np.cumsum(compared * powers[:-1], out=sums[1:])
    inverses = np.cumprod(np.full(len(positions) + 1, _BASE_INVERSE))
    bounds = np.append(np.searchsorted(positions, starts), len(positions))
    digests: npt.NDArray[np.uint64] = (sums[bounds[1:]] - sums[bounds[:-1]]) * inverses[bounds[:-1]]
    return digests


@cache
def _classes(lowercase: bool, plain: bool) -> Table:
    table = np.zeros(CODE_POINTS, np.uint8)
    classes = (
        (_MARK, _MARKS),
        (_LINE_FEED, "\n"),
        (_QUOTE, _QUOTES),
        (_LEADS_QUOTE, _BEFORE_QUOTE),
        (_DOTS, "…"),
    )
    for bit, characters in classes:
        table |= bit * table_of(characters)
    letters = [chr(point) for point in range(0x80) if chr(point).isalnum()]
    if plain:
        letters += map(chr, range(0x4E00, 0x9FA6))
        compared = table_of(letters)
        counted = table_of([*letters, " ", "\t", "\u212a", "\u0130"])
    else:
        compared = 1 - table_of([chr(point) for point in range(CODE_POINTS) if chr(point).isspace()])
        counted = np.ones(CODE_POINTS, np.uint8)
    if lowercase:  # k and i also stand for U+212A and U+0130; beyond ASCII lower case is not looked up
        compared = compared * (1 - table_of("kKiI"))
        if not plain:
            compared[0x80:] = 0
    table |= compared * np.uint8(_COMPARED) | counted * np.uint8(_COUNTED)
    return table
