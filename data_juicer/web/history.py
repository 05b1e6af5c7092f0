"""What the page shows of the events of a job: lanes of workers, CPU and memory, states of partitions, time by operator and run. Pure.

Bounded: of a job of any length the newest spans and notices are kept, and samples of resources are thinned out.
"""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import msgspec

from data_juicer.clock import parse_utc
from data_juicer.events import types as t
from data_juicer.events.text import describe
from data_juicer.printable import printable

SPANS_MAX: Final = 3_000
NOTICES_MAX: Final = 200
SAMPLES_MAX: Final = 2_000
WORKERS_MAX: Final = 256
PARTITIONS_MAX: Final = 5_000_000

NOT_BEGUN, RUNNING, SAVED, WAITING, DONE, RETRYING, FAILED = b".rswdyf"
"""A letter a state of a partition; SAVED: it has a checkpoint and nobody works on it."""


class Span(msgspec.Struct, frozen=True, array_like=True):
    """One attempt on the lane of its worker; times in seconds since 1970."""

    worker: int
    start_s: float
    stop_s: float
    partition: int
    is_done: bool


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An event for people."""

    seq: int
    ts: str
    level: str
    text: str


class Resources(msgspec.Struct, frozen=True, array_like=True):
    """One sample: time, resident bytes of the driver and of all workers of its machine, cores in use."""

    time_s: float
    driver_bytes: int
    workers_bytes: int
    cores: float


@dataclass(slots=True)
class _Now:
    """What a partition is in the middle of."""

    worker: int
    since_s: float
    operation_idx: int = -1


@dataclass(slots=True)
class HistoryFold:
    """Takes the events of a job in, one after the other."""

    states: bytearray = field(default_factory=bytearray)
    """By partition."""
    busy_s: array[float] = field(default_factory=lambda: array("f"))
    """Seconds of all attempts at a partition."""
    changed: set[int] = field(default_factory=set)
    """Partitions whose state changed since `take_changed`."""
    workers: dict[str, int] = field(default_factory=dict)
    running: dict[int, _Now] = field(default_factory=dict)
    spans: deque[Span] = field(default_factory=lambda: deque(maxlen=SPANS_MAX))
    notices: deque[Notice] = field(default_factory=lambda: deque(maxlen=NOTICES_MAX))
    resources: list[Resources] = field(default_factory=list)
    operator_s: dict[int, dict[int, float]] = field(default_factory=dict)
    """Operator -> run -> seconds of workers."""
    checkpoint_s: float = 0.0
    time_s: float = 0.0
    """Of the last event."""
    run: int = 0
    seq: int = 0
    _every: int = 1
    _skipped: int = 0

    def set_committed(self, done: set[int], saved: set[int]) -> None:
        """What the manifests say, which is right where the log does not reach."""
        for partition in saved:
            self._set(partition, SAVED)
        for partition in done:
            self._set(partition, DONE)

    def apply(self, record: t.Record) -> None:
        event = record.event
        moment = parse_utc(record.ts)
        self.time_s = moment.timestamp() if moment is not None else self.time_s
        self.run, self.seq = record.run, record.seq
        match event:
            case t.PartitionStart():
                name = printable(" ".join(filter(None, (event.data.node, event.data.worker)))) or "worker"
                worker = self.workers.setdefault(name, min(len(self.workers), WORKERS_MAX))
                self.running[event.partition_id] = _Now(worker, self.time_s, event.data.operation_idx_start)
                self._set(event.partition_id, RUNNING)
            case t.OpStart():
                if (now := self.running.get(event.partition_id)) is not None:
                    now.operation_idx = event.operation_idx
            case t.OpComplete():
                by_run = self.operator_s.setdefault(event.operation_idx, {})
                by_run[record.run] = by_run.get(record.run, 0.0) + event.duration_s
            case t.CheckpointSave():
                self.checkpoint_s += event.duration_s
                if event.data.is_summary:
                    self._end(event.partition_id, WAITING, is_done=True)
            case t.PartitionComplete():
                self._end(event.partition_id, DONE, is_done=True)
            case t.PartitionFailed():
                given_up = event.data.retry_in_s is None
                self._end(event.partition_id, FAILED if given_up else RETRYING, is_done=False)
            case t.ResourceUsage():
                self._sample(event)
            case t.ProcessingStart() | t.ProcessingComplete() | t.ProcessingError():
                self.end_all()
            case _:
                pass
        if event.level != "DEBUG":
            text = printable(describe(event))
            self.notices.append(Notice(seq=record.seq, ts=record.ts, level=event.level, text=text))

    def take_changed(self) -> list[tuple[int, str]]:
        """Partitions whose state changed since the last call, with their letters."""
        changed = [(partition, chr(self.states[partition])) for partition in sorted(self.changed)]
        self.changed.clear()
        return changed

    def _end(self, partition: int, state: int, *, is_done: bool) -> None:
        now = self.running.pop(partition, None)
        self._set(partition, state)
        if now is None:
            return
        self.spans.append(Span(now.worker, now.since_s, self.time_s, partition, is_done))
        if partition < len(self.busy_s):
            self.busy_s[partition] += max(0.0, self.time_s - now.since_s)

    def end_all(self) -> None:
        """No attempt outlives its run, whether its end is in the log or its driver was killed."""
        for partition in list(self.running):
            self._end(partition, SAVED, is_done=False)

    def _set(self, partition: int, state: int) -> None:
        if not 0 <= partition < PARTITIONS_MAX:
            return
        if partition >= len(self.states):
            more = partition + 1 - len(self.states)
            self.states.extend(bytes([NOT_BEGUN]) * more)
            self.busy_s.extend([0.0] * more)
        if self.states[partition] != state:
            self.states[partition] = state
            self.changed.add(partition)

    def _sample(self, event: t.ResourceUsage) -> None:
        self._skipped += 1
        if self._skipped < self._every:
            return
        self._skipped = 0
        processes = event.data.processes
        self.resources.append(
            Resources(
                self.time_s,
                sum(each.memory_bytes for each in processes if each.role == "driver"),
                sum(each.memory_bytes for each in processes if each.role == "worker"),
                sum(each.cpu_share for each in processes),
            )
        )
        if len(self.resources) > SAMPLES_MAX:
            self.resources = self.resources[::2]
            self._every *= 2
