"""The events of a job as a Chrome trace, which Perfetto and chrome://tracing open. Pure.

Format: the "Trace Event Format", JSON array form: complete events (`ph: X`) with `ts` and `dur` in microseconds, a process for
each run, a thread for each worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from data_juicer.clock import parse_utc
from data_juicer.events import types as t

TraceEvent = dict[str, Any]


class _Attempt(msgspec.Struct):
    lane: int
    started: datetime


class _Lanes(msgspec.Struct):
    """Threads of the trace: one for each worker of a run."""

    numbers: dict[tuple[int, str], int] = msgspec.field(default_factory=dict)

    def of(self, run: int, worker: str) -> tuple[int, bool]:
        """The number of a worker's lane, and whether it is new."""
        is_new = (run, worker) not in self.numbers
        return self.numbers.setdefault((run, worker), len(self.numbers) + 1), is_new


def trace_events(records: Iterable[t.Record]) -> Iterator[TraceEvent]:
    """Attempts, operators, checkpoints and warnings in the order in which they ended; records without a time are left out."""
    lanes = _Lanes()
    attempts: dict[int, _Attempt] = {}
    for record in records:
        moment, event = parse_utc(record.ts), record.event
        if moment is None:
            continue
        match event:
            case t.PartitionStart():
                worker = " ".join(filter(None, (event.data.node, event.data.worker))) or "worker"
                lane, is_new = lanes.of(record.run, worker)
                attempts[event.partition_id] = _Attempt(lane, moment)
                if is_new:
                    yield _name_of_lane(record.run, lane, worker)
            case t.OpComplete():
                yield _span(
                    record, _lane(attempts, event.partition_id), event.operation_name, event.duration_s
                )
            case t.CheckpointSave():
                lane = _lane(attempts, event.partition_id)
                yield _span(record, lane, f"save after {event.operation_name}", event.duration_s)
            case t.PartitionComplete() | t.PartitionFailed():
                attempt = attempts.pop(event.partition_id, None)
                if attempt is not None:
                    outcome = "done" if isinstance(event, t.PartitionComplete) else "failed"
                    name = f"partition {event.partition_id} {event.attempt} {outcome}"
                    yield _span(record, attempt.lane, name, (moment - attempt.started).total_seconds())
            case t.WarningNotice() | t.InfoNotice():
                yield {**_common(record, 0, event.message), "ph": "i", "s": "p"}
            case _:
                pass


def _lane(attempts: dict[int, _Attempt], partition_id: int) -> int:
    attempt = attempts.get(partition_id)
    return attempt.lane if attempt else 0


def _common(record: t.Record, lane: int, name: str) -> TraceEvent:
    moment = parse_utc(record.ts)
    micros = round(moment.timestamp() * 1e6) if moment else 0
    return {"name": name, "pid": record.run, "tid": lane, "ts": micros}


def _span(record: t.Record, lane: int, name: str, duration_s: float) -> TraceEvent:
    """An event that ended when its record was written."""
    micros = max(0, round(duration_s * 1e6))
    event = _common(record, lane, name)
    return {**event, "ts": event["ts"] - micros, "ph": "X", "dur": micros}


def _name_of_lane(run: int, lane: int, worker: str) -> TraceEvent:
    return {"name": "thread_name", "ph": "M", "pid": run, "tid": lane, "args": {"name": worker}}
