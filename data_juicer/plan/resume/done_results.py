"""The results that a run does not compute again: what they come to, and as much of each as the end of the job needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from data_juicer.plan.resume.result_index import (
    GROUP_RECORDS,
    Record,
    ResultIndex,
    decode_record,
    encode_record,
)
from data_juicer.plan.resume.results import CommittedResult, SparseLedger
from data_juicer.portable import PortableJson, encode_json, escape
from data_juicer.store.ledger import LedgerSums, OperatorLedger
from data_juicer.store.versioned_json import FORMAT_VERSION

_LEDGERS: Final[PortableJson[tuple[SparseLedger, ...]]] = PortableJson(tuple[SparseLedger, ...])


class DoneResults:
    """Records of an index, few of which are in memory at a time: a hundred thousand results are a hundred megabytes."""

    def __init__(self, index: ResultIndex | None = None, job: str = "", reader: str = "") -> None:
        """
        Args:
            job, reader: of all of them, as in their manifests.
        """
        self._index = index or ResultIndex("")
        self._job = job
        self._reader = reader
        self._begin()

    def _begin(self) -> None:
        self._where: dict[int, int] = {}
        """Partition -> its group times GROUP_RECORDS, and its slot there; of the group that is still open, -1 less the slot."""
        self._sums = LedgerSums()
        self._open: list[bytes] = []
        self._open_partitions: list[int] = []
        self._open_sums = LedgerSums()
        self.rows_out = 0

    def take(self, is_wanted: Callable[[Record], bool]) -> None:
        """Take what the index holds and this run wants: those manifests need not be read."""
        total = 0
        for group in self._index.groups():
            total += len(group.records)
            count = len(self._where)
            for slot, record in enumerate(group.records):
                if record.partition not in self._where and is_wanted(record):
                    self._where[record.partition] = group.number * GROUP_RECORDS + slot
                    self.rows_out += record.rows
            if len(self._where) - count == len(group.records):
                self._sums.add(group.sums)
            else:
                base = group.number * GROUP_RECORDS
                for slot, record in enumerate(group.records):
                    if self._where.get(record.partition) == base + slot:
                        self._sums.add(ledgers_of(record))
        if 2 * len(self._where) < total:
            self._index.begin_anew()
            self._begin()

    def add(self, result: CommittedResult, fragment: str = "", place: int = 0, version: str = "") -> None:
        """
        Args:
            fragment, place, version: as in `Record`.
        """
        self.add_record(record_of(result, fragment, place, version), result.ledgers)

    def add_record(self, record: Record, ledgers: Iterable[OperatorLedger]) -> None:
        """
        Args:
            ledgers: those of the record.
        """
        self._where[record.partition] = -1 - len(self._open)
        self._open.append(encode_record(record))
        self._open_partitions.append(record.partition)
        self._open_sums.add(ledgers)
        self.rows_out += record.rows
        if len(self._open) == GROUP_RECORDS:
            self.flush()

    def beside(self) -> DoneResults:
        """No results yet, which are added to the same index."""
        return DoneResults(self._index, self._job, self._reader)

    def flush(self) -> None:
        """Write what was added to the index."""
        if not self._open:
            return
        sums = self._open_sums.total()
        number = self._index.add(sums, tuple(self._open))
        self._sums.add(sums)
        for slot, partition in enumerate(self._open_partitions):
            if self._where.get(partition) == -1 - slot:
                self._where[partition] = number * GROUP_RECORDS + slot
        self._open, self._open_partitions, self._open_sums = [], [], LedgerSums()

    def record(self, partition: int) -> Record | None:
        """None for a partition that is not done. Raises: StoreError."""
        where = self._where.get(partition)
        if where is None:
            return None
        if where < 0:
            return decode_record(self._open[-1 - where])
        return self._index.record(*divmod(where, GROUP_RECORDS))

    def find(self, partition: int) -> CommittedResult | None:
        """The result of a partition, without its key; None for a partition that is not done. Raises: StoreError."""
        record = self.record(partition)
        if record is None:
            return None
        return CommittedResult(
            format_version=FORMAT_VERSION,
            kind="result",
            job=self._job,
            partition=partition,
            operator_index=record.operator_index,
            key="",
            fragment="",
            reader=self._reader,
            files=record.files,
            rows=record.rows,
            ledgers=ledgers_of(record),
            dead_letters=record.dead_letters,
            traces=record.traces,
            produced=record.produced,
            attempt=record.attempt,
            run=record.run,
            created=record.created,
        )

    def discard(self, partition: int) -> CommittedResult | None:
        """A result was set aside, and is counted no more. Returns: what it was."""
        result = self.find(partition)
        if result is not None:
            self._sums.add(result.ledgers, sign=-1)
            self.rows_out -= result.rows
            del self._where[partition]
        return result

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, partition: object) -> bool:
        return partition in self._where

    @property
    def ledgers(self) -> tuple[OperatorLedger, ...]:
        """The ledgers of all of them, operator by operator."""
        sums = LedgerSums()
        sums.add(self._sums.total())
        sums.add(self._open_sums.total())
        return sums.total()

    @property
    def rows_in(self) -> int:
        """Rows of the input in these partitions."""
        ledgers = self.ledgers
        return ledgers[0].rows_in if ledgers else 0


def record_of(result: CommittedResult, fragment: str, place: int, version: str) -> Record:
    """
    Args:
        fragment, place, version: as in `Record`.
    """
    return Record(
        partition=result.partition,
        fragment=escape(fragment),
        place=place,
        version=version,
        operator_index=result.operator_index,
        files=result.files,
        dead_letters=result.dead_letters,
        traces=result.traces,
        produced=result.produced,
        rows=result.rows,
        attempt=result.attempt,
        run=result.run,
        created=result.created,
        ledgers=encode_json(result.ledgers),
    )


def ledgers_of(record: Record) -> tuple[SparseLedger, ...]:
    return _LEDGERS.decode(record.ledgers)
