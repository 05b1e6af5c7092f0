"""A job from its configuration to its export: open, scan, plan, run, publish, close."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from typing import cast

from data_juicer.config.operators import check_operators
from data_juicer.config.schema import JobConfig
from data_juicer.engine.cleanup.retention import drop_expired
from data_juicer.engine.driver.committer import Committer
from data_juicer.engine.driver.dead_letter_budget import DeadLetterBudget
from data_juicer.engine.driver.driver import Driver, DriverOutcome
from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.driver.phases import (
    check_outcome,
    dataset_operator_indices,
    stopped,
    with_resolve_keys,
)
from data_juicer.engine.driver.resolve import DatasetOperators
from data_juicer.engine.lifecycle.build_setup import retry_policy, worker_setup
from data_juicer.engine.lifecycle.disk_space import check_room
from data_juicer.engine.lifecycle.environment import JobResult, RunEnvironment
from data_juicer.engine.lifecycle.finish import fail, succeed
from data_juicer.engine.lifecycle.open import (
    OpenJob,
    config_digest,
    find_completed,
    layout_of,
    open_job,
    resume_command,
)
from data_juicer.engine.lifecycle.prepare import known_sources, plan_run, scan_input, set_damaged_aside
from data_juicer.engine.output.dead_letters import example_dead_letters
from data_juicer.engine.output.mapping_report import total_ledgers, with_all_operators
from data_juicer.engine.output.publish import publish_job
from data_juicer.errors import StoreError
from data_juicer.events import payloads
from data_juicer.events import types as t
from data_juicer.formats.base import SourceFile
from data_juicer.formats.discover import discover
from data_juicer.job.summary import JobSummary
from data_juicer.monitor.resources import ResourceSampler
from data_juicer.ops.base import Operator
from data_juicer.plan.identity import identify
from data_juicer.plan.jobplan import JobPlan
from data_juicer.plan.mapping import DatasetMapping
from data_juicer.plan.overlap import refuse_overlap
from data_juicer.plan.phases import ResolvePlan
from data_juicer.plan.retention import Retention
from data_juicer.store.manifest import OperatorIdentity


def run_job(config: JobConfig, environment: RunEnvironment) -> JobResult:
    """Run a job, or go on with it, or find that it is complete.

    Raises: DataJuicerError: with the exit code that fits; what was committed stays.
    """
    operators = check_operators(config)
    sources = discover(config.sources(), config.suffixes)
    identities = identify(operators)
    wanted_digest = config_digest(config, identities)
    layout = layout_of(config, environment.clock)
    refuse_overlap(config.sources(), sources, os.path.abspath(config.export_path), layout.job_dir)

    def find_done() -> JobSummary | None:
        """The summary of a job that has nothing left to do."""
        done = find_completed(environment.store, layout, wanted_digest, os.path.abspath(config.export_path))
        if done is None or config.verify_input or known_sources(environment.store, layout) != sources:
            return None
        return done

    if (done := find_done()) is not None:
        return JobResult(summary=done, view=environment.view, already_complete=True)
    command = resume_command(config, environment.arguments, layout.job_id)
    job = open_job(
        config,
        layout,
        environment.store,
        environment.clock,
        wanted_digest,
        command,
        environment.listeners,
        environment.view,
        environment.advisory,
        find_done,
    )
    if isinstance(job, JobSummary):
        return JobResult(summary=job, view=environment.view, already_complete=True)
    try:
        environment.announce(job)
        return _Run(config, environment, job, operators, identities).run(sources)
    finally:
        environment.backend.close()
        job.close()


class _Run:
    """One run of an open job."""

    def __init__(
        self,
        config: JobConfig,
        environment: RunEnvironment,
        job: OpenJob,
        operators: Sequence[Operator],
        identities: tuple[OperatorIdentity, ...],
    ) -> None:
        self.config = config
        self.environment = environment
        self.job = job
        self.store = environment.store
        self.layout = job.layout
        self.operators = operators
        self.identities = identities
        self.recorder = EventRecorder(job.log, [operator.name for operator in operators])
        self.committer = Committer(
            self.store,
            job.layout,
            job.lock,
            cast("Retention", config.intermediate_storage.retention_policy),
            dataset_operator_indices(operators),
        )
        self.budget = DeadLetterBudget(
            ratio_max=config.fault_tolerance.max_dead_letter_ratio,
            examples=lambda: example_dead_letters(self.store, self.layout),
        )
        self.sampler = ResourceSampler(environment.clock, os.getpid())

    def run(self, sources: Sequence[SourceFile]) -> JobResult:
        """Do what is to be done, and write down how it ended."""
        try:
            if not self.job.log.has_history:
                identity = payloads.JobIdentity(
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
            with contextlib.suppress(StoreError):
                self.environment.backend.close()
            fail(self.job, self.config, error)
            raise
        return JobResult(summary=succeed(self.job, self.config), view=self.job.view)

    # ---- the way through

    def _drop_expired(self) -> None:
        days = self.config.intermediate_storage.max_retention_days
        work_dir = os.path.dirname(self.layout.job_dir)
        for job_id in drop_expired(
            self.store, work_dir, self.layout.job_id, self.environment.clock.now(), days
        ):
            self.recorder.inform(f"checkpoints of job {job_id}, completed over {days} days ago, were dropped")

    def _work(self, sources: Sequence[SourceFile]) -> None:
        mapping = scan_input(self.config, self.job, self.operators, sources, self.recorder, self._step)
        setup = worker_setup(
            self.config,
            self.layout,
            self.job.run,
            self.operators,
            self.identities,
            [source.format for source in sources],
        )
        setup = with_resolve_keys(setup, self.operators, mapping.partitions)
        plan, barrier_plan = plan_run(self.job, mapping, setup, self.recorder)
        for partition_id, checkpoints in plan.checkpoints.items():
            self.committer.hold(partition_id, checkpoints)
        self.budget = self.budget.of(plan.done.values())
        self.budget.check()
        pending = plan.pending
        check_room(
            self.store,
            self.layout,
            self.job.summary.export_path or "",
            mapping.only(pending),
            bool(setup.checkpoint_after),
            self.recorder.warn,
        )
        self.environment.backend.begin(setup, len(pending))
        self._begin(mapping, plan)
        driver = self._driver(mapping)
        barriers = self._barriers(mapping, barrier_plan, driver)
        while pending or plan.done:
            if pending:
                barriers.pass_all()
                self._check(driver.run(pending, decisions=barriers.decisions), mapping)
            pending = self._damaged_results(mapping, plan)
        barriers.report()
        self.job.lock.fence()
        publish_job(
            self.store, self.layout, self.job.log, self.config, mapping.partitions, setup, self._step_or_stop
        )

    def _begin(self, mapping: DatasetMapping, plan: JobPlan) -> None:
        """Tell what this run has to do."""
        done = list(plan.done.values())
        newest = [checkpoints[-1] for checkpoints in plan.checkpoints.values()]
        self.job.log.record(
            t.ProcessingStart(
                data=payloads.Plan(
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    backend=self.environment.backend.name,
                    workers=self.environment.backend.workers,
                    partitions=len(mapping.partitions),
                    partitions_done=len(done),
                    rows=mapping.rows,
                    rows_done=sum(result.ledgers[0].rows_in for result in done),
                    rows_out=sum(result.rows for result in done),
                    operators=with_all_operators(
                        total_ledgers([*done, *newest]), [op.name for op in self.operators]
                    ),
                )
            )
        )

    def _driver(self, mapping: DatasetMapping) -> Driver:
        positions = {spec.partition_id: spec.position for spec in mapping.partitions}
        return Driver(
            backend=self.environment.backend,
            committer=self.committer,
            recorder=self.recorder,
            clock=self.environment.clock,
            retry=retry_policy(self.config),
            budget=self.budget,
            run=self.job.run,
            partition=lambda partition_id: mapping.partitions[positions[partition_id]],
            drain_s=self.config.fault_tolerance.drain_s,
            stop_asked=self.environment.stop_asked,
            tick=self._tick,
        )

    def _barriers(self, mapping: DatasetMapping, plan: ResolvePlan, driver: Driver) -> DatasetOperators:
        return DatasetOperators(
            store=self.store,
            clock=self.environment.clock,
            layout=self.layout,
            run=self.job.run,
            operators=self.operators,
            partitions=mapping.partitions,
            barriers=plan.barriers,
            committer=self.committer,
            recorder=self.recorder,
            memory_mb=self.config.resolve_memory_mb,
            drive=lambda *phase: self._check(driver.run(*phase), mapping),
            budget=self.budget,
            tick=self._tick_or_stop,
        )

    def _check(self, outcome: DriverOutcome, mapping: DatasetMapping) -> None:
        check_outcome(outcome, len(mapping.partitions), self.job.view.given_up_error)

    def _damaged_results(self, mapping: DatasetMapping, plan: JobPlan) -> list[int]:
        """Partitions that earlier runs committed and that have to be done again, in the order of the input."""
        damaged = set_damaged_aside(self.job, plan, self.recorder, self._step_or_stop)
        for partition_id in damaged:
            self.committer.hold(partition_id, plan.fallbacks[partition_id])
        plan.done.clear()
        order = {spec.partition_id: spec.position for spec in mapping.partitions}
        return sorted(damaged, key=order.__getitem__)

    def _tick_or_stop(self) -> None:
        """For work of the driver's own. Raises: JobStoppedError."""
        self._tick()
        if (by := self.environment.stop_asked()) is not None:
            raise stopped(by)

    def _step_or_stop(self, told: str) -> None:
        """For steps of the driver's own once workers were begun. Raises: JobStoppedError."""
        self._step(told)
        if (by := self.environment.stop_asked()) is not None:
            raise stopped(by)

    def _step(self, told: str) -> None:
        """The lock stays fresh, and people see what is done, while nothing else happens."""
        self.job.lock.renew(self.job.view.rows_done)
        self.environment.step(told)

    def _tick(self) -> None:
        self.job.lock.renew(self.job.view.rows_done)
        usage = self.sampler.tick(self.environment.backend.worker_pids())
        if usage is not None:
            self.job.log.record(usage)
        self.job.log.tick()
        self.environment.tick()
