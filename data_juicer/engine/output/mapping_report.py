"""What each partition and the whole job came to, as the report says it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from data_juicer.plan.partitions import PartitionSpec
from data_juicer.store.ledger import READ, HasLedgers, LedgerSums, OperatorLedger
from data_juicer.store.manifest import Manifest
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson

READABLE_PARTITIONS_MAX: Final = 1000


class PartitionReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one partition; `committed` is when, ISO 8601."""

    partition: int
    position: int
    source: str
    row_start: int
    row_stop: int
    rows: int
    result: str
    digest: str
    attempt: str
    run: int
    committed: str
    ledgers: tuple[OperatorLedger, ...]


class MappingReport(msgspec.Struct, frozen=True, kw_only=True):
    """metadata/final_mapping_report.json: the ledger of the job and of every partition."""

    format_version: int = FORMAT_VERSION
    job: str
    rows_in: int
    rows_out: int
    ledgers: tuple[OperatorLedger, ...]
    partitions: tuple[PartitionReport, ...]


_CODEC: Final = VersionedJson(MappingReport)


def make_report(job: str, partitions: Sequence[PartitionSpec], results: Sequence[Manifest]) -> MappingReport:
    """The report of a job all of whose partitions are committed; both in the order of the input. Pure."""
    reports = tuple(
        PartitionReport(
            partition=partition.partition_id,
            position=partition.position,
            source=partition.source_path,
            row_start=partition.fragment.row_start,
            row_stop=partition.fragment.row_stop,
            rows=result.rows,
            result=result.files[0].name,
            digest=result.files[0].digest,
            attempt=result.attempt,
            run=result.run,
            committed=result.created,
            ledgers=result.ledgers,
        )
        for partition, result in zip(partitions, results, strict=True)
    )
    ledgers = total_ledgers(results)
    return MappingReport(
        job=job,
        rows_in=ledgers[0].rows_in if ledgers else 0,
        rows_out=sum(result.rows for result in results),
        ledgers=ledgers,
        partitions=reports,
    )


def encode_report(report: MappingReport) -> bytes:
    """JSON, indented as long as a person might read it."""
    return _CODEC.encode(report, indent=1 if len(report.partitions) <= READABLE_PARTITIONS_MAX else None)


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
    held = {ledger.index: ledger for ledger in ledgers}
    return tuple(
        held.get(index, OperatorLedger(index=index, name=name, rows_in=0, rows_out=0))
        for index, name in enumerate([READ, *operators], start=-1)
    )
