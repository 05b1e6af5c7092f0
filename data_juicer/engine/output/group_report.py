"""metadata/group_report.parquet: which rows each grouper made one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from data_juicer.engine.output.dedup_report import write_report
from data_juicer.formats.places import rows_in_sources
from data_juicer.job.layout import JobLayout
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.storage.base import Store
from data_juicer.store.decisions import ResolveManifest, read_decision
from data_juicer.store.resolve.row_locations import SOURCE_ROW

if TYPE_CHECKING:
    import pyarrow as pa


def write_group_report(
    store: Store,
    layout: JobLayout,
    partitions: Sequence[PartitionSpec],
    resolves: Sequence[ResolveManifest],
) -> bool:
    """Write the report, where the recipe has groupers, and say whether it has: a row for each member of a group, in the order of the groups.

    Groups are counted from 0 as their operator made them, rows from 0 in their source; -1 was no row of it.

    Args:
        partitions: in the order of the input.
    """
    gathering = [resolve for resolve in resolves if resolve.collects_rows]
    if gathering:
        write_report(store, layout.group_report, _schema(), _tables(store, layout, partitions, gathering))
    return bool(gathering)


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            ("operator_index", pa.int32()),
            ("operator", pa.string()),
            ("group", pa.int64()),
            ("source", pa.string()),
            ("row", pa.int64()),
        ]
    )


def _tables(
    store: Store,
    layout: JobLayout,
    partitions: Sequence[PartitionSpec],
    resolves: Sequence[ResolveManifest],
) -> Iterator[pa.Table]:
    import numpy as np
    import pyarrow as pa

    from data_juicer.ops.dataset.grouping.members import IS_FIRST, MEMBER_PARTITION

    for resolve in resolves:
        groups = 0
        for decision in resolve.decisions:
            members = read_decision(store, layout.checkpoints_dir, decision)
            number = groups + np.cumsum(members.column(IS_FIRST).to_numpy())
            groups = int(number[-1]) if len(number) else groups
            homes = [partitions[position] for position in members.column(MEMBER_PARTITION).to_pylist()]
            sources, rows = rows_in_sources(members.column(SOURCE_ROW).to_numpy(), homes)
            yield pa.table(
                [
                    pa.array([resolve.operator_index] * len(members), pa.int32()),
                    pa.array([resolve.operator_name] * len(members), pa.string()),
                    pa.array(number - 1, pa.int64()),
                    sources,
                    rows,
                ],
                schema=_schema(),
            )
