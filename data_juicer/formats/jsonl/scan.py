"""JSON Lines -> fragments, in one pass over the bytes, plain or as they are unpacked."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Final

import xxhash

from data_juicer.errors import InputError
from data_juicer.formats.base import LONG_ROW_BYTES_KEPT, Fragment
from data_juicer.formats.compression import BrokenStreamError, broken, read_chunks, read_head
from data_juicer.formats.encodings import as_utf8, encoding_of
from data_juicer.formats.jsonl.lines import BOM, Cut, Cutter, LineIndex

if TYPE_CHECKING:
    from data_juicer.formats.base import FragmentLimits, SourceFile
    from data_juicer.storage.base import Store

_BLANKS_MAX: Final = 1 << 16
"""Bytes of blank lines that a fragment of the largest size may hold besides."""
_LINE_BLANKS: Final = b" \t\r\n"
CHUNK_BYTES: Final = 1 << 20
"""Small enough that a chunk is still in the cache when it is hashed after its lines were found."""


def scan_plain(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[Fragment] | None:
    """The fragments of an uncompressed file; None where it is not in UTF-8.

    Raises: InputError: the file cannot be read.
    """
    if not is_utf8(store, source):
        return None
    with_bytes = scan_chunks(read_chunks(store, source, CHUNK_BYTES), source, limits)
    return (fragment for fragment, _ in with_bytes)


def is_utf8(store: Store, source: SourceFile) -> bool:
    """Whether lines can be read where they are, as far as the first bytes and an option say."""
    return not encoding_of(read_head(store, source.path), source.options.encoding)


def unpack(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[tuple[Fragment, bytes]]:
    """The fragments of a file of any compression and encoding, with their bytes in UTF-8.

    Raises: InputError: the file cannot be read, or its packed stream is damaged.
    """
    chunks = as_utf8(read_chunks(store, source, CHUNK_BYTES), source.options.encoding)
    return scan_chunks(chunks, source, limits, keep_bytes=True)


def scan_chunks(
    chunks: Iterable[bytes], source: SourceFile, limits: FragmentLimits, *, keep_bytes: bool = False
) -> Iterator[tuple[Fragment, bytes]]:
    """Cut a text that comes in chunks; the fragments do not depend on how it is chunked.

    Memory: one fragment and one chunk, or one row where a row is larger.

    Args:
        keep_bytes: give each fragment's bytes with it, otherwise b"".
    Raises: InputError: the chunks come from a packed stream that is damaged.
    """
    head, rest = _split_bom(iter(chunks), source)
    start = len(head)
    index, cutter = LineIndex(start), Cutter(limits, start)
    fragments = _Fragments(source, start, _kept_max(limits) if keep_bytes else None)
    while chunk := _next_chunk(rest, source, rows_seen=fragments.row_start + cutter.rows):
        fragments.hold(chunk)
        found = index.feed(chunk)
        yield from map(fragments.cut, cutter.add(found))
        if cutter.cut_before_open_line(index):
            yield fragments.cut(cutter.cut(index.open_start, index.open_line))
        # With no row yet, the incomplete line belongs to the open fragment whatever it will be.
        fragments.digest_until(index.open_start if cutter.rows else index.offset)
    yield from map(fragments.cut, cutter.add(index.finish(), newline=0))
    if cutter.rows:
        yield fragments.cut(cutter.cut(index.offset, 0))


def _kept_max(limits: FragmentLimits) -> int:
    """Bytes that a fragment may hold in memory before it must be a row that is too long."""
    if not limits.row_bytes_max:
        return sys.maxsize
    return max(limits.size_bytes_max, limits.row_bytes_max) + _BLANKS_MAX


def _next_chunk(chunks: Iterator[bytes], source: SourceFile, *, rows_seen: int) -> bytes:
    """The next bytes of a source, none at its end."""
    try:
        return next(filter(None, chunks), b"")
    except BrokenStreamError as error:
        raise broken(source, error, rows_seen) from error


class _Fragments:
    """Turns cuts into fragments, hashing the bytes between them on the way."""

    def __init__(self, source: SourceFile, start: int, kept_max: int | None) -> None:
        """`kept_max`: keep the bytes of each fragment, at most so many; None: keep none."""
        self._source = source
        self._kept_max = kept_max
        self._byte_start = self._digested = start
        self.row_start = 0
        self._line_start = 1
        self._chunks: deque[memoryview] = deque()
        self._kept: list[memoryview] = []
        self._kept_bytes = 0
        self._is_shortened = False
        self._hash = xxhash.xxh3_128()

    def hold(self, chunk: bytes) -> None:
        self._chunks.append(memoryview(chunk))

    def digest_until(self, byte: int) -> None:
        while self._digested < byte:
            view = self._chunks.popleft()
            count = min(len(view), byte - self._digested)
            if count < len(view):
                self._chunks.appendleft(view[count:])
            self._hash.update(view[:count])
            self._digested += count
            if self._kept_max is not None and not self._is_shortened:
                self._keep(view[:count], self._kept_max)

    def _keep(self, view: memoryview, kept_max: int) -> None:
        self._kept.append(view)
        self._kept_bytes += len(view)
        if self._kept_bytes > kept_max:
            self._shorten()

    def _shorten(self) -> None:
        """Keep the beginning alone of what must be a row that is too long; blanks before it are no part of it.

        Raises: InputError: it is no row.
        """
        whole = b"".join(self._kept)
        row = whole.lstrip(_LINE_BLANKS)
        if not row:
            raise self._flooded()
        blanks = len(whole) - len(row)
        self._byte_start += blanks
        self._line_start += whole[:blanks].count(b"\n")
        self._kept = [memoryview(row[:LONG_ROW_BYTES_KEPT])]
        self._is_shortened = True

    def _flooded(self) -> InputError:
        return InputError(
            f"{self._source.path}: more than {self._kept_max or 0:,} bytes of blank lines are in one place, after row "
            f"{self.row_start:,}, as in no text. Nothing was processed. If they are meant, unpack the file and use that."
        )

    def cut(self, cut: Cut) -> tuple[Fragment, bytes]:
        """Raises: InputError: what was kept is too much, and not a row that is too long."""
        self.digest_until(cut.byte)
        if self._is_shortened and not cut.long_row_bytes:
            raise self._flooded()
        kept = b"".join(self._kept)
        if self._is_shortened:
            self._hash = xxhash.xxh3_128(kept + str(cut.long_row_bytes).encode())
        fragment = Fragment(
            source=self._source.index,
            row_start=self.row_start,
            row_stop=self.row_start + cut.rows_before,
            byte_start=self._byte_start,
            byte_stop=cut.byte,
            digest=self._hash.hexdigest(),
            line_start=self._line_start,
            long_row_bytes=cut.long_row_bytes if self._is_shortened else 0,
        )
        self._kept, self._kept_bytes, self._is_shortened = [], 0, False
        self._hash.reset()
        self._byte_start, self.row_start, self._line_start = cut.byte, fragment.row_stop, cut.line
        return fragment, kept


def _split_bom(chunks: Iterator[bytes], source: SourceFile) -> tuple[bytes, Iterator[bytes]]:
    """A byte order mark at the start of a text, and the text without it."""
    head = b""
    while len(head) < len(BOM) and (chunk := _next_chunk(chunks, source, rows_seen=0)):
        head += chunk
    bom = BOM if head.startswith(BOM) else b""
    return bom, chain([head[len(bom) :]], chunks)
