"""Results of earlier runs are checked before they are exported: each byte is read, and what is not as it was committed is made anew.

Rows that only the export holds are given files of their own again, so that whatever is done to the export next, they are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.lifecycle.open import OpenJob
from data_juicer.engine.results.files import ResultFiles, files_of, find_damage
from data_juicer.engine.run_context import RunContext
from data_juicer.plan.jobplan import JobPlan
from data_juicer.plan.mapping import DatasetMapping
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.resume.results import CommittedResult, ResultManifests, read_result
from data_juicer.store.commit import set_aside
from data_juicer.store.manifest import DataFile

_STEP: Final = 64
"""Results that are looked at between two heartbeats."""


class _Checked(msgspec.Struct, frozen=True):
    """A result that is to be read."""

    spec: PartitionSpec
    files: ResultFiles
    own: CommittedResult | None
    """What this run committed; None for a result of an earlier one."""


def set_damaged_aside(
    job: OpenJob,
    plan: JobPlan,
    mapping: DatasetMapping,
    recorder: EventRecorder,
    context: RunContext,
    is_joined: Callable[[DataFile], bool] = lambda _: False,
) -> list[tuple[PartitionSpec, CommittedResult]]:
    """Partitions whose committed result is not what it was; their results are set aside.

    Reads every byte of every result of earlier runs, and every file that operators made.

    Args:
        is_joined: whether the rows in a file are checked when they are joined into the export.
    """
    damaged = []
    for count, each in enumerate(_results(job, plan, mapping, is_joined)):
        if count % _STEP == 0:
            context.heartbeat_or_stop(
                f"checking results of earlier runs: {count:,} of {len(plan.done):,} partitions"
            )
        damage = find_damage(job.store, job.layout, each.files, restores=True)
        if damage is None:
            continue
        pid = each.spec.partition_id
        if (whole := plan.done.discard(pid) or each.own) is not None:
            recorder.result_set_aside(whole, damage)
            set_aside(job.store, [job.layout.result_manifest(pid)])
            damaged.append((each.spec, whole))
    return damaged


def _results(
    job: OpenJob, plan: JobPlan, mapping: DatasetMapping, is_joined: Callable[[DataFile], bool]
) -> Iterator[_Checked]:
    manifests = ResultManifests(job.store, job.layout)
    has_produced = bool(job.store.list(job.layout.produced_dir))
    for spec in mapping.partitions if plan.done or has_produced else ():
        record = plan.done.record(spec.partition_id)
        own = _with_produced(job, spec.partition_id) if record is None and has_produced else None
        result = record or own
        if result is not None:
            yield _Checked(spec, files_of(result, manifests.has, manifests.exported, is_joined), own)


def _with_produced(job: OpenJob, partition_id: int) -> CommittedResult | None:
    """A result of this run that names files which operators made; None for any other."""
    try:
        result = read_result(job.store, job.layout.result_manifest(partition_id))
    except FileNotFoundError:  # removed by another driver, which is answered elsewhere
        return None
    return result if result.produced else None
