"""Whether the disks have room for what a run will write, judged before its first row.

Nobody knows how many rows an operator will drop, so a run is refused only where even empty results would not fit; where the
rows that are left to do would not fit as they are, it is warned of and begun.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from data_juicer.errors import COMMITTED_IS_SAFE, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.ops.base import DatasetOperator, Operator
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.storage.base import Store

BLOCK_BYTES: Final = 4096
"""The least that a file takes on a disk."""
FILES_OF_A_STAGE: Final = 2
"""The data of a partition and the manifest that commits it."""


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """The directories on one disk that a run writes into."""

    path: str
    """Their paths, as people are shown them."""
    full: str | None = None
    """Why no file can be made there, whatever is free."""
    free_bytes: int | None
    """None: not known, nothing is said."""
    least_bytes: int
    """Without so much no run can end well."""
    likely_bytes: int
    """What it takes if no row becomes larger and none is dropped."""


def try_export_directory(store: Store, export_path: str, job_id: str) -> None:
    """Write beside the export, and remove it, so that a folder that refuses it is found before the first row.

    The file has the name under which the export is written first: whatever is left of it by a kill is replaced then.
    Raises: StoreError: the folder cannot be made or written; names the export.
    """
    directory, name = os.path.split(export_path)
    aside = os.path.join(directory, f".{name}.{job_id}.0.aside")
    store.make_dirs(directory)
    try:
        store.write(aside, b"")
        store.remove(aside)
    except StoreError as error:
        error.args = tuple(part.replace(aside, export_path) for part in error.args)
        raise


def least_bytes(partitions: int, stages: int) -> int:
    """Of a directory that takes so many stages of each partition."""
    return partitions * stages * FILES_OF_A_STAGE * BLOCK_BYTES


def find_refusal(rooms: Sequence[Room]) -> str | None:
    """Why the run cannot end well, naming the directory and the bytes."""
    for room in rooms:
        if room.full is not None and room.least_bytes > 0:
            return (
                f"{room.path}: {room.full}. {COMMITTED_IS_SAFE}. Remove files there and start the job again."
            )
        if room.free_bytes is not None and room.free_bytes < room.least_bytes:
            return (
                f"{room.path}: {room.free_bytes:,} bytes are free, at least {room.least_bytes:,} are needed. "
                f"{COMMITTED_IS_SAFE}. Make room and start the job again."
            )
    return None


def warnings(rooms: Sequence[Room]) -> list[str]:
    """Of disks that may become full, one each."""
    return [
        f"{room.path}: {room.free_bytes:,} bytes are free, about {room.likely_bytes:,} may be needed; "
        "if the disk becomes full the job stops in order and goes on when there is room."
        for room in rooms
        if room.free_bytes is not None and room.least_bytes <= room.free_bytes < room.likely_bytes
    ]


class CheckpointNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """What a run writes of each partition into the directory of checkpoints."""

    stages: int
    """Checkpoints and summaries that are there at once."""
    copies: int
    """How many of them may be as large as the rows: checkpoints, and the rows that groupers gather."""


def checkpoint_needs(operators: Sequence[Operator], has_checkpoints: bool) -> CheckpointNeeds:
    """Before each dataset operator there are a checkpoint, whatever the strategy, and a summary, which stays until the end."""
    dataset_operators = [operator for operator in operators if isinstance(operator, DatasetOperator)]
    kept = int(has_checkpoints or bool(dataset_operators))
    return CheckpointNeeds(
        stages=kept + len(dataset_operators),
        copies=kept + sum(operator.collects_rows for operator in dataset_operators),
    )


def check_room(
    store: Store,
    layout: JobLayout,
    export_path: str,
    pending: Sequence[PartitionSpec],
    checkpoints: CheckpointNeeds,
    warn: Callable[[str], None],
    restored_bytes: int = 0,
) -> None:
    """Look at every disk that the partitions left to do will be written to.

    Args:
        restored_bytes: rows that only the export holds; they are given files of their own before it is written anew.
    Raises: StoreError: the run cannot end well.
    """
    rows_bytes = sum(spec.size_bytes for spec in pending)
    stages = {layout.results_dir: 1, os.path.dirname(export_path): 0}
    copies = dict.fromkeys(stages, 1)
    restored = dict.fromkeys(stages, restored_bytes)
    if checkpoints.stages:
        stages[layout.checkpoints_dir] = checkpoints.stages
        copies[layout.checkpoints_dir] = checkpoints.copies
    disks: dict[object, list[str]] = {}
    for path in stages:
        volume = store.volume(path)
        disks.setdefault(path if volume is None else volume, []).append(path)
    rooms = [
        Room(
            path=", ".join(paths),
            full=store.find_full(paths[0]),
            free_bytes=store.free_bytes(paths[0]),
            least_bytes=least_bytes(len(pending), sum(stages[path] for path in paths)),
            likely_bytes=rows_bytes * sum(copies[path] for path in paths)
            + sum(restored.get(path, 0) for path in paths),
        )
        for paths in disks.values()
    ]
    if refusal := find_refusal(rooms):
        raise StoreError(refusal)
    for warning in warnings(rooms):
        warn(warning)
