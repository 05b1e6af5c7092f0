"""metadata/dedup_report.parquet: which row each deduplicator removed, and which stays in its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from data_juicer.formats.places import part_at, rows_in_sources
from data_juicer.job.layout import JobLayout
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.portable import unescape
from data_juicer.storage.base import Store
from data_juicer.store.decisions import ResolveManifest, read_decision
from data_juicer.store.resolve.known_tables import (
    KNOWN_INDEX,
    KNOWN_JOB,
    KNOWN_SOURCE,
    KNOWN_SOURCE_ROW,
)
from data_juicer.store.resolve.row_locations import KEPT_SOURCE_ROW, SOURCE_ROW

if TYPE_CHECKING:
    import pyarrow as pa


def write_dedup_report(
    store: Store,
    layout: JobLayout,
    partitions: Sequence[PartitionSpec],
    resolves: Sequence[ResolveManifest],
) -> None:
    """Write the report, a partition at a time. Rows are counted from 0 in their source; -1 was no row of it.

    Args:
        partitions: in the order of the input.
        resolves: of every dataset operator.
    """
    write_report(store, layout.dedup_report, _schema(), _tables(store, layout, partitions, resolves))


def write_report(store: Store, path: str, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Write tables as one file, which takes its place when it is whole."""
    import pyarrow.parquet as pq

    with store.open_write(path) as sink, pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            ("operator_index", pa.int32()),
            ("operator", pa.string()),
            ("source", pa.string()),
            ("row", pa.int64()),
            ("kept_source", pa.string()),
            ("kept_row", pa.int64()),
            ("similarity", pa.float32()),
            ("kept_index", pa.string()),
            ("kept_job", pa.string()),
        ]
    )


def _tables(
    store: Store,
    layout: JobLayout,
    partitions: Sequence[PartitionSpec],
    resolves: Sequence[ResolveManifest],
) -> Iterator[pa.Table]:
    import pyarrow as pa
    import pyarrow.compute as pc

    for resolve in resolves:
        for spec, decision in zip(partitions, resolve.decisions, strict=True):
            if not decision.rows_removed:
                continue
            table = read_decision(store, layout.checkpoints_dir, decision)
            if KEPT_SOURCE_ROW not in table.column_names:
                break  # an operator that keeps no row in place of another
            removed = table.filter(pc.invert(table.column("keep")))
            own = rows_in_sources(removed.column(SOURCE_ROW).to_numpy(), [spec] * len(removed))
            kept = _places_of_kept(removed, partitions)
            yield pa.table(
                [
                    pa.array([resolve.operator_index] * len(removed), pa.int32()),
                    pa.array([resolve.operator_name] * len(removed)),
                    own.sources,
                    own.rows,
                    kept.source,
                    kept.row,
                    removed.column("similarity"),
                    kept.index,
                    kept.job,
                ],
                schema=_schema(),
            )


class KeptPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a row is that stays in place of another."""

    source: str
    row: int
    """In that file, from 0; -1 for a row that an operator made."""
    index: str | None = None
    """The index that has it, where it is a row of an earlier job,"""
    job: str | None = None
    """and that job."""


def place_of_kept(
    decision: Mapping[str, Any], partitions: Mapping[int, PartitionSpec] | Sequence[PartitionSpec]
) -> KeptPlace:
    """
    Args:
        decision: about a row that was removed.
        partitions: by their positions in the input.
    """
    if decision.get(KNOWN_SOURCE) is not None:
        return KeptPlace(
            source=unescape(decision[KNOWN_SOURCE]),
            row=decision[KNOWN_SOURCE_ROW],
            index=decision[KNOWN_INDEX],
            job=decision[KNOWN_JOB],
        )
    other, row = partitions[decision["kept_partition"]], decision[KEPT_SOURCE_ROW]
    part = part_at(other, max(row, 0))
    return KeptPlace(
        source=part.part.source_path, row=-1 if row < 0 else part.part.fragment.row_start + part.row
    )


class _KeptColumns(NamedTuple):
    """`KeptPlace` of many rows, as columns."""

    source: pa.Array
    row: pa.Array
    index: pa.Array
    job: pa.Array


def _places_of_kept(removed: pa.Table, partitions: Sequence[PartitionSpec]) -> _KeptColumns:
    """
    Args:
        removed: decisions about rows that were removed.
        partitions: in the order of the input.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kept_in = [partitions[max(position, 0)] for position in removed.column("kept_partition").to_pylist()]
    source, row = rows_in_sources(removed.column(KEPT_SOURCE_ROW).to_numpy(), kept_in)
    if KNOWN_SOURCE not in removed.column_names:
        nothing = pa.nulls(len(removed), pa.string())
        return _KeptColumns(source, row, nothing, nothing)
    known_source, known_row, index, job = (
        removed.column(name) for name in (KNOWN_SOURCE, KNOWN_SOURCE_ROW, KNOWN_INDEX, KNOWN_JOB)
    )
    return _KeptColumns(pc.coalesce(known_source, source), pc.coalesce(known_row, row), index, job)
