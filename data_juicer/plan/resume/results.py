"""Committed results as a resume looks at them: one after the other, and no more of each than it needs.

A hundred thousand manifests with everything that their keys were made from are gigabytes of objects. Here each is decoded without
that, summed up, and packed into a few hundred bytes.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from data_juicer.errors import CheckpointCorruptError
from data_juicer.job.names import parse_result_name
from data_juicer.plan.resume.ahead import fetch_ahead
from data_juicer.plan.resume.damage import BROKEN_LINK, Damage, wrong_files
from data_juicer.store.ledger import SUMMED, LedgerSums, OperatorLedger
from data_juicer.store.manifest import DataFile
from data_juicer.store.versioned_json import VersionedJson

if TYPE_CHECKING:
    from data_juicer.job.layout import JobLayout
    from data_juicer.storage.base import Store


class SparseLedger(OperatorLedger, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The same, and without zeros where it is written: reports hold one of each operator of each partition."""


class CommittedResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A manifest of a result without what its key was made from; fields as in `store.manifest.Manifest`."""

    format_version: int
    kind: Literal["checkpoint", "result", "summary"]
    job: str
    partition: int
    operator_index: int
    key: str
    fragment: str
    reader: str
    files: tuple[DataFile, ...]
    rows: int
    ledgers: tuple[SparseLedger, ...]
    dead_letters: tuple[DataFile, ...] = ()
    traces: tuple[DataFile, ...] = ()
    produced: tuple[DataFile, ...] = ()
    attempt: str
    run: int
    created: str


_CODEC: Final = VersionedJson(CommittedResult)


_Numbers = tuple[str, int, str, int]
"""Of a file: name, size, digest, rows."""


class _Packed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A result as it is kept in memory: some 350 bytes; names of operators and whatever all results share are left out."""

    operator_index: int
    files: tuple[_Numbers, ...]
    dead_letters: tuple[_Numbers, ...]
    traces: tuple[_Numbers, ...]
    produced: tuple[_Numbers, ...]
    rows: int
    ledgers: tuple[tuple[Any, ...], ...]
    attempt: str
    run: int
    created: str


_PACK: Final = msgspec.msgpack.Encoder()
_UNPACK: Final = msgspec.msgpack.Decoder(_Packed)
_FILE: Final = attrgetter("name", "size_bytes", "digest", "rows")
_LEDGER: Final = attrgetter("index", *SUMMED)


class DoneResults:
    """The results that a run does not compute again: what they come to, and as much of each as the end of the job needs."""

    def __init__(self) -> None:
        self._packed: dict[int, bytes] = {}
        self._model: CommittedResult | None = None
        self._names: dict[int, str] = {}
        self._sums = LedgerSums()
        self.rows_out = 0

    def add(self, result: CommittedResult) -> None:
        packed = _Packed(
            result.operator_index,
            tuple(map(_FILE, result.files)),
            tuple(map(_FILE, result.dead_letters)),
            tuple(map(_FILE, result.traces)),
            tuple(map(_FILE, result.produced)),
            result.rows,
            tuple(map(_LEDGER, result.ledgers)),
            result.attempt,
            result.run,
            result.created,
        )
        self._packed[result.partition] = _PACK.encode(packed)
        self._model = self._model or result
        if len(self._names) < len(result.ledgers):
            self._names = {ledger.index: ledger.name for ledger in result.ledgers}
        self._sums.add(result.ledgers)
        self.rows_out += result.rows

    def find(self, partition: int, *, with_ledgers: bool = True) -> CommittedResult | None:
        """The result of a partition, without its key; None for a partition that is not done."""
        data, model = self._packed.get(partition), self._model
        if data is None or model is None:
            return None
        packed = _UNPACK.decode(data)
        return CommittedResult(
            format_version=model.format_version,
            kind="result",
            job=model.job,
            partition=partition,
            operator_index=packed.operator_index,
            key="",
            fragment="",
            reader=model.reader,
            files=_files(packed.files),
            rows=packed.rows,
            ledgers=tuple([_ledger(self._names, numbers) for numbers in packed.ledgers])
            if with_ledgers
            else (),
            dead_letters=_files(packed.dead_letters),
            traces=_files(packed.traces),
            produced=_files(packed.produced),
            attempt=packed.attempt,
            run=packed.run,
            created=packed.created,
        )

    def discard(self, partition: int) -> None:
        """A result was set aside, and is counted no more."""
        if (result := self.find(partition)) is not None:
            self._sums.add(result.ledgers, sign=-1)
            self.rows_out -= result.rows
            del self._packed[partition]

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, partition: object) -> bool:
        return partition in self._packed

    @property
    def ledgers(self) -> tuple[OperatorLedger, ...]:
        """The ledgers of all of them, operator by operator."""
        return self._sums.total()

    @property
    def rows_in(self) -> int:
        """Rows of the input in these partitions."""
        ledgers = self.ledgers
        return ledgers[0].rows_in if ledgers else 0


def _files(files: tuple[_Numbers, ...]) -> tuple[DataFile, ...]:
    return tuple(
        [DataFile(name=name, size_bytes=size, digest=digest, rows=rows) for name, size, digest, rows in files]
    )


def _ledger(names: dict[int, str], numbers: tuple[Any, ...]) -> SparseLedger:
    """`numbers` are in the order of `_LEDGER`, spelled out: there are as many as partitions times operators."""
    (
        index,
        rows_in,
        generated,
        rows_out,
        filtered,
        duplicate,
        dead,
        grouped,
        null_text,
        duration_s,
        text_bytes,
    ) = numbers
    return SparseLedger(
        index=index,
        name=names[index],
        rows_in=rows_in,
        rows_generated=generated,
        rows_out=rows_out,
        rows_filtered=filtered,
        rows_duplicate=duplicate,
        rows_dead_letter=dead,
        rows_grouped=grouped,
        rows_null_text=null_text,
        duration_s=duration_s,
        text_bytes=text_bytes,
    )


def read_result(store: Store, path: str) -> CommittedResult:
    """Raises: CheckpointCorruptError, NewerFormatError, FileNotFoundError."""
    return _CODEC.decode(store.read(path), path)


def read_results(
    store: Store, layout: JobLayout, damaged: list[Damage]
) -> Iterator[tuple[str, CommittedResult]]:
    """Every committed result with the path of its manifest, by partition. Those that are damaged are added to `damaged`.

    Data files are not opened: a missing one is damage here, any other damage is found when they are read for the export.
    """
    names = store.list(layout.results_dir)
    present = frozenset(names)
    paths = (
        (os.path.join(layout.results_dir, name), parsed.partition_id)
        for name in names
        if name.endswith(".json")
        and (parsed := parse_result_name(name)) is not None
        and parsed.attempt is None
    )
    for (path, partition_id), read in fetch_ahead(lambda item: read_result(store, item[0]), paths):
        try:
            result = read()
            reason = _what_is_wrong(store, layout, result, partition_id, present)
        except CheckpointCorruptError as error:
            reason = str(error)
        except FileNotFoundError:
            reason = BROKEN_LINK
        if reason is None:
            yield path, result
        else:
            damaged.append(Damage(path=path, reason=reason))


def _what_is_wrong(
    store: Store, layout: JobLayout, result: CommittedResult, partition_id: int, present: Container[str]
) -> str | None:
    if result.partition != partition_id:
        return f"it is the manifest of partition {result.partition}, operator {result.operator_index}"
    if result.kind != "result":
        return f"it is the manifest of a {result.kind}"
    for file in result.files:
        if file.name not in present:
            return f"{file.name} is missing"
    return wrong_files(store, layout.dead_letter_dir, result.dead_letters) if result.dead_letters else None
