"""The state machine of a run: events in, instructions out. Pure: no clock, no I/O, and the same history gives the same instructions.

    pending ──Submit──► running ──AttemptDone──► ending ──last StageCommitted──► next stage, or done
                          │ ▲                (no slot)
            AttemptFailed │ │ Submit
                          ▼ │
                 waiting ─► ready          (waiting tasks hold no worker)
                          │
                          └─ out of retries, or permanent ─► given up

Several commits are in flight at once; a task that failed waits for its own before it goes on from what they committed. Phases
follow each other: all partitions up to the summaries for a dataset operator, its resolve, and so on to the results. The state
holds only partitions in flight and a cursor into those not begun, so it is as small for a million partitions.
docs/design/0030-tasks.md walks a task, a commit, a crash and a drain through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from data_juicer.engine.scheduling import events as e
from data_juicer.engine.scheduling.copies import COPIES_MAX, Copies
from data_juicer.engine.scheduling.failures.crash_bisection import CrashTally
from data_juicer.engine.scheduling.run_plan import RunPlan
from data_juicer.engine.scheduling.stragglers import Straggler
from data_juicer.engine.scheduling.task_queue import TaskQueue, TaskState
from data_juicer.plan.tasks import (
    Phase,
    Task,
    TaskKey,
    TaskKind,
    newest_base,
    plan_stage,
    resolve_key,
)

ENDING_MAX: Final = 1024
"""Tasks whose attempts are over and whose commits are not; at so many nothing more begins."""


class Scheduler:
    """The state of a run. `handle` is given each event in the order in which they happen."""

    def __init__(self, plan: RunPlan) -> None:
        self.given_up: list[int] = []
        """Partitions that are out of retries."""
        self.done = 0
        """Partitions that came to the end of their phase."""
        self.attempts_max = plan.attempts_before
        """The largest number of an attempt so far: none is used twice in a run."""
        self._plan = plan
        self._slots = plan.slots
        self._checkpoints = {partition: list(indices) for partition, indices in plan.checkpoints.items()}
        self._budget = plan.budget
        self._phase_number = 0
        self._left = 0
        """Partitions of the phase that are neither done nor given up."""
        self._attempts_before = plan.attempts_before
        self._running: dict[TaskKey, TaskState] = {}
        """With the backend."""
        self._ending: dict[TaskKey, TaskState] = {}
        self._waiting: dict[TaskKey, TaskState] = {}
        self._queue = TaskQueue(plan.segments, plan.segment_slots)
        self._tally = CrashTally(works=set(plan.works))
        self._copies = Copies(are_wanted=plan.speculates, unrepeatable=plan.unrepeatable)
        self._has_stopped = False
        self._is_draining = False
        self._is_abandoned = False

    # ---- what is known

    @property
    def finished(self) -> bool:
        """Nothing is under way, and nothing will be."""
        if self._has_stopped:
            return True
        if self._is_abandoned:
            return not any(state.commits for state in (*self._running.values(), *self._ending.values()))
        if self._running or self._ending:
            return False
        return self._is_draining or not (self._waiting or self._queue)

    @property
    def running(self) -> Mapping[TaskKey, TaskState]:
        """Tasks that are with the backend."""
        return self._running

    @property
    def waiting(self) -> Mapping[TaskKey, TaskState]:
        """Tasks whose delay has not passed."""
        return self._waiting

    @property
    def _phase(self) -> Phase:
        return self._plan.phases[self._phase_number]

    # ---- what happens

    def handle(self, event: e.Event) -> list[e.Instruction]:
        """What is to be done next."""
        instructions: list[e.Instruction] = []
        if self._has_stopped:
            return instructions
        match event:
            case e.StageStaged():
                self._state_of(event.task).commits += 1
                instructions.append(e.Commit(task=event.task, operator_index=event.operator_index))
            case e.StageCommitted():
                self._settle(event, instructions)
            case e.AttemptBegan():
                self._copies.begin(event.task, event.worker, event.at_s)
            case e.AttemptDone():
                self._end_attempt(event, instructions)
            case e.CopyDone():
                self._finish_copy(event.task, instructions)
            case e.CopyFailed():
                self._copies.drop(event.task)
            case e.AttemptFailed() | e.AttemptReturned() | e.CheckpointDamaged():
                self._set_back(event, instructions)
            case e.SummaryDamaged():
                self._gather_again(event)
            case e.DelayOver():
                state = self._waiting.pop(event.task)
                self._queue.put(state)
            case _:
                self._handle_of_run(event, instructions)
        self._fill(instructions)
        return instructions

    def _handle_of_run(self, event: e.Event, instructions: list[e.Instruction]) -> None:
        """What is about no attempt."""
        match event:
            case e.RunBegan():
                self._enter_phase(0, instructions)
            case e.SlotsChanged(slots=slots):
                self._slots = slots
            case e.OperatorWorks(operator_index=index):
                self._tally.works.add(index)
            case e.TimePassed(at_s=now_s):
                self._copy_stragglers(now_s, instructions)
            case e.StopAsked():
                self._is_draining = True
                instructions.append(e.WakeAfter(delay_s=self._plan.drain_s, event=e.DrainOver()))
            case e.DrainOver():
                self._is_abandoned = True
            case _:
                raise AssertionError(f"{event} is about an attempt")

    def _state_of(self, task: TaskKey) -> TaskState:
        return self._running[task] if task in self._running else self._ending[task]

    # ---- commits and ends

    def _settle(self, event: e.StageCommitted, instructions: list[e.Instruction]) -> None:
        state = self._state_of(event.task)
        state.commits -= 1
        state.rows_dead = event.rows_dead
        state.is_end_committed |= event.is_end
        key = event.task
        if key.kind is TaskKind.STAGE:
            self._checkpoints[key.number] = list(event.checkpoints)
        if state.commits:
            return
        if state.setback is not None:
            setback, state.setback = state.setback, None
            self._set_back(setback, instructions)
        elif state.is_over:
            self._finish(state, instructions)
        elif (copy := self._copies.find(key)) is not None and copy.is_done:
            self._take_over(state, instructions)

    def _end_attempt(self, event: e.AttemptDone, instructions: list[e.Instruction]) -> None:
        """Its slot is free at once, whatever its commits wait for."""
        key = event.task
        state = self._running.pop(key)
        self._copies.end(key, event.duration_s)
        self._cancel_copy(key, instructions)
        self._ending[key] = state
        state.is_over = True
        if not state.commits:
            self._finish(state, instructions)

    def _finish(self, state: TaskState, instructions: list[e.Instruction]) -> None:
        key = state.task.key
        if not state.is_end_committed:
            self._stop(e.StopFatally(task=key), instructions)
            return
        del self._ending[key]
        if key.kind is TaskKind.RESOLVE:
            self._enter_phase(self._phase_number + 1, instructions)
        elif state.task.end == "checkpoint":
            self._go_on(state)
        else:
            self._end_partition(state, instructions)

    def _go_on(self, state: TaskState) -> None:
        """The next stage of a partition, which needs other resources."""
        task = self._next_task(state.task.key.number)
        following = TaskState(task=task, attempts=state.attempts)
        self._queue.put(following)

    def _end_partition(self, state: TaskState, instructions: list[e.Instruction]) -> None:
        self.done += 1
        self._left -= 1
        if state.task.end == "result":
            self._checkpoints.pop(state.task.key.number, None)
        self._budget = self._budget.with_dead(state.rows_dead)
        self._tally.forget(state.task.key)
        if self._budget.is_spent:
            self._stop(e.StopForDeadLetters(rows_dead=self._budget.rows_dead), instructions)
            return
        if not self._left:
            self._end_phase(instructions)

    # ---- failures

    def _set_back(
        self,
        event: e.AttemptFailed | e.AttemptReturned | e.CheckpointDamaged,
        instructions: list[e.Instruction],
    ) -> None:
        state = self._running[event.task]
        if state.commits:
            state.setback = event
            return
        self._copies.end(event.task)
        if isinstance(event, e.AttemptReturned) and self._copies.find(event.task):
            self._take_over(state, instructions)
            return
        del self._running[event.task]
        match event:
            case e.AttemptReturned():
                self._again(state)
            case e.CheckpointDamaged():
                self._cancel_copy(event.task, instructions)
                self._fall_back(state, event, instructions)
            case e.AttemptFailed():
                self._fail(state, event, instructions)

    def _fall_back(
        self, state: TaskState, event: e.CheckpointDamaged, instructions: list[e.Instruction]
    ) -> None:
        """To the checkpoint before those that are damaged, which may be one of an earlier stage."""
        partition = event.task.number
        indices = self._checkpoints.get(partition, [])
        damaged = (*event.older, event.operator_index)
        indices[:] = [index for index in indices if index not in damaged]
        self._again(state)
        instructions.append(e.SetAside(task=event.task, operators=damaged, base=state.task.base))

    def _fail(self, state: TaskState, event: e.AttemptFailed, instructions: list[e.Instruction]) -> None:
        key, retry = event.task, self._plan.retry
        if event.fatal:
            instructions.append(e.TellFailure(task=key, retry_in_s=None))
            self._stop(e.StopFatally(task=key), instructions)
            return
        if self._plan.retry.isolates and state.learn(event, self._tally):
            self._cancel_copy(key, instructions)
            instructions.append(e.TellFailure(task=key, retry_in_s=0.0))
            self._check_crashes(event, instructions)
            self._again(state)
            return
        state.failures += 1
        if event.transient and self._copies.find(key):
            instructions.append(e.TellFailure(task=key, retry_in_s=0.0))
            self._running[key] = state
            self._take_over(state, instructions)
            return
        self._cancel_copy(key, instructions)
        if not event.transient or state.failures > retry.retries_max:
            instructions.append(e.TellFailure(task=key, retry_in_s=None))
            self._give_up(state, instructions)
            return
        delay_s = retry.delay_s(key.number, state.failures)
        state.task = self._next_task(key.number)
        self._waiting[state.task.key] = state
        instructions.append(e.TellFailure(task=key, retry_in_s=delay_s))
        instructions.append(e.WakeAfter(delay_s=delay_s, event=e.DelayOver(task=state.task.key)))

    def _check_crashes(self, event: e.AttemptFailed, instructions: list[e.Instruction]) -> None:
        """Stop where an operator crashes on whatever it is given, or on more rows than may be lost."""
        index = event.operator_index
        if index is None:
            return
        if tried := self._tally.all_crashed(index):
            self._stop(e.StopForCrashes(operator_index=index, rows_tried=tried), instructions)
        elif (budget := self._budget.with_dead(self._tally.rows_blamed)).is_spent:
            stop = e.StopForDeadLetters(rows_dead=budget.rows_dead, operator_index=index)
            self._stop(stop, instructions)

    def _again(self, state: TaskState) -> None:
        """The next attempt, at once, from the newest checkpoint."""
        state.task = self._next_task(state.task.key.number)
        self._queue.put(state)

    def _give_up(self, state: TaskState, instructions: list[e.Instruction]) -> None:
        self.given_up.append(state.task.key.number)
        self._left -= 1
        if not self._left:
            self._end_phase(instructions)

    def _stop(self, instruction: e.Instruction, instructions: list[e.Instruction]) -> None:
        self._has_stopped = True
        instructions.append(instruction)

    # ---- copies

    def _copy_stragglers(self, now_s: float, instructions: list[e.Instruction]) -> None:
        if self._is_draining:
            return
        for straggler in self._copies.stragglers(now_s, self._slots):
            state = self._running[straggler.task]
            if state.copies < COPIES_MAX and not state.is_end_committed:
                self._copy(state, straggler, instructions)
            else:
                self._copies.end(straggler.task)

    def _copy(self, state: TaskState, straggler: Straggler, instructions: list[e.Instruction]) -> None:
        """From the newest checkpoint that the straggler has committed, up to the same end."""
        base = self._next_task(state.task.key.number).base
        task = replace(state.task, base=base)
        state.copies += 1
        self._copies.add(task)
        submit = e.SubmitCopy(
            task=task,
            attempt=self._count_attempt(state),
            elapsed_s=straggler.elapsed_s,
            usual_s=straggler.usual_s,
        )
        instructions.append(submit)

    def _finish_copy(self, key: TaskKey, instructions: list[e.Instruction]) -> None:
        copy, state = self._copies.find(key), self._running.get(key)
        if copy is not None and state is not None:
            copy.is_done = True
            if not state.commits:
                self._take_over(state, instructions)

    def _take_over(self, state: TaskState, instructions: list[e.Instruction]) -> None:
        """The copy goes on as the attempt; what it reports from now on, or has reported, is heard."""
        state.task = self._copies.take_over(state.task.key)
        instructions.append(e.TakeOver(task=state.task.key))

    def _cancel_copy(self, key: TaskKey, instructions: list[e.Instruction]) -> None:
        if self._copies.drop(key):
            instructions.append(e.CancelCopy(task=key))

    # ---- phases

    def _enter_phase(self, number: int, instructions: list[e.Instruction]) -> None:
        if number == len(self._plan.phases):
            return
        self._phase_number = number
        self._attempts_before = self.attempts_max
        self._queue.begin(self._phase.partitions)
        self._left = len(self._phase.partitions)
        self._budget = self._plan.budget.with_dead(self._phase.rows_dead_before)
        if self._budget.is_spent:
            self._stop(e.StopForDeadLetters(rows_dead=self._budget.rows_dead), instructions)
        elif not self._left:
            self._end_phase(instructions)

    def _end_phase(self, instructions: list[e.Instruction]) -> None:
        if self.given_up or self._is_draining:
            return
        if self._phase.is_resolved:
            key = resolve_key(self._phase.until)
            self._running[key] = TaskState(task=Task(key=key, end="decisions"))
            instructions.append(e.Submit(task=self._running[key].task, attempt=1))
        else:
            self._enter_phase(self._phase_number + 1, instructions)

    def _gather_again(self, event: e.SummaryDamaged) -> None:
        """The phase goes on with one partition more; its end submits the resolve again."""
        del self._running[event.task]
        self._attempts_before = self.attempts_max
        self._queue.begin([event.partition_id])
        self._left = 1

    # ---- what begins

    def _next_task(self, partition: int) -> Task:
        base = newest_base(self._checkpoints.get(partition, ()), self._phase.until)
        return plan_stage(partition, base, self._phase, self._plan.segments)

    def _fill(self, instructions: list[e.Instruction]) -> None:
        """Give free slots to tasks."""
        while not (self._is_draining or self._has_stopped):
            if len(self._running) + len(self._copies) >= self._slots or len(self._ending) >= ENDING_MAX:
                return
            state = self._queue.take(self._slots, self._running.values(), self._next_task)
            if state is None:
                return
            number = self._count_attempt(state)
            state.is_over = state.is_end_committed = False
            self._running[state.task.key] = state
            if not state.crashes.losses:  # one that looks for a row that kills its worker takes its time
                self._copies.submit(state.task)
            instructions.append(
                e.Submit(task=state.task, attempt=number, isolation=state.crashes.isolation_plan)
            )

    def _count_attempt(self, state: TaskState) -> int:
        """The number of the next one."""
        state.attempts += 1
        number = self._attempts_before + state.attempts
        self.attempts_max = max(self.attempts_max, number)
        return number
