"""What earlier runs wrote about a job and this run is about to write anew: where it is damaged or gone, that is reported.

Damaged files are set aside first, so that nothing that could not be read is lost. None of them decides a row: the
manifests of checkpoints and results do, and `plan/resume/inventory.py` looks at those.
"""

from __future__ import annotations

import os

from data_juicer.engine.output.published import find_changes
from data_juicer.errors import CheckpointCorruptError, JobError, ResumeRefusedError
from data_juicer.job import summary as summaries
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import find_claim
from data_juicer.job.names import parse_checkpoint_name, parse_result_name
from data_juicer.job.summary import JobStatus, JobSummary
from data_juicer.storage.base import Store
from data_juicer.store.commit import set_aside
from data_juicer.store.export.results_manifest import find_results


def inspect_previous_runs(store: Store, layout: JobLayout) -> tuple[str, ...]:
    """What is wrong with the files of a job that is being opened, a sentence each.

    Raises: ResumeRefusedError: a newer data_juicer wrote one of them.
    """
    summary, of_summary = _summary(store, layout)
    return (*of_summary, *_of_results(store, layout, summary))


def find_unrecorded_end(store: Store, layout: JobLayout, run: int) -> str | None:
    """The sentence about the run before this one, where it ended without writing down how; None where it did not.

    Args:
        run: the number of this run.
    """
    try:
        summary = summaries.find(store, layout)
    except JobError:
        return None
    before = summary.runs[-1] if summary is not None and summary.runs else None
    if before is None or before.number >= run or before.stopped is not None:
        return None
    heard = find_claim(store, layout, before.number)
    last = f"; it was last heard of at {heard.renewed}" if heard is not None else ""
    return (
        f"run {before.number} (pid {before.pid} on {before.host}) ended without a record: its process was killed, or its "
        f"machine went down{last}. What it committed is used"
    )


def _summary(store: Store, layout: JobLayout) -> tuple[JobSummary | None, list[str]]:
    try:
        return summaries.find(store, layout), []
    except ResumeRefusedError:
        raise
    except JobError:
        return None, [
            put_damaged_aside(store, layout.summary, "the runs before this one are not listed any more")
        ]


def _of_results(store: Store, layout: JobLayout, summary: JobSummary | None) -> list[str]:
    path = layout.results_manifest
    try:
        results = find_results(store, path)
    except CheckpointCorruptError:
        return [put_damaged_aside(store, path, "the result is published again")]
    if results is None:
        if summary is not None and summary.status is JobStatus.COMPLETED:
            return [f"{path} is missing; the result is published again."]
        return []
    return list(find_changes(store, results, layout)) if results.is_exported else []


def has_work(store: Store, layout: JobLayout) -> bool:
    """Whether an earlier run came so far that it must have known its input."""
    return any(map(parse_checkpoint_name, store.list(layout.checkpoints_dir))) or any(
        map(parse_result_name, store.list(layout.results_dir))
    )


def put_damaged_aside(store: Store, path: str, what_follows: str) -> str:
    """Set a document aside that the job can make again; returns what to say of it."""
    moved = [os.path.relpath(aside, os.path.dirname(path)) for aside in set_aside(store, [path])]
    where = f" as {moved[0]}" if moved else ""
    return f"{path} is damaged and was set aside{where}; {what_follows}."
