"""The statistics of a job, partition by partition, from what is beside results and in checkpoints.

No process of the job has to be alive. Partitions that an earlier version processed, or whose statistics are lost, have none.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.errors import CheckpointError
from data_juicer.job.names import committed_results, parse_checkpoint_name
from data_juicer.plan.resume.committed import rows_of_partitions
from data_juicer.rows.recorded_stats import OperatorStats, decode_stats, find_stats
from data_juicer.store.codec import COMPRESSIONS, decode_table
from data_juicer.store.export.row_stats import ROW_STATS_SUFFIX, read_recorded
from data_juicer.store.manifest import DataFile
from data_juicer.store.staging import read_file
from data_juicer.store.versioned_json import VersionedJson

if TYPE_CHECKING:
    from data_juicer.job.layout import JobLayout
    from data_juicer.storage.base import Store


class LedgerRows(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """As much of a ledger (`store/ledger.py`) as statistics need."""

    index: int
    rows_in: int
    rows_generated: int = 0
    rows_out: int
    rows_filtered: int = 0
    rows_dead_letter: int = 0


class PartitionStats(msgspec.Struct, frozen=True, kw_only=True):
    """What is committed of one partition."""

    partition: int
    ledgers: tuple[LedgerRows, ...]
    """Of `read` and of every operator so far."""
    operators: dict[int, OperatorStats]
    """By operator; those of which nothing is known are missing."""
    is_done: bool
    """Whether its result is committed."""
    count: int = 1
    """How many partitions these are (`joining.py`); `partition` is the first of them then."""


class _Committed(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a manifest as statistics need."""

    format_version: int
    partition: int
    ledgers: tuple[LedgerRows, ...]
    files: tuple[DataFile, ...]
    stats: tuple[DataFile, ...] = ()


_CODEC: Final = VersionedJson(_Committed)


def read_stats(store: Store, layout: JobLayout) -> Iterator[PartitionStats]:
    """Every partition of which something is committed, by number. Raises: StoreError: a directory cannot be listed."""
    known = rows_of_partitions(store, layout)
    done: set[int] = set()
    for result in _results(store, layout, known):
        done.add(result.partition)
        yield _partition(result, _beside_result(store, layout, result), is_done=True)
    newest: dict[int, tuple[int, str]] = {}
    for name in store.list(layout.checkpoints_dir):
        checkpoint = parse_checkpoint_name(name)
        if checkpoint is None or checkpoint.attempt or checkpoint.is_summary:
            continue
        if checkpoint.partition_id in done or (known is not None and checkpoint.partition_id not in known):
            continue
        checkpoint_file = newest.get(checkpoint.partition_id, (-1, ""))
        newest[checkpoint.partition_id] = max(checkpoint_file, (checkpoint.operation_idx, name))
    for _, (_, name) in sorted(newest.items()):
        found = _find(store, os.path.join(layout.checkpoints_dir, name))
        if found is not None:
            yield _partition(found, _in_deltas(store, layout, found), is_done=False)


def _results(store: Store, layout: JobLayout, known: Container[int] | None) -> Iterator[_Committed]:
    """The manifests of results of partitions that are known, by number."""
    for partition in sorted(committed_results(store.list(layout.results_dir))):
        if known is not None and partition not in known:
            continue
        found = _find(store, layout.result_manifest(partition))
        if found is not None:
            yield found


def _find(store: Store, path: str) -> _Committed | None:
    """A manifest; None where it is damaged, or was dropped since the directory was listed."""
    try:
        return _CODEC.decode(store.read(path), path)
    except (CheckpointError, FileNotFoundError):
        return None


def _partition(found: _Committed, operators: Iterable[OperatorStats], *, is_done: bool) -> PartitionStats:
    return PartitionStats(
        partition=found.partition,
        ledgers=found.ledgers,
        operators={each.operator_index: each for each in operators},
        is_done=is_done,
    )


def _beside_result(store: Store, layout: JobLayout, found: _Committed) -> list[OperatorStats]:
    """The statistics of a result, those in a file that is lost or damaged left out.

    They are the last line in the file of stats of its rows, or a file of their own where there are no such rows.
    """
    operators: list[OperatorStats] = []
    row_stats = [file for file in found.files if file.name.endswith(f".{ROW_STATS_SUFFIX}")]
    for file in (*found.stats, *row_stats):
        read = read_recorded if file in row_stats else read_file
        try:
            if len(data := read(store, layout.results_dir, file)):
                operators += decode_stats(data, file.name)
        except CheckpointError:
            continue
    return operators


def _in_deltas(store: Store, layout: JobLayout, found: _Committed) -> list[OperatorStats]:
    operators: list[OperatorStats] = []
    for file in found.files:
        kind = next((known for known in COMPRESSIONS if known in file.name.split(".")), None)
        if kind is None:
            continue
        try:
            delta = decode_table(read_file(store, layout.checkpoints_dir, file), kind, file.name)
            operators += find_stats(delta)
        except CheckpointError:
            continue
    return operators
