"""The records of a WARC file, cut by the lengths that their headers say; in the memory of one record.

Source: ISO 28500, WARC/1.1: `WARC/1.1`, lines of headers, an empty line, Content-Length bytes, two line ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from data_juicer.errors import InputError
from data_juicer.formats.base import LONG_ROW_BYTES_KEPT

MAGIC: Final = b"WARC/"
_ROW_TYPES: Final = frozenset({"response", "conversion"})
"""Records that hold a page, or the text of one; the others say how it was fetched."""
_LINE_ENDS: Final = b"\r\n"
_HEADER_BYTES_MAX: Final = 1 << 20


class Frame(NamedTuple):
    """A record."""

    before: bytes
    """The line ends between the record before and this one."""
    raw: bytes
    """The record, from its first header on; of one that is too long the first LONG_ROW_BYTES_KEPT."""
    headers: Mapping[str, str]
    """By name in lower case."""
    block_start: int
    """Where its block begins in `raw`."""
    start: int
    stop: int
    """Bytes of the text."""

    @property
    def is_row(self) -> bool:
        return self.headers.get("warc-type", "").lower() in _ROW_TYPES

    @property
    def is_whole(self) -> bool:
        return len(self.raw) == self.stop - self.start


def read_frames(source_path: str, chunks: Iterable[bytes], record_bytes_max: int = 0) -> Iterator[Frame]:
    """
    Args:
        record_bytes_max: of a longer record the beginning alone is kept; 0: no limit.
    Raises: InputError: the file is damaged, or no WARC.
    """
    stream = _Stream(chunks)
    number = 0
    while True:
        before = stream.take_while(_LINE_ENDS)
        start = stream.offset
        head = _header(stream)
        if not head:
            return
        headers = _headers(head)
        length = headers.get("content-length", "")
        if not head.startswith(MAGIC) or not (length.isascii() and length.isdigit()):
            raise _broken(source_path, number, start, "no record begins there")
        size = int(length)
        is_long = 0 < record_bytes_max < len(head) + size
        kept = min(size, LONG_ROW_BYTES_KEPT) if is_long else size
        block = stream.take(kept)
        skipped = stream.skip(size - kept)
        if len(block) + skipped < size:
            raise _broken(source_path, number, start, "the file ends within the record there")
        raw = (head + block)[:LONG_ROW_BYTES_KEPT] if is_long else head + block
        yield Frame(before, raw, headers, len(head), start, stream.offset)
        number += 1


def _header(stream: _Stream) -> bytes:
    """The headers of a record with the empty line after them."""
    lines: list[bytes] = []
    size = 0
    while line := stream.line(_HEADER_BYTES_MAX - size):
        lines.append(line)
        size += len(line)
        if not line.strip(_LINE_ENDS) or (len(lines) == 1 and not line.startswith(MAGIC)):
            break
    return b"".join(lines)


def _headers(head: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _broken(path: str, number: int, start: int, finding: str) -> InputError:
    return InputError(
        f"{path}: is damaged after record {number:,}, byte {start:,}: {finding}. Nothing was processed. Replace the file."
    )


class _Stream:
    """Bytes that come in chunks, taken as they are needed."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._buffer = b""
        self._at = 0
        self.offset = 0
        """Bytes that were taken."""

    def line(self, size_max: int) -> bytes:
        """The next line with its end; no more than `size_max` bytes of it."""
        end = self._buffer.find(b"\n", self._at)
        while end < 0 and len(self._buffer) - self._at < size_max and self._more():
            end = self._buffer.find(b"\n", self._at)
        stop = len(self._buffer) if end < 0 else end + 1
        return self.take(min(stop - self._at, size_max))

    def take(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        if len(self._buffer) - self._at < size:
            parts = [self._buffer[self._at :]]
            count = len(parts[0])
            while count < size and (chunk := next(self._chunks, b"")):
                parts.append(chunk)
                count += len(chunk)
            self._buffer, self._at = b"".join(parts), 0
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        self.offset += len(data)
        return data

    def take_while(self, letters: bytes) -> bytes:
        """The next bytes as long as they are some of these."""
        taken = b""
        while self._at < len(self._buffer) or self._more():
            stop = self._at
            while stop < len(self._buffer) and self._buffer[stop] in letters:
                stop += 1
            taken += self.take(stop - self._at)
            if self._at < len(self._buffer):
                break
        return taken

    def skip(self, size: int) -> int:
        """Pass over the next bytes. Returns: how many there were."""
        skipped = 0
        while skipped < size:
            if self._at == len(self._buffer) and not self._more():
                break
            step = min(size - skipped, len(self._buffer) - self._at)
            self._at += step
            skipped += step
        self.offset += skipped
        return skipped

    def _more(self) -> bool:
        chunk = next(self._chunks, b"")
        self._buffer, self._at = self._buffer[self._at :] + chunk, 0
        return bool(chunk)
