"""What each partition and the whole job came to, as the report says it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import xxhash

from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.resume.done_results import DoneResults, ledgers_of
from data_juicer.plan.resume.result_index import Record
from data_juicer.portable import encode_json
from data_juicer.storage.files import Upload
from data_juicer.store.ledger import READ, HasLedgers, LedgerSums, OperatorLedger
from data_juicer.store.versioned_json import FORMAT_VERSION

_CHUNK_BYTES: Final = 1 << 20


class _ReportHead(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one partition, its ledgers aside; `committed` is when, ISO 8601."""

    partition: int
    position: int
    source: str
    """The first, of joined files."""
    row_start: int
    row_stop: int
    """In the source. Of joined files each has all of its rows in the partition."""
    rows: int
    result: str
    digest: str
    attempt: str
    run: int
    committed: str
    sources_more: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """The other ones of joined files; the rows of each follow those of the one before it."""


class PartitionReport(_ReportHead, frozen=True, kw_only=True):
    ledgers: tuple[OperatorLedger, ...]


class MappingReport(msgspec.Struct, frozen=True, kw_only=True):
    """metadata/final_mapping_report.json: the ledger of the job and of every partition."""

    format_version: int = FORMAT_VERSION
    job: str
    rows_in: int
    rows_out: int
    ledgers: tuple[OperatorLedger, ...]
    partitions: tuple[PartitionReport, ...]


class ReportWriter:
    """Writes the report a partition at a time, in the order of the input, so that it is never in memory as a whole.

    The sums follow the partitions. The document has no checksum of its own: the last manifest knows its digest.
    """

    def __init__(self, sink: Upload, job: str, done: DoneResults) -> None:
        """
        Args:
            done: results that are summed already.
        """
        self._sink = sink
        self._done = done
        self._sums = LedgerSums()
        self._sums.add(done.ledgers)
        self.rows_out = done.rows_out
        self._buffer = bytearray(
            b'{"format_version":%d,"job":%s,"partitions":[' % (FORMAT_VERSION, encode_json(job))
        )
        self._separator = b"\n"
        self._state = xxhash.xxh3_128()
        self.size_bytes = 0

    @property
    def digest(self) -> str:
        """xxh3-128 in hex of what was written."""
        return str(self._state.hexdigest())

    @property
    def ledgers(self) -> tuple[OperatorLedger, ...]:
        """Those of the job: of what was done before, and of the other partitions so far."""
        return self._sums.total()

    def add(self, partition: PartitionSpec, record: Record) -> None:
        """What became of the next partition."""
        if partition.partition_id not in self._done:
            self._sums.add(ledgers_of(record))
            self.rows_out += record.rows
        head = _ReportHead(
            partition=partition.partition_id,
            position=partition.position,
            source=partition.source_path,
            row_start=partition.fragment.row_start,
            row_stop=partition.fragment.row_stop,
            rows=record.rows,
            result=record.files[0].name,
            digest=record.files[0].digest,
            attempt=record.attempt,
            run=record.run,
            committed=record.created,
            sources_more=tuple(part.source_path for part in partition.more) or msgspec.UNSET,
        )
        self._buffer += self._separator
        self._buffer += encode_json(head)[:-1]
        self._buffer += b',"ledgers":%b}' % record.ledgers
        self._separator = b",\n"
        if len(self._buffer) > _CHUNK_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the sums; the sink is whole then."""
        ledgers = self.ledgers
        rows_in = ledgers[0].rows_in if ledgers else 0
        self._buffer += b'\n],"rows_in":%d,"rows_out":%d,"ledgers":[' % (rows_in, self.rows_out)
        self._buffer += b",".join([b"\n" + encode_json(ledger) for ledger in ledgers])
        self._buffer += b"\n]}\n"
        self._flush()

    def _flush(self) -> None:
        self._sink.write(bytes(self._buffer))
        self._state.update(self._buffer)
        self.size_bytes += len(self._buffer)
        self._buffer.clear()


def find_emptying(ledgers: Sequence[OperatorLedger]) -> str | None:
    """The warning about the operator that let no row pass, so that the result is empty; None where there is none."""
    for ledger in sorted(ledgers, key=lambda ledger: ledger.index):
        if ledger.rows_in and not ledger.rows_out:
            fates = (
                (ledger.rows_filtered, "filtered"),
                (ledger.rows_duplicate, "duplicates"),
                (ledger.rows_dead_letter, "dead letters"),
                (ledger.rows_null_text, "without text"),
            )
            advice = (
                "Look at text_keys, and at the rows: dj-jobs dead-letters."
                if ledger.name == READ
                else "Look at its bounds, and at what it drops: dj-jobs dropped."
            )
            fates_text = ", ".join(f"{rows:,} {fate}" for rows, fate in fates if rows)
            return (
                f"the result has no rows: {ledger.name} let none of the {ledger.rows_in:,} rows pass that reached it "
                f"({fates_text}). {advice}"
            )
    return None


def total_ledgers(results: Iterable[HasLedgers]) -> tuple[OperatorLedger, ...]:
    """The ledgers of all partitions added up, operator by operator. Pure."""
    sums = LedgerSums()
    for result in results:
        sums.add(result.ledgers)
    return sums.total()


def with_all_operators(
    ledgers: Sequence[OperatorLedger], operators: Sequence[str]
) -> tuple[OperatorLedger, ...]:
    """The ledgers with zeros for `read` and operators that have none yet. Pure."""
    by_index = {ledger.index: ledger for ledger in ledgers}
    return tuple(
        by_index.get(index, OperatorLedger(index=index, name=name, rows_in=0, rows_out=0))
        for index, name in enumerate([READ, *operators], start=-1)
    )
