"""metadata/result_index: results that were found to be the wanted ones, so that a later start need not read their manifests.

A record says: the manifest of this partition, in this version, is what this pipeline makes of this fragment, and these are its files.
The manifests decide all the same: each is looked for where it belongs, and a record counts only where the version of the manifest
(inode, time and size, or what an object store answers) is the recorded one; any other manifest is read. The bytes of results
are checked against recorded digests as they are against those of a manifest.

The file is a row of groups, each a length, the xxh3-64 of what follows, and records with the sum of their ledgers. It grows at its
end, is never synced, and is begun anew where it is damaged or mostly old: with it nothing is lost but time.
"""

from __future__ import annotations

import contextlib
import struct
from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec
import xxhash

from data_juicer.errors import StoreError
from data_juicer.store.ledger import OperatorLedger
from data_juicer.store.manifest import DataFile

if TYPE_CHECKING:
    from data_juicer.storage.base import Store
    from data_juicer.storage.files import Reader

FORMAT: Final = 1
GROUP_RECORDS: Final = 512
INDEXED_MIN: Final = 1000
"""Fewer results are read sooner than an index is kept."""
_SETTLED_S: Final = 2
_UNPACKED_MAX: Final = 8
"""Groups that stay in memory, as far as they are looked into."""
_FRAME: Final = struct.Struct("<IQ")
_NOT_DECODED: Final = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)


def settled_ns(now: datetime) -> int:
    """Files that were written before this time, in nanoseconds, have another version when they are written again."""
    return int((now.timestamp() - _SETTLED_S) * 1e9)


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """As much of a result as the end of a job needs, and what it is the result of."""

    partition: int
    fragment: str
    """`PartitionSpec.digest`, escaped: the suffix of a file need not be UTF-8."""
    place: int
    """The position of the partition where results depend on it, else 0."""
    version: str
    """Of the manifest, as `Stat.version`."""
    operator_index: int
    files: tuple[DataFile, ...]
    dead_letters: tuple[DataFile, ...]
    traces: tuple[DataFile, ...]
    produced: tuple[DataFile, ...]
    rows: int
    attempt: str
    run: int
    created: str
    ledgers: bytes
    """Of all operators, as the JSON that reports hold."""


class _Group(msgspec.Struct, frozen=True, array_like=True):
    format: int
    pipeline: str
    sums: tuple[OperatorLedger, ...]
    records: tuple[bytes, ...]


class IndexedGroup(msgspec.Struct, frozen=True):
    """Records of a file, and what their ledgers come to."""

    number: int
    sums: tuple[OperatorLedger, ...]
    records: list[Record]


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_RECORD: Final = msgspec.msgpack.Decoder(Record)
_GROUP: Final = msgspec.msgpack.Decoder(_Group)


def encode_record(record: Record) -> bytes:
    return _ENCODE(record)


def decode_record(data: bytes) -> Record:
    return _RECORD.decode(data)


class ResultIndex:
    """Groups of records that one pipeline made, in a file or in memory."""

    def __init__(self, pipeline: str, store: Store | None = None, path: str = "") -> None:
        """
        Args:
            pipeline: digest of all that decides the key of a result beside its fragment and place.
            store, path: the file, which the driver of the job alone writes; None: groups are kept in memory.
        """
        self._pipeline = pipeline
        self._store = store
        self._path = path
        self._groups: list[tuple[int, int] | bytes] = []
        """Ranges of the file, or the group itself."""
        self._unpacked: OrderedDict[int, tuple[bytes, ...]] = OrderedDict()
        self._size_bytes = 0
        """Of what is whole at the beginning of the file."""
        self._is_cut = False
        """Whether nothing comes after that."""

    def groups(self) -> Iterator[IndexedGroup]:
        """What the file holds of this pipeline, as far as it is whole."""
        if self._store is None:
            return
        try:
            reader = self._store.open_read(self._path)
        except (FileNotFoundError, StoreError):
            return
        with reader:
            while (found := self._next(reader)) is not None:
                start, data, group = found
                self._size_bytes = start + len(data)
                if group.pipeline != self._pipeline:
                    continue
                number = self._number((start, self._size_bytes), group.records)
                records = [_RECORD.decode(record) for record in group.records]
                yield IndexedGroup(number=number, sums=group.sums, records=records)

    def _next(self, reader: Reader) -> tuple[int, bytes, _Group] | None:
        frame = reader.read(self._size_bytes, self._size_bytes + _FRAME.size)
        if len(frame) < _FRAME.size:
            self._is_cut = not frame
            return None
        size_bytes, digest = _FRAME.unpack(frame)
        start = self._size_bytes + _FRAME.size
        data = reader.read(start, start + size_bytes)
        if len(data) < size_bytes or xxhash.xxh3_64_intdigest(data) != digest:
            return None
        try:
            return start, data, _GROUP.decode(data)
        except _NOT_DECODED:  # of another version
            return None

    def begin_anew(self) -> None:
        """Forget the file: most of it is old."""
        self._groups.clear()
        self._unpacked.clear()
        self._size_bytes = 0
        self._is_cut = False

    def add(self, sums: tuple[OperatorLedger, ...], records: tuple[bytes, ...]) -> int:
        """The number of a new group. The file is not needed: where it cannot be written, the group stays in memory."""
        group = _Group(format=FORMAT, pipeline=self._pipeline, sums=sums, records=records)
        data = _ENCODE(group)
        if self._store is not None:
            with contextlib.suppress(StoreError):
                return self._number(self._append(self._store, data), records)
        return self._number(data, records)

    def _append(self, store: Store, data: bytes) -> tuple[int, int]:
        framed = _FRAME.pack(len(data), xxhash.xxh3_64_intdigest(data)) + data
        logs = store.at(self._path).logs
        if logs is None or not self._size_bytes:
            before = store.read_range(self._path, 0, self._size_bytes) if self._size_bytes else b""
            store.put(self._path, before + framed)
        else:
            if not self._is_cut:
                logs.truncate(self._path, self._size_bytes)
            logs.append(self._path, framed)
        self._is_cut = True
        start = self._size_bytes + _FRAME.size
        self._size_bytes += len(framed)
        return start, self._size_bytes

    def _number(self, where: tuple[int, int] | bytes, records: tuple[bytes, ...]) -> int:
        self._groups.append(where)
        number = len(self._groups) - 1
        self._keep(number, records)
        return number

    def _keep(self, number: int, records: tuple[bytes, ...]) -> None:
        self._unpacked[number] = records
        if len(self._unpacked) > _UNPACKED_MAX:
            self._unpacked.popitem(last=False)

    def record(self, group: int, slot: int) -> Record:
        """Raises: StoreError: somebody changed the file while the job runs."""
        records = self._unpacked.get(group)
        if records is None:
            records = self._unpack(group)
            self._keep(group, records)
        else:
            self._unpacked.move_to_end(group)
        return _RECORD.decode(records[slot])

    def _unpack(self, number: int) -> tuple[bytes, ...]:
        where = self._groups[number]
        if isinstance(where, bytes):
            return _GROUP.decode(where).records
        if self._store is not None:
            with contextlib.suppress(FileNotFoundError, *_NOT_DECODED):
                start, stop = where
                data = self._store.read_range(self._path, start - _FRAME.size, stop)
                if _FRAME.unpack_from(data) == (stop - start, xxhash.xxh3_64_intdigest(data[_FRAME.size :])):
                    return _GROUP.decode(data[_FRAME.size :]).records
        raise StoreError(
            f"{self._path}: was changed while the job ran. What is committed is safe. "
            "Start the job again: it makes this file anew."
        )
