"""What the page shows of events."""

from data_juicer.events import payloads as p
from data_juicer.events import types as t
from data_juicer.web import history
from data_juicer.web.history import HistoryFold


def record(seq: int, event: t.AnyEvent, run: int = 1) -> t.Record:
    return t.Record(seq=seq, ts=f"2026-01-01T00:00:{seq % 60:02d}.000000Z", run=run, event=event)


def start(partition: int, worker: str = "one") -> t.PartitionStart:
    return t.PartitionStart(partition_id=partition, attempt="r1a1", data=p.AttemptStart(worker=worker))


def test_a_partition_goes_through_its_states_and_each_change_is_reported_once() -> None:
    fold = HistoryFold()
    fold.apply(record(1, start(2)))
    assert (fold.states.decode(), fold.take_changed()) == ("..r", [(2, "r")])
    failure = p.AttemptFailure(error_type="WorkerLost", error="gone", retry_in_s=1.0)
    fold.apply(record(4, t.PartitionFailed(partition_id=2, attempt="r1a1", duration_s=3, data=failure)))
    assert fold.take_changed() == [(2, "y")]
    fold.apply(record(5, start(2)))
    done = t.PartitionComplete(
        partition_id=2, attempt="r1a2", duration_s=2, rows=1, data=p.AttemptOutcome(rows_in=1)
    )
    fold.apply(record(7, done))
    assert (fold.states.decode(), fold.take_changed(), fold.take_changed()) == ("..d", [(2, "d")], [])
    assert [(span.stop_s - span.start_s, span.is_done) for span in fold.spans] == [(3.0, False), (2.0, True)]
    assert fold.busy_s[2] == 5.0


def test_no_attempt_outlives_its_run() -> None:
    fold = HistoryFold()
    fold.apply(record(1, start(0)))
    failure = p.RunFailure(error_type="JobStopped", error="stopped", is_stop=True)
    fold.apply(record(2, t.ProcessingError(duration_s=1, data=failure)))
    assert (fold.states.decode(), fold.running) == ("s", {})


def test_what_is_kept_is_bounded() -> None:
    fold = HistoryFold()
    sample = p.ProcessSample(role="driver", pid=1, cpu_share=1.0, memory_bytes=5)
    for seq in range(1, 3 * history.SAMPLES_MAX):
        fold.apply(record(seq, t.ResourceUsage(data=p.ResourceSample(processes=(sample,)))))
        fold.apply(record(seq, t.InfoNotice(message="x")))
    assert history.SAMPLES_MAX / 2 <= len(fold.resources) <= history.SAMPLES_MAX
    assert len(fold.notices) == history.NOTICES_MAX
    fold.apply(record(9, start(history.PARTITIONS_MAX + 1)))
    assert len(fold.states) == 0


def test_time_is_counted_in_the_run_that_spent_it() -> None:
    fold = HistoryFold()
    for run in (1, 2, 2):
        fold.apply(
            record(
                run,
                t.OpComplete(
                    partition_id=0,
                    operation_name="m",
                    operation_idx=0,
                    attempt="a",
                    duration_s=1.5,
                    rows=1,
                    data=t.OperatorLedger(index=0, name="m", rows_in=1, rows_out=1),
                ),
                run=run,
            )
        )
    assert fold.operator_s == {0: {1: 1.5, 2: 3.0}}
