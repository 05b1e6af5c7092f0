"""Whose files are at the export path, so that no job's result is replaced unsaid."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from data_juicer.clock import Clock
from data_juicer.engine.output.published import find_export_change
from data_juicer.errors import CheckpointCorruptError, ConfigError, JobError
from data_juicer.job.find import find_jobs, is_job_alive
from data_juicer.job.layout import JobLayout
from data_juicer.monitor.handle import JobHandle
from data_juicer.storage.base import Store
from data_juicer.store.export.results_manifest import ExportedFile, find_results, is_as_written
from data_juicer.store.results import ExportTarget, shard_pattern

_LEVELS = 2
"""Jobs that may write to one export path are looked for in the work directory and in those right below it."""
_ADVICE = "To keep both, write {job_id} into export_path."


def find_clashes(store: Store, layout: JobLayout, target: ExportTarget, clock: Clock) -> list[str]:
    """A sentence for each file at the export path that this job did not write, and for each job that is about to write it."""
    own = {file.path: file for file in _exports(store, layout)}
    foreign = [
        path
        for path in _files_of(store, target)
        if not (path in own and is_as_written(store, path, own[path]))
    ]
    others = list(_others(store, layout, target.given_path or target.path))
    clashes = []
    writers = {path: _writer(store, path, others) for path in foreign}
    for path, writer in writers.items():
        if writer is None and path in own:  # changed by a person: that is reported as a finding
            continue
        if path == target.row_stats_path and writer and list(writers.values()).count(writer) > 1:
            continue  # with the result that they are of
        whose = f"is the result of job {writer}" if writer else "is not known to be of this job"
        clashes.append(f"{path} {whose}, and is replaced when this job is complete. {_ADVICE}")
    now = clock.now()
    clashes += [
        f"job {other.job_id} is at work and writes its result to {target.path} too; the later one replaces the other. "
        f"{_ADVICE}"
        for other in others
        if is_job_alive(store, other.layout, now)
    ]
    return clashes


def find_export_loss(store: Store, layout: JobLayout) -> str | None:
    """Why the result of a complete job is not at its export path any more; None where it is."""
    try:
        results = find_results(store, layout.results_manifest)
    except CheckpointCorruptError:
        return None
    change = None if results is None else find_export_change(store, results, layout)
    if change is None:
        return None
    path, what = change
    writer = _writer(store, path, list(_others(store, layout, path)))
    return f"{path} {what}{f': job {writer} wrote it' if writer else ''}"


def _exports(store: Store, layout: JobLayout) -> tuple[ExportedFile, ...]:
    try:
        results = find_results(store, layout.results_manifest)
    except CheckpointCorruptError:
        return ()
    return () if results is None else results.exports


def _files_of(store: Store, target: ExportTarget) -> list[str]:
    """The files that an export to this target could replace; shards of any number."""
    beside = [path for path in (target.row_stats_path,) if path and store.exists(path)]
    if not (target.shard_size_bytes or target.is_numbered):
        return [*([target.path] if store.exists(target.path) else []), *beside]
    directory, shard = os.path.dirname(target.path), shard_pattern(target.path)
    shards = [
        os.path.join(directory, name) for name in sorted(store.list(directory)) if shard.fullmatch(name)
    ]
    return [*shards, *beside]


def _others(store: Store, layout: JobLayout, export_path: str) -> Iterator[JobHandle]:
    """The other jobs of the work directory with the same export path."""
    try:
        found = find_jobs(store, os.path.dirname(layout.job_dir), _LEVELS)
    except ConfigError:  # there is no such directory yet
        return
    for job in found:
        with contextlib.suppress(JobError):
            handle = JobHandle.of(job, store)
            if handle.summary.export_path == export_path and handle.job_id != layout.job_id:
                yield handle


def _writer(store: Store, path: str, others: list[JobHandle]) -> str | None:
    for other in others:
        for file in _exports(store, other.layout):
            if file.path == path and is_as_written(store, path, file):
                return other.job_id
    return None
