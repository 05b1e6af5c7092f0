"""gzip and zstd, in and out. What is packed piece by piece may be joined: both formats allow several members in a row."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from data_juicer.errors import InputError

if TYPE_CHECKING:
    from data_juicer.formats.base import Compression

CHUNK_BYTES: Final = 1 << 20
_GZIP_LEVEL: Final = 6


class BrokenStreamError(Exception):
    """A packed stream ends early or is damaged; what came out before is good."""


def read_unpacked(path: str, compression: Compression) -> Iterator[bytes]:
    """The text of a packed file in chunks.

    Raises:
        BrokenStreamError: the stream is truncated or damaged; every chunk given before is intact.
        InputError: the file cannot be read.
    """
    import pyarrow as pa

    try:
        file = pa.OSFile(path, "rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    with file:
        if file.size() == 0:
            return
        stream = pa.CompressedInputStream(file, compression)
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
