"""The files of a committed result, read and compared with what its manifest says, in any process."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from data_juicer.errors import CheckpointCorruptError
from data_juicer.store.commit import check_stored
from data_juicer.store.export.exported_rows import ExportedRows, FileRange, check_ranges, restore_rows
from data_juicer.store.manifest import DataFile, Manifest

if TYPE_CHECKING:
    from data_juicer.job.layout import JobLayout
    from data_juicer.plan.resume.result_index import Record
    from data_juicer.plan.resume.results import CommittedResult
    from data_juicer.storage.base import Store


class ResultFiles(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What of a result is to be read: names, sizes and digests."""

    partition: int
    files: tuple[DataFile, ...]
    dead_letters: tuple[DataFile, ...]
    traces: tuple[DataFile, ...]
    produced: tuple[DataFile, ...]
    exported: DataFile | None = None
    """Rows that have no file of their own any more,"""
    ranges: tuple[FileRange, ...] = ()
    """and where the export should hold them."""

    @property
    def size_bytes(self) -> int:
        named = (*self.files, *self.dead_letters, *self.traces, *self.produced)
        rows = self.exported.size_bytes if self.exported is not None else 0
        return rows + sum(file.size_bytes for file in named)


def files_of(
    result: Manifest | CommittedResult | Record,
    has: Callable[[str], bool],
    exported: ExportedRows,
    is_joined: Callable[[DataFile], bool] = lambda _: False,
) -> ResultFiles:
    """
    Args:
        has: whether a file is beside the results.
        is_joined: whether a file is left to be checked when it is joined.
    """
    rows = result.files[0] if result.files else None
    ranges = None
    if rows is not None and not has(rows.name):
        ranges = exported.find(result.partition, rows.size_bytes)
    files = result.files if ranges is None else result.files[1:]
    return ResultFiles(
        partition=result.partition,
        files=tuple(file for file in files if not is_joined(file)),
        dead_letters=result.dead_letters,
        traces=result.traces,
        produced=result.produced,
        exported=None if ranges is None else rows,
        ranges=ranges or (),
    )


def find_damage(
    store: Store, layout: JobLayout, result: ResultFiles, *, restores: bool = False
) -> str | None:
    """What of a committed result is not what it was; None where all of it is. Reads every byte of it.

    Args:
        restores: rows that only the export holds are given a file of their own again. Otherwise nothing is changed.
    Raises: StoreError: the disk is full.
    """
    try:
        if result.exported is not None:
            if restores:
                path = os.path.join(layout.results_dir, result.exported.name)
                restore_rows(store, path, result.exported, result.ranges)
            else:
                check_ranges(store, result.exported, result.ranges)
        for directory, files in (
            (layout.results_dir, result.files),
            (layout.dead_letter_dir, result.dead_letters),
            (layout.trace_dir, result.traces),
            (layout.produced_dir, result.produced),
        ):
            for file in files:
                check_stored(store, directory, file)
    except CheckpointCorruptError as error:
        return str(error)
    return None
