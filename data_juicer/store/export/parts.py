"""The parts of an export, in their order, packed: a hundred thousand of them as objects are thirty megabytes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from data_juicer.portable import encode_json
from data_juicer.store.manifest import FileName

_CHUNK: Final = 512


class PublishedPart(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    partition: int
    file: FileName
    rows: int
    size_bytes: int
    digest: str
    row_stats: str = ""
    """Digest of the file of stats beside it (`store.export.row_stats`); empty: there is none."""


_PACK: Final = msgspec.msgpack.Encoder().encode
_UNPACK: Final = msgspec.msgpack.Decoder(
    tuple[list[int], list[str], list[int], list[int], list[str], list[str]]
)
"""Fields of parts, in their order, each a column."""


class Parts:
    """Parts in their order, of which few are objects at a time."""

    def __init__(self, parts: Iterable[PublishedPart] = ()) -> None:
        self._packed: list[bytes] = []
        self._open: list[PublishedPart] = []
        self.size_bytes = 0
        """Of all parts together."""
        self.have_row_stats = False
        for part in parts:
            self.append(part)

    def append(self, part: PublishedPart) -> None:
        self._open.append(part)
        self.size_bytes += part.size_bytes
        self.have_row_stats |= bool(part.row_stats)
        if len(self._open) == _CHUNK:
            self._packed.append(_PACK(tuple(zip(*map(msgspec.structs.astuple, self._open), strict=True))))
            self._open = []

    def __len__(self) -> int:
        return len(self._packed) * _CHUNK + len(self._open)

    def __iter__(self) -> Iterator[PublishedPart]:
        for chunk in self._chunks():
            yield from chunk

    def _chunks(self) -> Iterator[list[PublishedPart]]:
        for packed in self._packed:
            yield [
                PublishedPart(
                    partition=partition, file=file, rows=rows, size_bytes=size, digest=digest, row_stats=stats
                )
                for partition, file, rows, size, digest, stats in zip(*_UNPACK.decode(packed), strict=True)
            ]
        if self._open:
            yield self._open

    def packed(self) -> Iterator[bytes]:
        """All of them as JSON, so many with commas between them at a time."""
        for chunk in self._chunks():
            yield encode_json(chunk)[1:-1]
