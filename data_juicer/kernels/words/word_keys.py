"""Refined words as 64-bit keys: all that filters need which compare words and never show them.

A refined word is one in lower case without the special characters at its ends; words of nothing else are left out.
Everything happens on the bytes of the column, so that no word becomes a string of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from data_juicer.kernels.characters.codepoints import Bytes, Counts, Table, bytes_of, offsets_of
from data_juicer.kernels.characters.special_characters import SPECIAL_CHARACTERS, special_table
from data_juicer.kernels.native import loading
from data_juicer.kernels.words.lower import decoded, lower, windows
from data_juicer.kernels.words.rejoin import words_of

Keys = npt.NDArray[np.uint64]
Octets = npt.NDArray[np.uint8]
Pairs = npt.NDArray[np.bool_]
"""A yes or no for each pair of bytes, shape (65536,)."""

CHUNK: Final = 8
"""Bytes that are mixed into a key at a time."""
CHUNKED_BYTES_MAX: Final = 256
"""Longer words are hashed one by one; a column has few of them, however long it is."""
ROUNDS_MAX: Final = 8
"""Special characters that are stripped from an end of all words at once; words with more are stripped one by one."""

_SPECIAL: Final = "".join(sorted(SPECIAL_CHARACTERS))
_MASKS: Final = np.array([(1 << (8 * size)) - 1 for size in range(CHUNK + 1)], np.uint64)
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = np.uint64(0xD6E8FEB86659FD93)


def flat(lists: pa.Array) -> tuple[pa.Array, Counts]:
    """The elements of all rows of a list, and the offsets of the rows among them, from 0."""
    offsets = lists.offsets.to_numpy().astype(np.int64, copy=False)
    return lists.values.slice(offsets[0], offsets[-1] - offsets[0]), offsets - offsets[0]


def word_keys(column: pa.Array) -> pa.Array:
    """A key for each refined word of each row: large_list of uint64, shape (rows,)."""
    if loading.functions is not None:
        keys, rows = _native_keys(bytes_of(lower(column)), special_table())
        return pa.LargeListArray.from_arrays(pa.array(rows), pa.array(keys))
    words = words_of(lower(column))
    # What is read at a time may reach over the end.
    data = np.append(words.utf8.data, np.zeros(CHUNK, np.uint8))
    starts, stops = stripped(data, words.starts, words.stops)
    keys = keys_of(data, starts, stops)
    left = starts < stops
    if not left.all():
        keys, starts = keys[left], starts[left]
    return pa.LargeListArray.from_arrays(
        pa.array(np.searchsorted(starts, words.utf8.offsets)), pa.array(keys)
    )


def token_keys(column: pa.Array) -> tuple[Keys, Counts]:
    """A key for each word of each row as it is, and the offsets of the rows among them."""
    if loading.functions is not None:
        return _native_keys(bytes_of(column), np.empty(0, np.uint8))
    words = words_of(column)
    data = np.append(words.utf8.data, np.zeros(CHUNK, np.uint8))
    return keys_of(data, words.starts, words.stops), np.searchsorted(words.starts, words.utf8.offsets)


def _native_keys(utf8: Bytes, special: Table) -> tuple[Keys, Counts]:
    """The same, words being stripped of special characters where `special` is not empty."""
    words_max = (len(utf8.data) + len(utf8.offsets)) // 2 + 1
    keys, rows = np.empty(words_max, np.uint64), np.empty_like(utf8.offsets)
    longs = np.empty((len(utf8.data) // CHUNKED_BYTES_MAX + 1, 3), np.int64)
    words, long_words = loading.functions.word_keys(utf8.data, utf8.offsets, special, keys, rows, longs)
    for word, start, stop in longs[:long_words].tolist():
        keys[word] = xxhash.xxh3_64_intdigest(utf8.data[start:stop].tobytes())
    return keys[:words].copy(), rows


def keys_of_words(words: Iterable[str]) -> Keys:
    """The key of each word as it is, not refined, shape (words,)."""
    encoded = [word.encode() for word in words]
    data = np.frombuffer(b"".join(encoded) + bytes(CHUNK), np.uint8)
    ends = offsets_of(np.array([len(word) for word in encoded], np.int64))
    return keys_of(data, ends[:-1], ends[1:])


@cache
def _heads_of_special() -> Pairs:
    """By the first two bytes of a word: whether it may begin with a special character."""
    ascii_first = (
        bytes([ord(letter), byte]) for letter in SPECIAL_CHARACTERS if letter < "\x80" for byte in range(256)
    )
    return _table([*ascii_first, *(letter.encode()[:2] for letter in SPECIAL_CHARACTERS if letter >= "\x80")])


@cache
def _tails_of_special() -> Pairs:
    """By the last two bytes of a word: whether it may end with a special character."""
    ascii_last = (
        bytes([byte, ord(letter)]) for letter in SPECIAL_CHARACTERS if letter < "\x80" for byte in range(256)
    )
    return _table([*ascii_last, *(letter.encode()[-2:] for letter in SPECIAL_CHARACTERS if letter >= "\x80")])


def _table(pairs: Iterable[bytes]) -> Pairs:
    """True for these pairs of bytes, by the number that they make in little-endian order."""
    table = np.zeros(1 << 16, np.bool_)
    table[[int.from_bytes(pair, "little") for pair in pairs]] = True
    return table


def _pairs(data: Octets) -> npt.NDArray[np.uint16]:
    """Each byte with the one after it as a number, shape (bytes - 1,); a view."""
    return windows(data, "<u2")


def stripped(data: Octets, starts: Counts, stops: Counts) -> tuple[Counts, Counts]:
    """Words without special characters at their ends; a word of nothing else has no byte left.

    Args:
        data: UTF-8, with at least 3 bytes after the last word.
        starts, stops: each word is `data[start:stop]` and not empty.
    """
    starts = _strip_starts(data, starts.copy(), stops)
    return starts, _strip_stops(data, starts, stops.copy())


def _strip_starts(data: Octets, starts: Counts, stops: Counts) -> Counts:
    """Changes and returns `starts`."""
    open_words = np.flatnonzero(_heads_of_special().take(_pairs(data)[starts]))
    for _ in range(ROUNDS_MAX):
        special, sizes = _special_at(data, starts[open_words])
        open_words = open_words[special]
        starts[open_words] += sizes[special]
        open_words = open_words[starts[open_words] < stops[open_words]]
        if not len(open_words):
            return starts
    for word in open_words.tolist():
        text = data[starts[word] : stops[word]].tobytes()
        starts[word] += len(text) - len(text.decode().lstrip(_SPECIAL).encode())
    return starts


def _strip_stops(data: Octets, starts: Counts, stops: Counts) -> Counts:
    """Changes and returns `stops`, but for words that are used up."""
    open_words = np.flatnonzero(_tails_of_special().take(_pairs(data)[np.maximum(stops - 2, 0)]))
    open_words = open_words[starts[open_words] < stops[open_words]]
    for _ in range(ROUNDS_MAX):
        last = stops[open_words] - 1
        for _ in range(3):  # back over the bytes that continue a character
            last -= (data[last] & 0xC0) == 0x80
        special, _sizes = _special_at(data, last)
        open_words = open_words[special]
        stops[open_words] = last[special]
        if not len(open_words):
            return stops
    for word in open_words.tolist():
        text = data[starts[word] : stops[word]].tobytes()
        stops[word] -= len(text) - len(text.decode().rstrip(_SPECIAL).encode())
    return stops


def _special_at(data: Octets, positions: Counts) -> tuple[npt.NDArray[np.bool_], Counts]:
    """Whether the character that starts at each place is special, and how many bytes it has."""
    points = data[positions].astype(np.int64)
    sizes = np.ones(len(positions), np.int64)
    wide = np.flatnonzero(points >= 0x80)
    if len(wide):
        points[wide], sizes[wide] = decoded(data, positions[wide])
    return special_table()[points].astype(np.bool_), sizes


def keys_of(data: Octets, starts: Counts, stops: Counts) -> Keys:
    """The key of each word `data[start:stop]`, shape (words,); CHUNK bytes must follow the last word."""
    sizes = stops - starts
    keys = sizes.astype(np.uint64) * _SPREAD
    chunks = windows(data, "<u8")
    _mix(keys, slice(None), chunks[starts] & _MASKS.take(np.minimum(sizes, CHUNK)))
    open_words = np.flatnonzero((sizes > CHUNK) & (sizes <= CHUNKED_BYTES_MAX))
    for done in range(CHUNK, CHUNKED_BYTES_MAX, CHUNK):
        if not len(open_words):
            break
        rest = sizes[open_words] - done
        _mix(keys, open_words, chunks[starts[open_words] + done] & _MASKS.take(np.minimum(rest, CHUNK)))
        open_words = open_words[rest > CHUNK]
    for word in np.flatnonzero(sizes > CHUNKED_BYTES_MAX).tolist():
        keys[word] = xxhash.xxh3_64_intdigest(data[starts[word] : stops[word]].tobytes())
    return keys


def _mix(keys: Keys, where: Any, chunks: Keys) -> None:
    """Changes `keys[where]`; `chunks` is used up."""
    chunks ^= keys[where]
    chunks *= _MIX
    chunks ^= chunks >> np.uint64(32)
    chunks *= _SPREAD
    keys[where] = chunks
