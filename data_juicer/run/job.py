"""A job from its configuration to its export: open, scan, plan, run, publish, close."""

from __future__ import annotations

import contextlib
import os
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from data_juicer.clock import Clock
from data_juicer.config.operators import check_operators
from data_juicer.config.schema import JobConfig
from data_juicer.errors import JobStoppedError, StoreError
from data_juicer.events import types as t
from data_juicer.events.log import Listener
from data_juicer.events.view import JobView
from data_juicer.formats.base import SourceFile
from data_juicer.formats.discover import discover
from data_juicer.formats.first_rows import check_text_keys
from data_juicer.job.advisory import AdvisoryLock
from data_juicer.job.summary import JobStatus, JobSummary
from data_juicer.monitor.facts import counts_of
from data_juicer.monitor.resources import ResourceSampler
from data_juicer.ops.base import Operator
from data_juicer.plan.identity import identify
from data_juicer.plan.inventory import take_inventory
from data_juicer.plan.jobplan import JobPlan, plan_job
from data_juicer.plan.keys import KeyMaker
from data_juicer.plan.mapping import DatasetMapping, Materialize, decode_mapping, encode_mapping
from data_juicer.plan.overlap import refuse_overlap
from data_juicer.plan.phases import BarrierPlan, plan_barriers
from data_juicer.plan.resume_report import encode_resume_report
from data_juicer.plan.retention import Retention, drops_checkpoints_of_done
from data_juicer.plan.scan import scan
from data_juicer.run import closing
from data_juicer.run.assemble import fragment_limits, retry_policy, text_keys_of, worker_setup
from data_juicer.run.backend import Backend
from data_juicer.run.barrier import Barriers
from data_juicer.run.committer import Committer
from data_juicer.run.driver import DeadLetterBudget, Driver, DriverOutcome
from data_juicer.run.expiry import drop_expired
from data_juicer.run.findings import find_damage
from data_juicer.run.letters import some_letters
from data_juicer.run.opening import (
    OpenJob,
    config_digest,
    find_completed,
    layout_of,
    open_job,
    resume_command,
)
from data_juicer.run.phases import barrier_indices, check_outcome, stopped, with_resolve_keys
from data_juicer.run.publishing import publish_job
from data_juicer.run.recorder import Recorder
from data_juicer.run.setup import WorkerSetup
from data_juicer.run.space import check_room
from data_juicer.store.commit import set_aside
from data_juicer.store.filesystem import FileSystem
from data_juicer.store.manifest import OperatorIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """How a job ended well."""

    summary: JobSummary
    view: JobView
    already_complete: bool = False
    """Nothing was done: an earlier run had completed the same job."""


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What a job is given from outside: where it writes, which time it reads, who watches, who may stop it."""

    fs: FileSystem
    clock: Clock
    backend: Backend
    view: JobView = field(default_factory=JobView)
    listeners: Sequence[Listener] = ()
    tick: Callable[[], None] = lambda: None
    stop_asked: Callable[[], int | None] = lambda: None
    arguments: Sequence[str] = ()
    """Of the command line, for the resume command."""
    announce: Callable[[OpenJob], None] = lambda _: None
    """Called once the job is open, before its input is read."""
    advisory: AdvisoryLock | None = None
    """The lock of this machine; the operating system's unless a test gives its own."""


def run_job(config: JobConfig, around: Surroundings) -> JobResult:
    """Run a job, or go on with it, or find that it is complete.

    Raises: DataJuicerError: with the exit code that fits; what was committed stays.
    """
    operators = check_operators(config)
    sources = discover(config.sources(), config.suffixes)
    identities = identify(operators)
    wanted_digest = config_digest(config, identities)
    layout = layout_of(config, around.clock)
    refuse_overlap(config.sources(), sources, os.path.abspath(config.export_path), layout.job_dir)
    complete = find_completed(around.fs, layout, wanted_digest, os.path.abspath(config.export_path))
    is_known = not config.verify_input and _known_sources(around.fs, layout.dataset_mapping) == sources
    if complete is not None and is_known:
        return JobResult(summary=complete, view=around.view, already_complete=True)
    command = resume_command(config, around.arguments, layout.job_id)
    job = open_job(
        config,
        layout,
        around.fs,
        around.clock,
        wanted_digest,
        command,
        around.listeners,
        around.view,
        around.advisory,
    )
    try:
        around.announce(job)
        return _Run(config, around, job, operators, identities).run(sources)
    finally:
        around.backend.close()
        job.close()


def _known_sources(fs: FileSystem, path: str) -> list[SourceFile]:
    try:
        mapping = decode_mapping(fs.read(path))
    except FileNotFoundError:
        return []
    return [] if mapping is None else list(mapping.sources)


class _Run:
    """One run of an open job."""

    def __init__(
        self,
        config: JobConfig,
        around: Surroundings,
        job: OpenJob,
        operators: Sequence[Operator],
        identities: tuple[OperatorIdentity, ...],
    ) -> None:
        self.config = config
        self.around = around
        self.job = job
        self.fs = around.fs
        self.layout = job.layout
        self.operators = operators
        self.identities = identities
        self.recorder = Recorder(job.log, [operator.name for operator in operators])
        self.committer = Committer(
            self.fs,
            job.layout,
            job.lock,
            cast("Retention", config.intermediate_storage.retention_policy),
            barrier_indices(operators),
        )
        self.budget = DeadLetterBudget(
            ratio_max=config.fault_tolerance.max_dead_letter_ratio,
            examples=lambda: some_letters(self.fs, self.layout),
        )
        self.sampler = ResourceSampler(around.clock, os.getpid())

    def run(self, sources: Sequence[SourceFile]) -> JobResult:
        """Do what is to be done, and write down how it ended."""
        try:
            if not self.job.log.has_history:
                identity = t.JobIdentity(
                    job_id=self.layout.job_id, config_digest=self.job.summary.config_digest
                )
                self.job.log.record(t.JobStart(data=identity))
            for finding in self.job.findings:
                self.recorder.warn(finding)
            for notice in self.config.notices:
                self.recorder.inform(notice)
            self._drop_expired()
            self._work(sources)
        except BaseException as error:
            self._end_badly(error)
            raise
        return self._end_well()

    # ---- the way through

    def _drop_expired(self) -> None:
        days = self.config.intermediate_storage.max_retention_days
        work_dir = os.path.dirname(self.layout.job_dir)
        for job_id in drop_expired(self.fs, work_dir, self.layout.job_id, self.around.clock.now(), days):
            self.recorder.inform(f"checkpoints of job {job_id}, completed over {days} days ago, were dropped")

    def _work(self, sources: Sequence[SourceFile]) -> None:
        mapping = self._scan(sources)
        setup = worker_setup(
            self.config,
            self.layout,
            self.job.run,
            self.operators,
            self.identities,
            [source.format for source in sources],
        )
        setup = with_resolve_keys(setup, self.operators, mapping.partitions)
        plan, barrier_plan = self._plan(mapping, setup)
        pending = plan.pending
        check_room(
            self.fs,
            self.layout,
            self.job.summary.export_path or "",
            mapping.only(pending),
            bool(setup.checkpoint_after),
            self.recorder.warn,
        )
        self.around.backend.begin(setup, len(pending))
        self._begin(mapping, plan)
        driver = self._driver(mapping)
        barriers = self._barriers(mapping, barrier_plan, driver)
        while pending or plan.done:
            if pending:
                barriers.pass_all()
                self._check(driver.run(pending, decisions=barriers.decisions), mapping)
            pending = self._damaged_results(mapping, plan)
        barriers.report()
        publish_job(self.fs, self.layout, self.job.log, self.config, mapping.partitions, setup)

    def _scan(self, sources: Sequence[SourceFile]) -> DatasetMapping:
        for source in sources:
            check_text_keys(source, text_keys_of(self.operators))
        path = self.layout.dataset_mapping
        held = self.fs.read(path) if self.fs.exists(path) else None
        mapping = scan(
            sources,
            fragment_limits(self.config),
            decode_mapping(held) if held is not None else None,
            self.fs,
            copies_dir=self.layout.partitions_dir,
            materialize=cast("Materialize", self.config.partition.materialize),
            verify=self.config.verify_input,
        )
        encoded = encode_mapping(mapping)
        if encoded != held:
            self.fs.write_atomic(path, encoded)
        for source in mapping.empty_sources():
            self.recorder.warn(f"{source.path} holds no row.")
        return mapping

    def _plan(self, mapping: DatasetMapping, setup: WorkerSetup) -> tuple[JobPlan, BarrierPlan]:
        inventory = take_inventory(self.fs, self.layout)
        keys = KeyMaker(setup.reader, setup.identities, setup.export, setup.resolve_keys)
        plan = plan_job(self.layout.job_id, mapping.partitions, inventory, keys)
        barriers = plan_barriers(mapping.partitions, inventory, keys)
        plan.refused += barriers.refused
        for damage in inventory.damaged:
            self.recorder.warn(f"{damage.path} is damaged and was set aside: {damage.reason}")
        set_aside(self.fs, [damage.path for damage in inventory.damaged])
        set_aside(self.fs, [refused.path for refused in plan.refused])
        if plan.refused:
            reasons = Counter(refused.reason for refused in plan.refused)
            told = "; ".join(f"{count} because {reason}" for reason, count in reasons.most_common())
            self.recorder.inform(f"not reused: {told}")
        self.fs.write_atomic(self.layout.resume_report, encode_resume_report(self.job.run, plan, inventory))
        for partition_id, checkpoints in plan.checkpoints.items():
            self.committer.hold(partition_id, checkpoints)
        for result in plan.done.values():
            self.budget.add(result)
        return plan, barriers

    def _begin(self, mapping: DatasetMapping, plan: JobPlan) -> None:
        """Tell what this run has to do."""
        done = list(plan.done.values())
        newest = [checkpoints[-1] for checkpoints in plan.checkpoints.values()]
        self.job.log.record(
            t.ProcessingStart(
                data=t.Plan(
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    backend=self.around.backend.name,
                    workers=self.around.backend.workers,
                    partitions=len(mapping.partitions),
                    partitions_done=len(done),
                    rows=mapping.rows,
                    rows_done=sum(result.ledgers[0].rows_in for result in done),
                    rows_out=sum(result.rows for result in done),
                    operators=closing.with_all_operators(
                        closing.total_ledgers([*done, *newest]), [op.name for op in self.operators]
                    ),
                )
            )
        )

    def _driver(self, mapping: DatasetMapping) -> Driver:
        positions = {spec.partition_id: spec.position for spec in mapping.partitions}
        return Driver(
            backend=self.around.backend,
            committer=self.committer,
            recorder=self.recorder,
            clock=self.around.clock,
            retry=retry_policy(self.config),
            budget=self.budget,
            run=self.job.run,
            partition=lambda partition_id: mapping.partitions[positions[partition_id]],
            drain_s=self.config.fault_tolerance.drain_s,
            stop_asked=self.around.stop_asked,
            tick=self._tick,
        )

    def _barriers(self, mapping: DatasetMapping, plan: BarrierPlan, driver: Driver) -> Barriers:
        return Barriers(
            fs=self.fs,
            clock=self.around.clock,
            layout=self.layout,
            run=self.job.run,
            operators=self.operators,
            partitions=mapping.partitions,
            barriers=plan.barriers,
            committer=self.committer,
            recorder=self.recorder,
            memory_mb=self.config.resolve_memory_mb,
            drive=lambda missing, until, held: self._check(driver.run(missing, until, held), mapping),
            tick=self._tick_or_stop,
        )

    def _check(self, outcome: DriverOutcome, mapping: DatasetMapping) -> None:
        check_outcome(outcome, len(mapping.partitions), self.job.view.given_up_error)

    def _damaged_results(self, mapping: DatasetMapping, plan: JobPlan) -> list[int]:
        """Partitions that an earlier run committed and whose result file is not what it was: to be done again."""
        damaged = []
        for partition_id, result in list(plan.done.items()):
            damage = find_damage(self.fs, self.layout, result)
            if damage is not None:
                self.recorder.warn(
                    f"the result of partition {partition_id} is damaged and was set aside: {damage}",
                    partition_id,
                )
                set_aside(self.fs, [self.layout.result_manifest(partition_id)])
                self.committer.hold(partition_id, plan.fallbacks[partition_id])
                damaged.append(partition_id)
        plan.done.clear()
        order = {spec.partition_id: spec.position for spec in mapping.partitions}
        return sorted(damaged, key=order.__getitem__)

    # ---- how it ended

    def _end_well(self) -> JobResult:
        self._clean_up(succeeded=True)
        duration_s = self.around.clock.monotonic_s() - self.job.started_s
        view = self.job.view
        outcome = t.Outcome(
            rows_in=view.rows,
            rows_dead_letter=view.rows_dead_letter,
            export_path=self.job.summary.export_path,
        )
        self.job.log.record(t.ProcessingComplete(duration_s=duration_s, rows=view.rows_out, data=outcome))
        self.job.log.record(t.JobComplete(duration_s=duration_s, rows=view.rows_out, data=outcome))
        summary = self.job.save(JobStatus.COMPLETED, counts_of(view))
        return JobResult(summary=summary, view=view)

    def _end_badly(self, error: BaseException) -> None:
        """Write down why; a disk that refuses even that does not hide the reason."""
        is_stop = isinstance(error, JobStoppedError | KeyboardInterrupt)
        duration_s = self.around.clock.monotonic_s() - self.job.started_s
        told = " ".join(str(error).split()) or type(error).__name__
        failure = t.RunFailure(error_type=type(error).__name__, error=told, is_stop=is_stop)
        with contextlib.suppress(StoreError):
            self.around.backend.close()
            self.job.log.record(t.ProcessingError(duration_s=duration_s, data=failure))
            if not is_stop:
                failed = t.Failure(error_type=failure.error_type, error=told)
                self.job.log.record(t.JobFailed(duration_s=duration_s, data=failed))
            self._clean_up(succeeded=False)
            self.job.save(JobStatus.STOPPED if is_stop else JobStatus.FAILED, counts_of(self.job.view), told)

    def _clean_up(self, succeeded: bool) -> None:
        storage = self.config.intermediate_storage
        if storage.cleanup_temp_files:
            closing.sweep(self.fs, self.layout)
        retention = cast("Retention", storage.retention_policy)
        if drops_checkpoints_of_done(retention, succeeded, storage.cleanup_on_success):
            closing.drop_checkpoints(self.fs, self.layout, closing.done_partitions(self.fs, self.layout))
            if succeeded:
                closing.drop_decisions(self.fs, self.layout)

    def _tick_or_stop(self) -> None:
        """For work of the driver's own. Raises: JobStoppedError."""
        self._tick()
        if (by := self.around.stop_asked()) is not None:
            raise stopped(by)

    def _tick(self) -> None:
        self.job.lock.renew(self.job.view.rows_done)
        usage = self.sampler.tick(self.around.backend.worker_pids())
        if usage is not None:
            self.job.log.record(usage)
        self.job.log.tick()
        self.around.tick()
