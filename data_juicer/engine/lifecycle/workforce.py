"""The workers of a run: told once what job they are for, and given the tasks that are not about one partition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.driver.pool_driver import PoolDriver, SharedTasks
from data_juicer.engine.lifecycle.environment import RunEnvironment
from data_juicer.engine.protocol.shared_work import Work
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.engine.run_context import RunContext
from data_juicer.engine.scheduling.failures.retry import RetryPolicy
from data_juicer.plan.scan.scan import Share
from data_juicer.plan.scan.shared import SharedScan
from data_juicer.plan.tasks import TaskKind


class Workforce:
    def __init__(
        self,
        environment: RunEnvironment,
        recorder: EventRecorder,
        context: RunContext,
        run: int,
        retry: RetryPolicy,
        drain_s: float,
        *,
        speculates: bool = False,
    ) -> None:
        """
        Args:
            speculates: shards of a resolve that take too long may be begun again elsewhere. Not tasks of a scan and of an export, whose
                attempts may write one file.
        """
        self._speculates = speculates
        self._retry = retry
        self._drain_s = drain_s
        self._environment = environment
        self._recorder = recorder
        self._context = context
        self._between_batches: Callable[[], None] | None = None
        self._has_begun = False
        self._is_sharing = False
        self._pool = PoolDriver(
            backend=environment.backend,
            recorder=recorder,
            clock=environment.clock,
            context=context,
            run=run,
            history=environment.control.history,
        )

    def begin(
        self, setup: WorkerSetup, tasks: int, between_batches: Callable[[], None] | None = None
    ) -> None:
        """Have workers begin for so many tasks, unless they have.

        Args:
            between_batches: see `Backend.begin`; from now on this one.
        """
        self._between_batches = between_batches
        if not self._has_begun:
            self._has_begun = True
            self._environment.backend.begin(setup, tasks, self._beat)

    def end(self) -> None:
        """There are no tasks any more: let go of who looked between them, and of the plan that it holds."""
        self._between_batches = None

    @property
    def are_several(self) -> bool:
        """Work that is shared out is done sooner; of a cluster that is not joined yet that is supposed."""
        return self._environment.backend.workers != 1

    def scan_share(self, setup: WorkerSetup) -> Share | None:
        """What has workers scan a large input; None where there are no several."""
        if not self.are_several:
            return None

        def share(tasks: SharedScan) -> None:
            self.begin(setup, tasks.tasks_expected)
            clock = self._environment.clock
            started_s = clock.monotonic_s()
            count = self._execute(TaskKind.SCAN, tasks)
            duration_s = clock.monotonic_s() - started_s
            self._recorder.inform(
                f"the input was scanned by workers, in {count:,} tasks and {duration_s:.1f} s"
            )

        return share

    def resolve(self, tasks: SharedTasks[Work, Any]) -> None:
        """Have a step of a resolve executed. Raises: see `PoolDriver.run`."""
        self._execute(
            TaskKind.RESOLVE_SHARD, tasks, self._drain_s, speculates=self._speculates and self.are_several
        )

    def export(self, tasks: SharedTasks[Work, Any]) -> None:
        """Have the shards of an export written. Raises: see `PoolDriver.run`."""
        self._execute(TaskKind.EXPORT_SHARD, tasks)

    def _execute(
        self, kind: TaskKind, tasks: SharedTasks[Work, Any], drain_s: float = 0.0, *, speculates: bool = False
    ) -> int:
        """Returns: how many tasks there were."""
        self._is_sharing = True
        try:
            return self._pool.run(kind, tasks, self._retry, drain_s=drain_s, speculates=speculates)
        finally:
            self._is_sharing = False

    def _beat(self) -> None:
        """What is due while a task is executed in this thread: of the loop over partitions, or of none."""
        if self._between_batches is None or self._is_sharing:
            self._context.heartbeat_or_stop()
        else:
            self._between_batches()
