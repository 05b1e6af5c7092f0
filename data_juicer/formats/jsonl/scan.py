"""JSON Lines -> fragments, in one pass over the bytes, plain or as they are unpacked."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Final

import xxhash

from data_juicer.errors import InputError
from data_juicer.formats.base import Fragment, reading_input
from data_juicer.formats.compression import BrokenStreamError, read_unpacked
from data_juicer.formats.jsonl.lines import BOM, Cut, Cutter, LineIndex

if TYPE_CHECKING:
    from data_juicer.formats.base import FragmentLimits, SourceFile
    from data_juicer.storage.base import Store

CHUNK_BYTES: Final = 1 << 20
"""Small enough that a chunk is still in the cache when it is hashed after its lines were found."""


def scan_plain(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[Fragment]:
    """The fragments of an uncompressed file.

    Raises: InputError: the file cannot be read.
    """
    for fragment, _ in scan_chunks(_read_chunks(store, source.path), source, limits):
        yield fragment


def unpack(store: Store, source: SourceFile, limits: FragmentLimits) -> Iterator[tuple[Fragment, bytes]]:
    """The fragments of a file of any compression, with their bytes.

    Raises: InputError: the file cannot be read, or its packed stream is damaged.
    """
    packed = source.compression != "none"
    chunks = (
        read_unpacked(store, source.path, source.compression) if packed else _read_chunks(store, source.path)
    )
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
    fragments = _Fragments(source.index, start, keep_bytes=keep_bytes)
    while chunk := _next_chunk(rest, source, rows_seen=fragments.row_start + cutter.rows):
        fragments.hold(chunk)
        found = index.feed(chunk)
        yield from map(fragments.cut, cutter.add(found))
        if cutter.cut_before_open_line(index):
            yield fragments.cut(cutter.cut(index.open_start, index.open_line))
        # With no row yet, the incomplete line belongs to the open fragment whatever it will be.
        fragments.digest_until(index.open_start if cutter.rows else index.offset)
    yield from map(fragments.cut, cutter.add(index.finish()))
    if cutter.rows:
        yield fragments.cut(Cut(index.offset, 0, cutter.rows))


def _next_chunk(chunks: Iterator[bytes], source: SourceFile, *, rows_seen: int) -> bytes:
    """The next bytes of a source, none at its end."""
    try:
        return next(filter(None, chunks), b"")
    except BrokenStreamError as error:
        raise InputError(
            f"{source.path}: the {source.compression} stream breaks off or is damaged after row {rows_seen:,} ({error}). "
            "Nothing was processed. Replace the file, or unpack what is whole and use that."
        ) from error


class _Fragments:
    """Turns cuts into fragments, hashing the bytes between them on the way."""

    def __init__(self, source: int, start: int, *, keep_bytes: bool) -> None:
        self._source = source
        self._keep_bytes = keep_bytes
        self._byte_start = self._digested = start
        self.row_start = 0
        self._line_start = 1
        self._held: deque[memoryview] = deque()
        self._kept: list[memoryview] = []
        self._hash = xxhash.xxh3_128()

    def hold(self, chunk: bytes) -> None:
        self._held.append(memoryview(chunk))

    def digest_until(self, byte: int) -> None:
        while self._digested < byte:
            view = self._held.popleft()
            count = min(len(view), byte - self._digested)
            if count < len(view):
                self._held.appendleft(view[count:])
            self._hash.update(view[:count])
            if self._keep_bytes:
                self._kept.append(view[:count])
            self._digested += count

    def cut(self, cut: Cut) -> tuple[Fragment, bytes]:
        self.digest_until(cut.byte)
        fragment = Fragment(
            source=self._source,
            row_start=self.row_start,
            row_stop=self.row_start + cut.rows_before,
            byte_start=self._byte_start,
            byte_stop=cut.byte,
            digest=self._hash.hexdigest(),
            line_start=self._line_start,
        )
        kept = b"".join(self._kept)
        self._kept.clear()
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


def _read_chunks(store: Store, path: str) -> Iterator[bytes]:
    with reading_input(path), store.open_read(path) as reader:
        yield from reader.chunks(CHUNK_BYTES)
