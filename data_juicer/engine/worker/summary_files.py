"""The files of a dataset operator as a worker has to do with them: summaries staged, decisions read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from data_juicer.engine.worker.dataset_operator import Summarised
from data_juicer.errors import CheckpointCorruptError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import ROWS_SUFFIX
from data_juicer.ops.base import DatasetOperator
from data_juicer.ops.dataset.grouping.grouper import ROW
from data_juicer.storage.base import Store
from data_juicer.store.codec import encode_table
from data_juicer.store.commit import set_aside
from data_juicer.store.decisions import DeadRows, Decision, read_dead, read_decision
from data_juicer.store.gathered_rows import DamagedRowsError, read_rows, stage_rows
from data_juicer.store.manifest import DataFile
from data_juicer.store.staging import stage_file

if TYPE_CHECKING:
    import pyarrow as pa

Paths = Callable[[str], str]
"""Extension -> path of a file of this attempt."""


def stage_summary(
    store: Store, paths: Paths, summary: Summarised, dead_letters: Iterable[Sequence[bytes]]
) -> tuple[tuple[DataFile, ...], tuple[DataFile, ...]]:
    """Write a summary, and the whole rows where they are gathered: its files, and those of dead letters.

    Args:
        letters: those that no checkpoint holds, from before the operator, and then those of the rows it raised on.
    """
    data = encode_table(summary.table, "arrow", "none")
    files = [stage_file(store, paths("summary.arrow"), data, summary.table.num_rows)]
    if summary.rows is not None:
        files.append(stage_rows(store, paths(ROWS_SUFFIX), summary.rows))
    names = ("summary.before.jsonl", "summary.dead.jsonl")
    letter_files = [
        stage_file(store, paths(name), b"".join([line + b"\n" for line in lines]), len(lines))
        for name, lines in zip(names, dead_letters, strict=True)
        if lines
    ]
    return tuple(files), tuple(letter_files)


def load_decision(
    store: Store, layout: JobLayout, decision: Decision, operator: DatasetOperator
) -> tuple[pa.Table, DeadRows]:
    """What was decided about the rows of a partition, with the rows that it collects, and those it lost.

    Raises: StoreError: it is damaged. The driver had read it, so that damage since then ends the run; the next one makes it again.
    """
    directory = layout.checkpoints_dir
    try:
        table = read_decision(store, directory, decision)
        if operator.collects_rows:
            table = _with_rows(store, directory, table)
        return table, read_dead(store, directory, decision)
    except DamagedRowsError as error:
        path = f"{directory}/{error.name}"
        set_aside(store, [path] if store.exists(path) else [])
        raise StoreError(f"{error} The file was set aside; start the job again to make it anew.") from error
    except CheckpointCorruptError as error:
        raise StoreError(str(error)) from error


def _with_rows(store: Store, directory: str, table: pa.Table) -> pa.Table:
    import pyarrow as pa

    return table.append_column(ROW, pa.array(list(read_rows(store, directory, table)), pa.large_binary()))
