"""The loop of a run: messages and commits in, decisions from the scheduler, instructions carried out, events recorded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from data_juicer.clock import Clock
from data_juicer.engine.driver.alarms import Alarms
from data_juicer.engine.driver.committer import Committable, Committer, Order, Outcome
from data_juicer.engine.driver.copies import AttemptCopies
from data_juicer.engine.driver.endings import RunEndings
from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.driver.flights import Flight, Flights
from data_juicer.engine.driver.outside import Outside
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.protocol.backend import Abandoned, Backend
from data_juicer.engine.run_context import RunContext
from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.history import encode_history
from data_juicer.engine.scheduling.run_plan import RunPlan
from data_juicer.engine.scheduling.save_costs import SaveCosts
from data_juicer.engine.scheduling.scheduler import Scheduler
from data_juicer.errors import JobFailedError, StoreError
from data_juicer.job.layout import attempt_name
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.tasks import Task, TaskKey, TaskKind
from data_juicer.store.decisions import Decision, ResolveManifest
from data_juicer.store.manifest import Manifest
from data_juicer.store.summaries import DamagedSummaryError

TURN_S = 0.2
"""How long the driver waits for a message before it looks at clocks and signals again."""
COMMIT_WAIT_S = 0.005
"""The same while commits are in flight: whichever comes first, a message or a commit, is soon taken."""
MESSAGES_AT_ONCE = 256
"""What is taken between two looks at clocks and signals; some milliseconds of work."""


_NO_ISOLATION: Final = m.IsolationPlan()


class DriverOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How the loop ended. Without given-up partitions and signal every pending partition is committed."""

    given_up: tuple[int, ...]
    stopped_by: int | None = None
    """The signal that asked to stop."""
    attempts_max: int = 0
    """The largest number of an attempt so far."""
    done: int = 0
    """Partitions that came to the end of a phase."""


class Driver:
    def __init__(
        self,
        *,
        backend: Backend,
        committer: Committer,
        recorder: EventRecorder,
        clock: Clock,
        context: RunContext,
        run: int,
        partition: Callable[[int], PartitionSpec],
        decisions: Callable[[int], dict[int, Decision]] = lambda _: {},
        resolve: Callable[[int], ResolveManifest] | None = None,
        committed: Callable[[Committable], None] = lambda _: None,
        endings: RunEndings,
        resolve_keys: Mapping[int, str] | None = None,
        save_costs: SaveCosts | None = None,
        history: Callable[[bytes], None] | None = None,
    ) -> None:
        """
        Args:
            partition: id -> partition.
            decisions: partition -> the decisions of the dataset operators that are resolved.
            resolve: decides for a dataset operator, by its index; raises DamagedSummaryError.
            committed: called with each manifest that counts from now on, whichever attempt made it.
            endings: what is said where the scheduler stops the run.
            resolve_keys: of the dataset operators, by their index.
            save_costs: measures where checkpoints pay; None: they are where the setup of the workers says.
            history: given each plan and each event that the scheduler receives, encoded for `history.replay`.
        """
        self._backend = backend
        self._committer = committer
        self._recorder = recorder
        self._clock = clock
        self._context = context
        self._run = run
        self._partition = partition
        self._decisions = decisions
        self._resolve = resolve
        self._committed = committed
        self._endings = endings
        self._resolve_keys = dict(resolve_keys or {})
        self._save_costs = save_costs
        self._history = history
        self._scheduler: Scheduler
        self._outside = Outside(backend, context, clock)
        self._flights = Flights(recorder, save_costs, self._operator_works)
        self._copies = AttemptCopies(backend, recorder, self._flights)
        self._own: deque[Task] = deque()
        """Tasks that this process executes."""
        self._alarms = Alarms(clock)
        self._failure: m.AttemptFailed | None = None
        """The last one that was recorded."""
        self._is_over = False

    def run(self, plan: RunPlan) -> DriverOutcome:
        """Work until every pending partition is committed or given up, or a signal asks to stop.

        Raises: StoreError, InputError, JobFailedError and others that no task can go on after.
        """
        self._scheduler = Scheduler(plan)
        if self._history is not None:
            self._history(encode_history(plan))
        self._outside.slots = plan.slots
        self._flights.begin(plan.works)
        self._is_over = False
        self._outside.speculates = plan.speculates
        self._tell(e.RunBegan())
        while not self._scheduler.finished:
            self._take_turn()
            self._end_delays()
            self._context.heartbeat()
            self._look_outside()
        return DriverOutcome(
            given_up=tuple(self._scheduler.given_up),
            stopped_by=self._outside.stopped_by,
            attempts_max=self._scheduler.attempts_max,
            done=self._scheduler.done,
        )

    def between_batches(self) -> None:
        """What is due while an attempt runs in this thread. Raises: Abandoned: the drain is over."""
        self._context.heartbeat()
        self._look_outside()
        self._end_delays()
        if self._is_over:
            raise Abandoned

    # ---- what happens

    def _take_turn(self) -> None:
        """What commits and workers have reported since the last turn; waits where there is nothing."""
        if self._own:
            self._execute(self._own.popleft())
            return
        is_idle = not self._take_commits()
        for _ in range(MESSAGES_AT_ONCE if self._backend.slots > 1 else 1):  # inline, each is a piece of work
            if self._is_over or self._scheduler.finished:
                return
            patience_s = 0.0 if not is_idle or self._committer.in_flight else self._alarms.patience_s(TURN_S)
            try:
                message = self._backend.next_message(patience_s)
            except Abandoned:
                return
            if message is None:
                break
            is_idle = False
            self._handle(message)
        if is_idle and self._committer.in_flight:
            outcome = self._committer.take(COMMIT_WAIT_S)
            if outcome is not None:
                self._settle(outcome)

    def _take_commits(self) -> bool:
        """Whether some commit was over."""
        found = False
        while self._committer.in_flight:
            outcome = self._committer.take(COMMIT_WAIT_S if self._is_over else 0.0)
            if outcome is None:
                break
            self._settle(outcome)
            found = True
        return found

    def _look_outside(self) -> None:
        for change in self._outside.changes():
            self._tell(change)

    def _handle(self, message: m.Message) -> None:
        flight = self._flights.find(message.task, message.attempt)
        if flight is None:
            if (event := self._copies.hear(message)) is not None:
                self._tell(event)
            return
        match message:
            case m.OperatorStarted() | m.OperatorDone():  # most messages are
                self._flights.hear(flight, message)
            case m.AttemptStarted():
                self._note_begin(message)
                self._flights.hear(flight, message)
            case m.Staged():
                flight.staged.append(message.manifest)
                flight.lane.append(message)
                self._tell(e.StageStaged(task=message.task, operator_index=message.manifest.operator_index))
            case m.AttemptDone():
                self._recorder.attempt_done(message)
                self._outside.attempt_done(message)
                self._flights.hear_later(flight, message)
                self._tell(e.AttemptDone(task=message.task, duration_s=message.duration_s))
            case m.AttemptFailed():
                self._fail(flight, message)
            case m.AttemptReturned():
                self._flights.pop(message.task)
                self._tell(e.AttemptReturned(task=message.task))
            case m.CheckpointDamaged():
                flight.lane.append(message)
                self._tell_damage(message)
            case _:
                self._flights.hear(flight, message)

    def _note_begin(self, message: m.AttemptStarted) -> None:
        if self._outside.speculates:
            worker = f"{message.worker} on {message.node}"
            self._tell(e.AttemptBegan(task=message.task, worker=worker, at_s=self._clock.monotonic_s()))

    def _fail(self, flight: Flight, message: m.AttemptFailed) -> None:
        flight.failure = message
        self._tell(e.AttemptFailed.reported_by(message))

    def _settle(self, outcome: Outcome) -> None:
        """A commit is over: record what waited for it, then let the scheduler go on."""
        key = outcome.order.task
        flight = self._flights.find(key, outcome.order.attempt)
        if flight is None:
            return
        if outcome.error is not None:
            raise outcome.error
        manifest = outcome.manifest
        self._committed(manifest)
        is_end, rows_dead = True, 0
        if isinstance(manifest, Manifest):
            is_end = manifest.kind == flight.task.end and manifest.operator_index + 1 >= key.until
            rows_dead = sum(ledger.rows_dead_letter for ledger in manifest.ledgers)
            if is_end:
                flight.end = manifest
            self._flights.committed(flight, outcome)
        else:
            self._flights.pop(key)
        self._tell(
            e.StageCommitted(
                task=key,
                operator_index=manifest.operator_index,
                checkpoints=outcome.checkpoints,
                is_end=is_end,
                rows_dead=rows_dead,
            )
        )

    def _execute(self, task: Task) -> None:
        """A task of this process's own, which beats meanwhile and may be stopped."""
        if self._resolve is None:
            raise JobFailedError(f"{task.key}: nobody decides here.")
        try:
            manifest = self._resolve(task.key.number)
        except DamagedSummaryError as error:
            self._flights.pop(task.key)
            self._tell(e.SummaryDamaged(task=task.key, partition_id=error.partition_id))
            return
        self._flights.get(task.key).staged.append(manifest)
        self._tell(e.StageStaged(task=task.key, operator_index=task.key.number))
        self._tell(e.AttemptDone(task=task.key))

    def _operator_works(self, operator_index: int) -> None:
        self._tell(e.OperatorWorks(operator_index=operator_index))

    # ---- clocks

    def _end_delays(self) -> None:
        while (event := self._alarms.take_due()) is not None:
            self._is_over |= isinstance(event, e.DrainOver)
            self._tell(event)

    # ---- what is to be done

    def _tell(self, event: e.Event) -> None:
        if self._history is not None:
            self._history(encode_history(event))
        self._carry_out(self._scheduler.handle(event))

    def _carry_out(self, instructions: Sequence[e.Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case e.Submit():
                    self._submit(instruction)
                case e.SubmitCopy():
                    self._submit_copy(instruction)
                case e.CancelCopy(task=task):
                    self._copies.cancel(task)
                case e.TakeOver(task=task):
                    self._take_over(task)
                case e.Commit(task=task):
                    self._commit(task)
                case e.WakeAfter():
                    self._alarms.set(instruction)
                case e.TellFailure():
                    self._tell_failure(instruction)
                case e.SetAside():
                    self._set_aside(instruction)
                case e.StopFatally(task=task):
                    self._stop_fatally(task)
                case e.StopForDeadLetters():
                    raise self._endings.too_many_dead_letters(instruction, self._failure)
                case e.StopForCrashes():
                    raise self._endings.crashes_on_every_row(instruction, self._failure)

    def _submit(self, instruction: e.Submit) -> None:
        task, now_s = instruction.task, self._clock.monotonic_s()
        name = attempt_name(self._run, instruction.attempt)
        if task.key.kind is TaskKind.RESOLVE:
            self._flights.add(Flight(None, task, name, now_s))
            self._own.append(task)
            return
        attempt = self._attempt_of(task, name, instruction.attempt, instruction.isolation)
        self._flights.add(Flight(attempt, task, name, now_s))
        self._backend.submit(attempt)

    def _submit_copy(self, instruction: e.SubmitCopy) -> None:
        name = attempt_name(self._run, instruction.attempt)
        attempt = replace(self._attempt_of(instruction.task, name, instruction.attempt), is_copy=True)
        self._copies.submit(attempt, instruction, self._clock.monotonic_s())

    def _take_over(self, task: TaskKey) -> None:
        for message in self._copies.take_over(task, self._committer.newest(task.number)):
            self._handle(message)

    def _attempt_of(
        self, task: Task, name: str, number: int, isolation: m.IsolationPlan = _NO_ISOLATION
    ) -> m.Attempt:
        partition_id = task.key.number
        return m.Attempt(
            task=task,
            partition=self._partition(partition_id),
            name=name,
            number=number,
            base=None if task.base is None else self._committer.checkpoint(partition_id, task.base),
            decisions=self._decisions(partition_id),
            resolve_keys=self._resolve_keys,
            save_rule=None if self._save_costs is None else self._save_costs.rule(),
            isolation=isolation,
        )

    def _commit(self, task: TaskKey) -> None:
        """In threads where attempts run beside the driver; otherwise at once, so that the order never varies."""
        flight = self._flights.get(task)
        order = Order(task=task, attempt=flight.name, manifest=flight.staged.popleft())
        if self._backend.slots > 1:
            self._committer.begin(order)
        else:
            self._settle(self._committer.commit(order))

    def _tell_failure(self, instruction: e.TellFailure) -> None:
        flight = self._flights.pop(instruction.task)
        if flight is not None and flight.failure is not None:
            duration_s = self._clock.monotonic_s() - flight.submitted_s
            self._recorder.attempt_failed(flight.failure, duration_s, instruction.retry_in_s)
            self._failure = flight.failure
            if self._save_costs is not None and flight.failure.transient:
                self._save_costs.add_failure()

    def _tell_damage(self, message: m.CheckpointDamaged) -> None:
        """Each checkpoint that is made from a damaged file is damaged: none of them is tried after the other."""
        checkpoints = self._committer.made_from(message.task.number, message.file) if message.file else []
        older = (each.operator_index for each in checkpoints if each.operator_index < message.operator_index)
        damaged = e.CheckpointDamaged(
            task=message.task, operator_index=message.operator_index, older=tuple(older)
        )
        self._tell(damaged)

    def _set_aside(self, instruction: e.SetAside) -> None:
        partition_id = instruction.task.number
        flight = self._flights.pop(instruction.task)
        lane = () if flight is None else flight.lane
        damaged = self._committer.set_aside_damaged(partition_id, instruction.operators)
        reason = next((each.reason for each in lane if isinstance(each, m.CheckpointDamaged)), "")
        where = "its source"
        if instruction.base is not None:
            older = self._committer.checkpoint(partition_id, instruction.base)
            where = f"its checkpoint after operator {older.operator_index} ({older.operator_name})"
        self._recorder.checkpoints_set_aside(partition_id, damaged, reason, where)

    # ---- ends of the run

    def _stop_fatally(self, task: TaskKey) -> None:
        if self._failure is not None and self._failure.task == task:
            raise StoreError(self._failure.message)
        raise JobFailedError(f"{task}: its attempt ended without what it was to commit.")
