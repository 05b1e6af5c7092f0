"""What the pages of a column say of themselves, read from their headers without unpacking them. Pure.

A footer says how large each column is; its pages say it again, and Arrow makes room for what a page says. Headers are Thrift
structs in the compact protocol. Source: the Apache Parquet format, parquet.thrift (PageHeader), and the Thrift specification,
thrift-compact-protocol.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_UNPACKED_SIZE: Final = 2
_PACKED_SIZE: Final = 3
_INTEGERS: Final = frozenset({4, 5, 6})
_BINARY: Final = 8
_LISTS: Final = frozenset({9, 10})
_STRUCT: Final = 12
_NESTED_MAX: Final = 16


class PageError(ValueError):
    """What should be the header of a page is none."""


@dataclass(frozen=True, slots=True)
class PageSizes:
    """Bytes of one page: its header, and what follows it, packed and unpacked."""

    header: int
    packed: int
    unpacked: int


def page_sizes(chunk: memoryview) -> Iterator[PageSizes]:
    """The pages of one column of one row group, in order.

    Args:
        chunk: its bytes, all of them.
    Raises: PageError.
    """
    start = 0
    while start < len(chunk):
        reader = _Reader(chunk, start)
        fields = reader.struct(0)
        header = reader.at - start
        packed, unpacked = fields.get(_PACKED_SIZE, -1), fields.get(_UNPACKED_SIZE, -1)
        if packed < 0 or unpacked < 0:
            raise PageError("a page does not say how large it is")
        yield PageSizes(header, packed, unpacked)
        start += header + packed


class _Reader:
    """Reads one struct; of its fields the integers at its top are kept."""

    def __init__(self, data: memoryview, at: int) -> None:
        self._data = data
        self.at = at

    def struct(self, depth: int) -> dict[int, int]:
        if depth > _NESTED_MAX:
            raise PageError("the header of a page is nested too deep")
        kept: dict[int, int] = {}
        number = 0
        while head := self._byte():
            kind, delta = head & 15, head >> 4
            number = number + delta if delta else self._integer()
            if kind in _INTEGERS:
                kept[number] = self._integer()
            else:
                self._skip(kind, depth)
        return kept

    def _skip(self, kind: int, depth: int) -> None:
        if kind in {1, 2}:  # booleans are their type
            return
        if kind == 3:
            self.at += 1
        elif kind in _INTEGERS:
            self._varint()
        elif kind == 7:
            self.at += 8
        elif kind == _BINARY:
            length = self._varint()
            self.at += length
        elif kind in _LISTS:
            self._skip_list(depth)
        elif kind == _STRUCT:
            self.struct(depth + 1)
        else:
            raise PageError("the header of a page is damaged")

    def _skip_list(self, depth: int) -> None:
        head = self._byte()
        count = head >> 4
        if count == 15:
            count = self._varint()
        for _ in range(count):
            if self.at >= len(self._data):
                raise PageError("the header of a page is damaged")
            if head & 15 in {1, 2}:
                self.at += 1
            else:
                self._skip(head & 15, depth + 1)

    def _byte(self) -> int:
        if not 0 <= self.at < len(self._data):
            raise PageError("the header of a page is cut off")
        value = self._data[self.at]
        self.at += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise PageError("the header of a page is damaged")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
