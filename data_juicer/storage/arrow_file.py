"""A file of a store as Arrow reads it: by ranges, so that Parquet takes its footer and the columns it needs and no more."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.storage.files import Reader


class RangedFile(io.RawIOBase):
    """A reader with a position, as Python's files have one. Closing it closes the reader."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._size_bytes = reader.stat().size_bytes
        self._position = 0
        self._ranges: Sequence[tuple[int, bytes]] = ()

    def hold(self, ranges: Sequence[tuple[int, bytes]]) -> None:
        """Answer reads inside of one of these ranges, (start, bytes) in rising order, from memory; those before are forgotten."""
        self._ranges = ranges

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        stop = self._size_bytes if size is None or size < 0 else self._position + size
        data = self.read_range(self._position, stop)
        self._position += len(data)
        return data

    def read_range(self, start: int, stop: int) -> bytes:
        """The bytes [start, stop), fewer where the file ends before `stop`; the position stays."""
        number = bisect_right(self._ranges, start, key=itemgetter(0)) - 1
        if number >= 0:
            first, content = self._ranges[number]
            if stop <= first + len(content):
                return content[start - first : stop - first]
        return self._reader.read(start, stop)

    def close(self) -> None:
        self._reader.close()
        super().close()


def arrow_file(file: RangedFile) -> pa.NativeFile:
    """What Arrow takes for a file. Errors of the store come through as they are."""
    import pyarrow as pa

    return pa.PythonFile(file, mode="r")
