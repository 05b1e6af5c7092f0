"""gzip and zstd, in and out, bzip2, xz and lz4 in. What is packed piece by piece may be joined: members may follow each other.

Memory is bounded whatever a file claims: text comes in chunks, a zstd window is at most 128 MiB, and a file that unpacks to
more than `RATIO_MAX` times its size is refused once that is more than `FREE_BYTES`.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Protocol

from data_juicer.errors import InputError
from data_juicer.formats.base import reading_input
from data_juicer.storage.arrow_file import RangedFile, arrow_file
from data_juicer.storage.files import Reader, Stat

if TYPE_CHECKING:
    from data_juicer.formats.base import Compression, SourceFile
    from data_juicer.storage.base import Store

CHUNK_BYTES: Final = 1 << 20
FREE_BYTES: Final = 256 << 20
"""As much text may come out of a file of any size."""
RATIO_MAX: Final = 1000
"""Bytes of text for one packed byte, beyond FREE_BYTES. gzip reaches 1,032 on zeros; real text stays below 100."""
WINDOW_BYTES_MAX: Final = 1 << 27
"""Of zstd, as its own tool has it without --long=31."""
_XZ_MEMORY_BYTES: Final = 1 << 28
"""Of its dictionary: xz -9 needs 65 MiB."""
_GZIP_LEVEL: Final = 6
_GZIP_BITS: Final = 31
_READ_BYTES: Final = 1 << 18
_FINE_BYTES: Final = 1 << 12
_CHECKSUM: Final = "its check sum is wrong, so that rows before may be damaged too"
_MAGIC: Final = {
    "none": b"",
    "gzip": b"\x1f\x8b",
    "zstd": b"\x28\xb5\x2f\xfd",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\0",
    "lz4": b"\x04\x22\x4d\x18",
}


class _Decompressor(Protocol):
    """Of bz2 and lzma."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class BrokenStreamError(Exception):
    """A packed stream ends early or is damaged; what came out before is good."""


def magic_of(compression: Compression) -> bytes:
    """The first bytes of a packed file."""
    return _MAGIC[compression]


def read_unpacked(store: Store, path: str, compression: Compression) -> Iterator[bytes]:
    """The text of a packed file in chunks of at most CHUNK_BYTES.

    Raises:
        BrokenStreamError: the stream is truncated or damaged; every byte before the damage was given, of bzip2 and xz every
            whole block.
        InputError: the file cannot be read, or unpacks to more than a text would.
    """
    with reading_input(path), store.open_read(path) as reader:
        unpack = _UNPACK[compression]
        packed, given = _Packed(path, reader), 0
        for chunk in unpack(packed):
            given += len(chunk)
            if given > FREE_BYTES and given > RATIO_MAX * packed.taken:
                raise InputError(
                    f"{path}: unpacks to more than {RATIO_MAX:,} times its size, as no text does. Nothing was processed. "
                    "If it is meant, unpack it and use that."
                )
            yield chunk


def read_chunks(store: Store, source: SourceFile, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The bytes of a file of any compression.

    Args:
        size: of the chunks of a file that is not packed.
    Raises: BrokenStreamError, InputError: as for `read_unpacked`.
    """
    if source.compression != "none":
        yield from read_unpacked(store, source.path, source.compression)
        return
    with reading_input(source.path), store.open_read(source.path) as reader:
        yield from reader.chunks(size)


def read_head(store: Store, path: str, size: int = 4) -> bytes:
    """The first bytes of a file that is not packed. Raises: InputError."""
    with reading_input(path), store.open_read(path) as reader:
        return reader.read(0, size)


def broken(source: SourceFile, error: BrokenStreamError, row: int) -> InputError:
    """The error for a packed stream that is damaged after so many rows."""
    return InputError(
        f"{source.path}: the {source.compression} stream breaks off or is damaged after row {row:,} ({error}). "
        "Nothing was processed. Replace the file, or unpack what is whole and use that."
    )


class _Packed(Reader):
    """A packed file, and how far it was read. Arrow closes what it reads; this is read again where it is damaged."""

    def __init__(self, path: str, reader: Reader) -> None:
        self.path = path
        self.taken = 0
        """Bytes from its start that were read."""
        self._reader = reader

    def stat(self) -> Stat:
        return self._reader.stat()

    def read(self, start: int, stop: int) -> bytes:
        data = self._reader.read(start, stop)
        self.taken = start + len(data)
        return data

    def close(self) -> None:
        """The file stays open as long as it is read."""


def _gunzip(packed: _Packed) -> Iterator[bytes]:
    given = 0
    try:
        for chunk in _gzip_chunks(packed):
            yield chunk
            given += len(chunk)
    except zlib.error as error:
        yield from _before_damage(_gzip_chunks(packed, fine_after=given), given)
        reason = str(error).rpartition(": ")[2]
        raise BrokenStreamError(_CHECKSUM if "data check" in reason else reason) from error


def _gzip_chunks(reader: _Packed, fine_after: int | None = None) -> Iterator[bytes]:
    """Members in a row; zeros after the last one are padding, as gzip has it.

    Args:
        fine_after: after so many bytes packed bytes are taken one at a time, so that little is lost where one is damaged.
    """
    file = RangedFile(reader)
    member, packed, given = zlib.decompressobj(_GZIP_BITS), file.read(_FINE_BYTES), 0
    is_open = bool(packed)
    while packed:
        if not is_open and not (packed := packed.lstrip(b"\0")):
            packed = file.read(_FINE_BYTES)
            continue
        if not is_open:
            member = zlib.decompressobj(_GZIP_BITS)
        taken = len(packed)
        if fine_after is not None:
            taken = 1 if given >= fine_after else min(taken, _FINE_BYTES)
        chunk = member.decompress(packed[:taken], CHUNK_BYTES)
        packed = (member.unused_data or member.unconsumed_tail) + packed[taken:]
        is_open = not member.eof
        given += len(chunk)
        if chunk:
            yield chunk
        packed = packed or file.read(_READ_BYTES if fine_after is None else _FINE_BYTES)
    if is_open:
        raise BrokenStreamError("it ends within the packed data")


def _unzstd(packed: _Packed) -> Iterator[bytes]:
    """Frames in a row."""
    head = packed.read(0, 6)
    if not head:
        return
    window = _zstd_window(head)
    if window > WINDOW_BYTES_MAX:
        raise InputError(
            f"{packed.path}: was packed with a window of {window >> 20:,} MiB, at most {WINDOW_BYTES_MAX >> 20} MiB are read "
            "(zstd --long=27). Nothing was processed. Pack it again: zstd -dc --long=31 FILE | zstd > NEW"
        )
    yield from _by_arrow(packed, "zstd")


def _unlz4(packed: _Packed) -> Iterator[bytes]:
    """Frames in a row. A block has at most 4 MiB."""
    if packed.read(0, 1):
        yield from _by_arrow(packed, "lz4")


def _by_arrow(packed: _Packed, codec: str) -> Iterator[bytes]:
    import pyarrow as pa

    given = 0
    try:
        for chunk in _arrow_chunks(packed, codec, CHUNK_BYTES):
            yield chunk
            given += len(chunk)
    except (OSError, pa.ArrowException) as error:
        yield from _before_damage(_arrow_chunks(packed, codec, 1 << 10), given)
        raise BrokenStreamError(str(error).splitlines()[0]) from error


def _arrow_chunks(packed: _Packed, codec: str, size: int) -> Iterator[bytes]:
    import pyarrow as pa

    stream = pa.CompressedInputStream(arrow_file(RangedFile(packed)), codec)
    while chunk := stream.read(size):
        yield chunk


def _members(packed: _Packed, make: Callable[[], _Decompressor], padding: bytes) -> Iterator[bytes]:
    """Members in a row, and what may follow the last one."""
    file = RangedFile(packed)
    data, member = file.read(_READ_BYTES), make()
    is_open = bool(data)
    while data or not member.needs_input:
        if not is_open and not (data := data.lstrip(padding)):
            data = file.read(_READ_BYTES)
            if not data:
                return
            continue
        if not is_open:
            member = make()
        try:
            chunk = member.decompress(data, CHUNK_BYTES)
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise BrokenStreamError(str(error)) from error
        is_open = not member.eof
        data = member.unused_data if member.eof else b""
        if chunk:
            yield chunk
        if not data and (member.eof or member.needs_input):
            data = file.read(_READ_BYTES)
        if member.eof and not data:
            return
    if is_open:
        raise BrokenStreamError("it ends within the packed data")


def _bunzip2(packed: _Packed) -> Iterator[bytes]:
    return _members(packed, bz2.BZ2Decompressor, b"")


def _unxz(packed: _Packed) -> Iterator[bytes]:
    """Zeros between and after streams are padding."""
    return _members(packed, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY_BYTES), b"\0")


_UNPACK: Final = {"gzip": _gunzip, "zstd": _unzstd, "bzip2": _bunzip2, "xz": _unxz, "lz4": _unlz4}


def _before_damage(chunks: Iterator[bytes], given: int) -> Iterator[bytes]:
    """The bytes between what was given in whole chunks and the damage, from a stream in finer chunks."""
    import pyarrow as pa

    seen = 0
    try:
        for chunk in chunks:
            seen += len(chunk)
            if seen > given:
                yield chunk[-(seen - given) :]
                given = seen
    except (OSError, pa.ArrowException, zlib.error):
        return


def _zstd_window(head: bytes) -> int:
    """The bytes that a frame asks to be remembered; 0 where its first bytes do not say it.

    Source: RFC 8878, section 3.1.1.1.
    """
    if len(head) < 6 or not head.startswith(_MAGIC["zstd"]) or head[4] & 0x20:
        return 0
    base = 1 << (10 + (head[5] >> 3))
    return base + base // 8 * (head[5] & 7)


def compress(data: bytes, compression: Compression) -> bytes:
    """One packed member of `data`: equal bytes for equal data, no time in it."""
    match compression:
        case "none":
            return data
        case "gzip":
            return gzip.compress(data, _GZIP_LEVEL, mtime=0)
        case "zstd":
            import pyarrow as pa

            packed: bytes = pa.compress(data, codec="zstd", asbytes=True)
            return packed
        case "bzip2":
            return bz2.compress(data)
        case "xz":
            return lzma.compress(data)
        case "lz4":
            import pyarrow as pa

            framed: bytes = pa.compress(data, codec="lz4", asbytes=True)
            return framed
