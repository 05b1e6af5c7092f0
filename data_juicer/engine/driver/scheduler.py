"""What is to be done next, decided from what happened. Pure: no clock, no I/O.

    pending ──Submit──► running ──finished──► done
                          │ ▲
                   failed │ │ Submit
                          ▼ │
                 waiting ─► ready          (waiting partitions hold no worker)
                          │
                          └─ out of retries, or permanent ─► given up

The state holds only partitions in flight and a cursor into those not begun, so it is as small for a million partitions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from data_juicer.engine.driver.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class Tries:
    """Of one partition in this run: attempts begun, and how many of them failed."""

    attempts: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    pending: Sequence[int]
    """Partition ids in the order of the input; not begun from `cursor` on."""
    slots: int
    """How many attempts may be with the backend at once, at least 1."""
    cursor: int = 0
    running: Mapping[int, Tries] = field(default_factory=dict)
    waiting: Mapping[int, Tries] = field(default_factory=dict)
    ready: Mapping[int, Tries] = field(default_factory=dict)
    done: int = 0
    given_up: tuple[int, ...] = ()
    draining: bool = False

    @property
    def finished(self) -> bool:
        """Nothing is with the backend, and nothing will be."""
        if self.running:
            return False
        return self.draining or not (self.waiting or self.ready or self.cursor < len(self.pending))


# ---- what happens


@dataclass(frozen=True, slots=True)
class RunBegun:
    pass


@dataclass(frozen=True, slots=True)
class PartitionFinished:
    """The result of the partition is committed."""

    partition_id: int


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """Without a result. `transient`: worth a retry. `blameless`: not to be counted, such as a damaged checkpoint."""

    partition_id: int
    transient: bool = False
    blameless: bool = False


@dataclass(frozen=True, slots=True)
class DelayOver:
    partition_id: int


@dataclass(frozen=True, slots=True)
class DrainAsked:
    """Begin nothing more; what runs may finish."""


Happening = RunBegun | PartitionFinished | AttemptEnded | DelayOver | DrainAsked


# ---- what is to be done


@dataclass(frozen=True, slots=True)
class Submit:
    partition_id: int
    attempt: int


@dataclass(frozen=True, slots=True)
class SubmitLater:
    partition_id: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    partition_id: int


Instruction = Submit | SubmitLater | GiveUp


def step(state: JobState, happening: Happening, retry: RetryPolicy) -> tuple[JobState, list[Instruction]]:
    """What the run becomes, and what the driver is to do next."""
    match happening:
        case RunBegun():
            return _fill(state, [])
        case PartitionFinished(partition_id):
            return _fill(
                replace(state, running=_without(state.running, partition_id), done=state.done + 1), []
            )
        case AttemptEnded(partition_id):
            return _after_failure(state, happening, retry)
        case DelayOver(partition_id):
            tries = state.waiting[partition_id]
            waiting = _without(state.waiting, partition_id)
            return _fill(replace(state, waiting=waiting, ready={**state.ready, partition_id: tries}), [])
        case DrainAsked():
            return replace(state, draining=True), []


def _after_failure(
    state: JobState, ended: AttemptEnded, retry: RetryPolicy
) -> tuple[JobState, list[Instruction]]:
    partition_id = ended.partition_id
    tries = state.running[partition_id]
    state = replace(state, running=_without(state.running, partition_id))
    if ended.blameless:
        return _fill(replace(state, ready={**state.ready, partition_id: tries}), [])
    tries = replace(tries, failures=tries.failures + 1)
    if not ended.transient or tries.failures > retry.retries_max:
        return _fill(replace(state, given_up=(*state.given_up, partition_id)), [GiveUp(partition_id)])
    later = SubmitLater(partition_id, retry.delay_s(partition_id, tries.failures))
    return _fill(replace(state, waiting={**state.waiting, partition_id: tries}), [later])


def _fill(state: JobState, instructions: list[Instruction]) -> tuple[JobState, list[Instruction]]:
    """Give free slots to partitions: those that were begun before come first."""
    running, ready, cursor = dict(state.running), dict(state.ready), state.cursor
    while not state.draining and len(running) < state.slots and (ready or cursor < len(state.pending)):
        if ready:
            partition_id = next(iter(ready))
            tries = ready.pop(partition_id)
        else:
            partition_id, tries = state.pending[cursor], Tries()
            cursor += 1
        running[partition_id] = replace(tries, attempts=tries.attempts + 1)
        instructions.append(Submit(partition_id, running[partition_id].attempts))
    return replace(state, running=running, ready=ready, cursor=cursor), instructions


def _without(tries: Mapping[int, Tries], partition_id: int) -> dict[int, Tries]:
    return {held: value for held, value in tries.items() if held != partition_id}
