"""How long partitions took, from events."""

from data_juicer.events import types as t
from data_juicer.events.payloads import AttemptOutcome, AttemptStart, CheckpointFile
from data_juicer.monitor.partition_times import (
    PartitionState,
    PartitionTimes,
    end_run,
    fold_partitions,
    mark_done,
    skew_of,
)


def record(seq: int, second: float, event: t.AnyEvent) -> t.Record:
    return t.Record(seq=seq, ts=f"2026-01-01T00:00:{second:09.6f}Z", run=1, event=event)


def test_an_attempt_that_ends_with_a_summary_counts_as_long_as_it_lasted() -> None:
    start = AttemptStart(worker="w")
    done = AttemptOutcome(rows_in=10)
    saved = CheckpointFile(file="f", size_bytes=1, is_summary=True)
    at = {"partition_id": 7, "operation_name": "document_deduplicator", "operation_idx": 1}
    events = [
        record(1, 1.0, t.PartitionStart(partition_id=7, attempt="r1a1", data=start)),
        record(2, 3.5, t.CheckpointSave(**at, attempt="r1a1", duration_s=0.1, rows=10, data=saved)),
    ]
    (first,) = fold_partitions(events).values()
    assert (first.state, first.busy_s) == (PartitionState.WAITING, 2.5)
    second = t.PartitionComplete(partition_id=7, attempt="r1a2", duration_s=0.5, rows=9, data=done)
    events += [
        record(3, 9.0, t.PartitionStart(partition_id=7, attempt="r1a2", data=start)),
        record(4, 9.5, second),
    ]
    (whole,) = fold_partitions(events).values()
    assert (whole.state, whole.attempts, whole.busy_s) == (PartitionState.DONE, 2, 3.0)


def test_what_a_killed_run_committed_is_done_and_its_unknown_times_are_in_no_median() -> None:
    times = {
        0: PartitionTimes(state=PartitionState.DONE, busy_s=0.8),
        1: PartitionTimes(),
        3: PartitionTimes(),
    }
    mark_done(times, {0, 3, 9})
    end_run(times.values())
    states = [each.state for each in times.values()]
    assert states == [PartitionState.DONE, PartitionState.UNFINISHED, PartitionState.DONE]
    skew = skew_of(times.values())
    assert (skew.partitions, skew.median_s) == (1, 0.8)
