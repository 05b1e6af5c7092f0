"""gzip and zstd, in and out. What is packed piece by piece may be joined: both formats allow several members in a row."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from data_juicer.formats.base import reading_input
from data_juicer.storage.arrow_file import RangedFile, arrow_file

if TYPE_CHECKING:
    from data_juicer.formats.base import Compression
    from data_juicer.storage.base import Store

CHUNK_BYTES: Final = 1 << 20
_GZIP_LEVEL: Final = 6


class BrokenStreamError(Exception):
    """A packed stream ends early or is damaged; what came out before is good."""


def read_unpacked(store: Store, path: str, compression: Compression) -> Iterator[bytes]:
    """The text of a packed file in chunks.

    Raises:
        BrokenStreamError: the stream is truncated or damaged; every chunk given before is intact.
        InputError: the file cannot be read.
    """
    import pyarrow as pa

    with reading_input(path), store.open_read(path) as reader:
        if reader.stat().size_bytes == 0:
            return
        stream = pa.CompressedInputStream(arrow_file(RangedFile(reader)), compression)
        while True:
            try:
                chunk = stream.read(CHUNK_BYTES)
            except (OSError, pa.ArrowException) as error:
                raise BrokenStreamError(str(error).splitlines()[0]) from error
            if not chunk:
                return
            yield chunk


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
