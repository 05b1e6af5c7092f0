"""How long each partition took and in which state it is: a fold over the events of a job. Pure."""

from __future__ import annotations

import enum
from collections.abc import Container, Iterable, Mapping

import msgspec

from data_juicer.clock import parse_utc
from data_juicer.events import types as t


class PartitionState(enum.Enum):
    RUNNING = "running"
    WAITING = "waiting"
    """Its summary is committed, and it waits for those of all other partitions."""
    DONE = "done"
    RETRYING = "retrying"
    FAILED = "failed"
    """Given up: no further attempt is made in this run."""
    UNFINISHED = "unfinished"
    """Its run has ended, or was killed, before it was done."""


class PartitionTimes(msgspec.Struct):
    """What the events say about one partition."""

    state: PartitionState = PartitionState.RUNNING
    attempts: int = 0
    busy_s: float = 0.0
    """Seconds of all attempts together, failed ones included."""
    rows_in: int = 0
    rows_out: int = 0
    operator_s: dict[str, float] = msgspec.field(default_factory=dict)
    started: str = ""
    """When the attempt began that is not over; empty where there is none."""
    last_error: str = ""

    @property
    def slowest_operator(self) -> str:
        return max(self.operator_s, key=self.operator_s.__getitem__, default="")


class Skew(msgspec.Struct, frozen=True, kw_only=True):
    """How unequal the busy times of partitions are, in seconds."""

    partitions: int
    median_s: float
    p95_s: float
    max_s: float


def fold_partitions(records: Iterable[t.Record]) -> dict[int, PartitionTimes]:
    """Partition -> what became of it, in the order in which they were first worked on."""
    times: dict[int, PartitionTimes] = {}
    for record in records:
        event = record.event
        if isinstance(event, t.PartitionEvent | t.OperatorEvent):
            _apply(times.setdefault(event.partition_id, PartitionTimes()), event, record.ts)
    return times


def _apply(times: PartitionTimes, event: t.AnyEvent, ts: str) -> None:
    match event:
        case t.PartitionStart():
            times.attempts += 1
            times.started = ts
            times.state = PartitionState.RUNNING
        case t.OpComplete():
            spent_s = times.operator_s.get(event.operation_name, 0.0)
            times.operator_s[event.operation_name] = spent_s + event.duration_s
            if event.operation_idx < 0:
                times.rows_in = event.data.rows_in
        case t.CheckpointSave() if event.data.is_summary:
            times.state = PartitionState.WAITING
            times.busy_s += _seconds_between(times.started, ts)
            times.started = ""
        case t.PartitionComplete():
            times.state, times.started = PartitionState.DONE, ""
            times.busy_s += event.duration_s
            times.rows_in, times.rows_out = event.data.rows_in, event.rows
        case t.PartitionFailed():
            times.started = ""
            times.busy_s += event.duration_s
            times.last_error = f"{event.data.error_type}: {event.data.error}"
            given_up = event.data.retry_in_s is None
            times.state = PartitionState.FAILED if given_up else PartitionState.RETRYING
        case _:
            pass


def _seconds_between(start: str, stop: str) -> float:
    begin, end = parse_utc(start), parse_utc(stop)
    return 0.0 if begin is None or end is None else max(0.0, (end - begin).total_seconds())


def mark_done(times: Mapping[int, PartitionTimes], done: Container[int]) -> None:
    """What is committed is done, also where the log of a killed run lacks the end of it."""
    for partition, each in times.items():
        if partition in done:
            each.state, each.started = PartitionState.DONE, ""


def end_run(times: Iterable[PartitionTimes]) -> None:
    """No driver works on the job any more: what was in work is unfinished."""
    for each in times:
        if each.state in {PartitionState.RUNNING, PartitionState.RETRYING, PartitionState.WAITING}:
            each.state = PartitionState.UNFINISHED


def skew_of(times: Iterable[PartitionTimes]) -> Skew:
    """The spread of the busy times; percentiles are nearest ranks. Zeros where there is no partition.

    The time of an attempt that was killed is not known: a partition without another one is not counted.
    """
    spent_s = sorted(each.busy_s for each in times if each.busy_s)
    return Skew(
        partitions=len(spent_s),
        median_s=_nearest_rank(spent_s, 0.5),
        p95_s=_nearest_rank(spent_s, 0.95),
        max_s=_nearest_rank(spent_s, 1.0),
    )


def _nearest_rank(ascending: list[float], share: float) -> float:
    return ascending[max(0, -int(-share * len(ascending) // 1) - 1)] if ascending else 0.0
