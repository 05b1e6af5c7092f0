"""One run of an open job: scan, plan, run the partitions, publish."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

import msgspec

from data_juicer.config.schema import JobConfig
from data_juicer.engine.announce import announce_job, announce_plan
from data_juicer.engine.cleanup.orphan_files import done_partitions
from data_juicer.engine.cleanup.retention import drop_expired
from data_juicer.engine.driver.committer import Committer
from data_juicer.engine.driver.driver import Driver
from data_juicer.engine.driver.endings import RunEndings
from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.driver.resolve import Resolves
from data_juicer.engine.index.job_indexes import JobIndexes
from data_juicer.engine.lifecycle.build_setup import (
    dataset_operator_indices,
    export_target,
    gives_row_stats,
    retry_policy,
    save_costs,
    shard_memory_bytes,
    speculates,
    unrepeatable_operators,
    with_resolve_keys,
    worker_setup,
)
from data_juicer.engine.lifecycle.counts import CommittedCounts
from data_juicer.engine.lifecycle.disk_space import check_room, checkpoint_needs
from data_juicer.engine.lifecycle.environment import JobOutcome, RunEnvironment
from data_juicer.engine.lifecycle.finish import fail, succeed
from data_juicer.engine.lifecycle.open import OpenJob
from data_juicer.engine.lifecycle.prepare import plan_again, plan_run, scan_input
from data_juicer.engine.lifecycle.wanted import WantedJob
from data_juicer.engine.lifecycle.workforce import Workforce
from data_juicer.engine.output.dead_letters import example_dead_letters
from data_juicer.engine.output.export_owner import find_clashes
from data_juicer.engine.output.publish import publish_job
from data_juicer.engine.output.published import is_as_published
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.engine.results.check import set_damaged_aside
from data_juicer.engine.run_context import RunContext
from data_juicer.engine.scheduling.failures.dead_letter_budget import DeadLetterBudget
from data_juicer.engine.scheduling.run_plan import RunPlan
from data_juicer.engine.scheduling.save_costs import explain
from data_juicer.errors import COMMITTED_IS_SAFE, CheckpointCorruptError, StoreError
from data_juicer.job.names import result_manifest_name
from data_juicer.job.summary import JobStatus
from data_juicer.plan.jobplan import JobPlan
from data_juicer.plan.mapping import DatasetMapping
from data_juicer.plan.phases import ResolvePlan
from data_juicer.plan.resume.committed import before_first_row
from data_juicer.plan.resume.result_index import settled_ns
from data_juicer.plan.resume.results import ResultManifests
from data_juicer.plan.retention import Retention
from data_juicer.plan.tasks import plan_segments
from data_juicer.store.commit import read_manifest
from data_juicer.store.decisions import ResolveManifest
from data_juicer.store.export.exported_rows import ExportedRows
from data_juicer.store.export.results_manifest import ResultsManifest
from data_juicer.store.manifest import DataFile, Manifest
from data_juicer.store.results import checks_while_joining

_MB: Final = 1_000_000
_REMOVALS_MENDED: Final = 2
"""A driver that was taken for dead may do one operation that it was about to do; two of them are one too many."""


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    """What a run has to do, and who does it."""

    mapping: DatasetMapping
    driver: Driver
    resolves: Resolves
    plan: JobPlan
    """What earlier runs committed, and what is pending."""
    setup: WorkerSetup
    needs_index: bool
    """A dataset operator has keys to add to an index, from all partitions."""


class Run:
    """One run of an open job."""

    def __init__(
        self,
        wanted: WantedJob,
        environment: RunEnvironment,
        job: OpenJob,
        published: ResultsManifest | None,
    ) -> None:
        """
        Args:
            published: what the job published as it is wanted now, if it was complete and nobody changed that.
        """
        self.published = published
        self.config = wanted.config
        self.wanted = wanted
        self.environment = environment
        self.job = job
        self.store = job.store
        self.layout = job.layout
        self.operators = wanted.operators
        self.recorder = EventRecorder(job.log, [operator.name for operator in wanted.operators])
        self.committer = Committer(
            self.store,
            job.layout,
            job.lock,
            cast("Retention", self.config.intermediate_storage.retention_policy),
            dataset_operator_indices(wanted.operators),
        )
        self.save_costs = save_costs(self.config, wanted.operators, job.view)
        self.attempts_max = 0
        self.counts = CommittedCounts()
        self.context = RunContext(
            lock=job.lock,
            log=job.log,
            view=job.view,
            clock=environment.clock,
            control=environment.control,
            worker_pids=environment.backend.worker_pids,
        )
        self.workforce = Workforce(
            environment,
            self.recorder,
            self.context,
            job.run,
            retry_policy(self.config),
            self.config.fault_tolerance.drain_s,
            speculates=speculates(self.config),
        )

    def run(self, workers: contextlib.ExitStack) -> JobOutcome:
        """Do what is to be done, and write down how it ended.

        Args:
            workers: closes the backend; left before the end is written, since what a worker is staging then looks like
                an orphan file.
        """
        try:
            with workers:
                workers.callback(self.committer.close)
                workers.callback(self.workforce.end)
                announce_job(self.job, self.wanted, self.recorder)
                self._drop_expired()
                self._work()
            return JobOutcome(
                summary=succeed(self.job, self.config, self.counts, self._requests()), view=self.job.view
            )
        except BaseException as error:
            fail(self.job, self.config, error, self._requests())
            raise

    def _requests(self) -> int:
        """That this run has sent to object stores, driver and workers together."""
        return self.environment.store.requests + self.recorder.worker_requests

    # ---- the way through

    def _drop_expired(self) -> None:
        days = self.config.intermediate_storage.max_retention_days
        work_dir = os.path.dirname(self.layout.job_dir)
        for job_id in drop_expired(
            self.store, work_dir, self.layout.job_id, self.environment.clock.now(), days
        ):
            self.recorder.inform(f"checkpoints of job {job_id}, completed over {days} days ago, were dropped")

    def _work(self) -> None:
        with before_first_row(self.store, self.layout):
            work = self._begin()
        plan, partitions = work.plan, work.mapping.partitions
        is_done = not plan.pending and not work.needs_index
        if is_done and is_as_published(self.store, self.layout, self.published, partitions):
            self.recorder.inform("nothing was left to do: input, results and export are what they were")
            return
        if not is_done:
            self._run_partitions(work, plan.pending, plan.checkpoints)
        target = export_target(self.config, row_stats=work.setup.row_stats)
        self._mend(work, checks_while_joining(target, work.setup.result_format))
        for _ in range(_REMOVALS_MENDED):
            if not (missing := self._missing_results(work.mapping, plan)):
                break
            self._run_partitions(work, missing, {})
        try:
            self._publish(work)
        except CheckpointCorruptError:  # found while results were joined
            if not self._mend(work):
                raise
            self._publish(work)

    def _begin(self) -> _Work:
        """Scan the input, find out what is left to do, and call the workers."""
        if self.config.partition.auto_configure:
            self.config = self._sized()
        setup = self._setup()
        share = self.workforce.scan_share(setup)
        mapping = scan_input(self.config, self.job, self.wanted, self.recorder, self.context, share)
        setup = with_resolve_keys(setup, self.operators, mapping.partitions)
        plan, steps = plan_run(self.job, mapping, setup, self.recorder)
        self.counts = CommittedCounts(
            partitions=len(plan.done),
            rows_in=plan.done.rows_in,
            rows_out=plan.done.rows_out,
            rows_dead=sum(ledger.rows_dead_letter for ledger in plan.done.ledgers),
        )
        for partition_id, checkpoints in plan.checkpoints.items():
            self.committer.hold(partition_id, checkpoints)
        self._check_room(mapping, plan, setup)
        resolves = self._resolves(mapping, steps)
        needs_index = resolves.find_missing_for_indexes()
        driver = self._driver(mapping, resolves, setup)
        tasks = len(mapping.partitions) if needs_index else len(plan.pending)
        self.workforce.begin(setup, tasks, driver.between_batches)
        announce_plan(self.job, self.wanted, self.environment.backend, mapping, plan, steps)
        return _Work(
            mapping=mapping,
            driver=driver,
            resolves=resolves,
            plan=plan,
            setup=setup,
            needs_index=needs_index,
        )

    def _mend(self, work: _Work, is_joined: Callable[[DataFile], bool] = lambda _: False) -> bool:
        """Make results anew that are not what was committed. Returns: whether there were any.

        Args:
            is_joined: whether a file is left to be checked when it is joined.
        """
        damaged = set_damaged_aside(self.job, work.plan, work.mapping, self.recorder, self.context, is_joined)
        for _, result in damaged:
            self.counts.remove(result)
        again = plan_again(self.job, [spec for spec, _ in damaged], work.setup)
        for partition_id, checkpoints in again.checkpoints.items():
            self.committer.hold(partition_id, checkpoints)
        if again.pending:
            self._run_partitions(work, again.pending, again.checkpoints)
        return bool(damaged)

    def _publish(self, work: _Work) -> None:
        reports = work.resolves.report()
        self.job.lock.fence()
        self._check_export()
        for finding in publish_job(
            self.store,
            self.layout,
            self.job.log,
            self.config,
            work.mapping.partitions,
            work.setup,
            work.plan.done,
            settled_ns(self.environment.clock.now()),
            reports,
            self.context.heartbeat_or_stop,
            self.workforce.export if self.workforce.are_several else None,
        ):
            self.recorder.warn(finding)
        work.resolves.indexes.commit(work.resolves.steps)

    def _check_export(self) -> None:
        """Look once more at what the export replaces: another job may have ended since. Raises: StoreError."""
        target = export_target(self.config, row_stats=gives_row_stats(self.config, self.operators))
        for clash in find_clashes(self.store, self.layout, target, self.environment.clock):
            if not self.config.overwrite_export:
                raise StoreError(f"export_path: {clash}", f"{COMMITTED_IS_SAFE} (overwrite_export is false).")
            if clash not in self.wanted.warnings:
                self.recorder.warn(clash)

    def _missing_results(self, mapping: DatasetMapping, plan: JobPlan) -> list[int]:
        """Partitions whose committed result was set aside by a driver that was taken for dead and woke up, in input order."""
        manifests = ResultManifests(self.store, self.layout)
        missing = [
            spec.partition_id
            for spec in mapping.partitions
            if not manifests.has(result_manifest_name(spec.partition_id))
        ]
        if missing:
            self.counts = CommittedCounts()
            for partition_id in done_partitions(self.store, self.layout):
                self.counts.add(read_manifest(self.store, self.layout.result_manifest(partition_id)))
        for partition_id in missing:
            plan.done.discard(partition_id)
            self.recorder.warn("its result was removed by another driver and is made again", partition_id)
        return missing

    def _setup(self) -> WorkerSetup:
        """What workers receive once, without the keys after dataset operators, which depend on the whole input."""
        return worker_setup(
            self.config,
            self.layout,
            self.job.run,
            self.operators,
            self.wanted.identities,
            [source.format for source in self.wanted.sources],
            self.environment.store.uri or "",
            self.wanted.export_options,
        )

    def _sized(self) -> JobConfig:
        """The settings with sizes of partitions chosen from the data, or kept from an earlier run; what was chosen is reported."""
        from data_juicer.engine.autoconfig.configure import Sizer  # few recipes ask for it

        sizer = Sizer(self.config, self.job, self.environment.backend, self.context.heartbeat_or_stop)
        sized = sizer.keep() or sizer.choose(self._setup(), self.wanted.sources)
        for line in sized.lines:
            self.recorder.inform(line)
        self.job.summary = msgspec.structs.replace(self.job.summary, auto_configuration=sized.chosen)
        self.job.save(JobStatus.RUNNING, self.job.summary.counts)
        return sized.config

    def _check_room(self, mapping: DatasetMapping, plan: JobPlan, setup: WorkerSetup) -> None:
        """Raises: StoreError: the disks cannot hold what is to be written."""
        check_room(
            self.store,
            self.layout,
            self.wanted.export_path,
            mapping.only(plan.pending),
            checkpoint_needs(self.operators, bool(setup.checkpoint_after) or self.save_costs is not None),
            self.recorder.warn,
            ExportedRows(self.store, self.layout.results_manifest).size_bytes if plan.done else 0,
        )

    def _run_partitions(
        self, work: _Work, pending: Sequence[int], checkpoints: Mapping[int, Sequence[Manifest]]
    ) -> None:
        """Bring partitions to their results, past every dataset operator.

        Args:
            checkpoints: what each of the pending partitions may continue from.
        Raises: JobStoppedError, JobFailedError: not all of them are committed.
        """
        segments = plan_segments([operator.resources for operator in self.operators])
        outcome = work.driver.run(
            RunPlan(
                phases=work.resolves.phases(pending, self.counts.rows_dead),
                segments=segments,
                checkpoints={
                    partition: [manifest.operator_index for manifest in manifests]
                    for partition, manifests in checkpoints.items()
                },
                slots=self.environment.backend.slots,
                segment_slots=tuple(map(self.environment.backend.slots_for, range(len(segments)))),
                retry=retry_policy(self.config),
                budget=DeadLetterBudget(
                    ratio_max=self.config.fault_tolerance.max_dead_letter_ratio, rows=work.mapping.rows
                ),
                drain_s=self.config.fault_tolerance.drain_s,
                attempts_before=self.attempts_max,
                speculates=speculates(self.config) and self.environment.backend.workers > 1,
                unrepeatable=unrepeatable_operators(self.operators),
                works=frozenset(
                    ledger.index
                    for ledger in work.plan.done.ledgers
                    if ledger.rows_in > ledger.rows_dead_letter
                ),
            )
        )
        self.attempts_max = outcome.attempts_max
        if self.save_costs is not None:
            for each, text in explain(self.save_costs, [operator.name for operator in self.operators]):
                self.recorder.checkpoint_choice(each.index, each.saves, text)
        self._endings(work.mapping).check(outcome.given_up, outcome.stopped_by, self.job.view.given_up_error)

    # ---- its parts

    def _driver(self, mapping: DatasetMapping, resolves: Resolves, setup: WorkerSetup) -> Driver:
        return Driver(
            backend=self.environment.backend,
            committer=self.committer,
            recorder=self.recorder,
            clock=self.environment.clock,
            context=self.context,
            run=self.job.run,
            partition=mapping.partition,
            decisions=resolves.decisions,
            resolve=resolves.resolve,
            committed=lambda manifest: self._take_in(manifest, resolves),
            endings=self._endings(mapping),
            resolve_keys=setup.resolve_keys,
            save_costs=self.save_costs,
            history=self.environment.control.history,
        )

    def _take_in(self, committed: Manifest | ResolveManifest, resolves: Resolves) -> None:
        if isinstance(committed, Manifest) and committed.kind == "result":
            self.counts.add(committed)
        resolves.add(committed)

    def _endings(self, mapping: DatasetMapping) -> RunEndings:
        return RunEndings(
            operators=[operator.name for operator in self.operators],
            partitions=len(mapping.partitions),
            rows=mapping.rows,
            ratio_max=self.config.fault_tolerance.max_dead_letter_ratio,
            examples=lambda: example_dead_letters(self.store, self.layout),
        )

    def _resolves(self, mapping: DatasetMapping, plan: ResolvePlan) -> Resolves:
        return Resolves(
            store=self.store,
            clock=self.environment.clock,
            layout=self.layout,
            run=self.job.run,
            operators=self.operators,
            partitions=mapping.partitions,
            steps=plan.steps,
            committer=self.committer,
            recorder=self.recorder,
            memory_mb=self.config.resolve_memory_mb,
            context=self.context,
            indexes=JobIndexes(
                store=self.store,
                clock=self.environment.clock,
                layout=self.layout,
                run=self.job.run,
                job_uuid=self.job.summary.job_uuid,
                uses=self.wanted.indexes,
                memory_bytes=self.config.resolve_memory_mb * _MB,
                heartbeat=self.context.heartbeat_or_stop,
                inform=self.recorder.inform,
                warn=self.recorder.warn,
            ),
            execute=self.workforce.resolve,
            shard_memory_bytes=shard_memory_bytes(self.config, self.environment.backend.workers),
        )
