from itertools import count

from data_juicer.events import payloads
from data_juicer.events import types as t
from data_juicer.events.view import JobView, fold
from data_juicer.job.summary import JobStatus
from tests.support.sample_events import ledger, plan


def view_of(*events: t.AnyEvent, run: int = 1) -> JobView:
    numbers = count(1)
    return fold(
        t.Record(seq=next(numbers), ts=f"2026-03-13T18:09:{run:02d}.000000Z", run=run, event=event)
        for event in events
    )


def started(partition_id: int, attempt: str = "r1a1", at: int = 0) -> t.PartitionStart:
    return t.PartitionStart(
        partition_id=partition_id, attempt=attempt, data=payloads.AttemptStart(operation_idx_start=at)
    )


def applied(partition_id: int, index: int, rows_in: int = 100, dropped: int = 0) -> t.OpComplete:
    return t.OpComplete.of(partition_id, "r1a1", ledger(index, rows_in, dropped))


def saved(partition_id: int, index: int) -> t.CheckpointSave:
    return t.CheckpointSave(
        partition_id=partition_id,
        operation_name=f"op_{index}",
        operation_idx=index,
        attempt="r1a1",
        duration_s=0.25,
        rows=100,
        data=payloads.CheckpointFile(file="x", size_bytes=50),
    )


def completed(partition_id: int, rows: int = 100) -> t.PartitionComplete:
    return t.PartitionComplete(
        partition_id=partition_id,
        attempt="r1a1",
        duration_s=1.0,
        rows=rows,
        data=payloads.AttemptOutcome(rows_in=100),
    )


def failed(partition_id: int, retry_in_s: float | None) -> t.PartitionFailed:
    failure = payloads.AttemptFailure(error_type="WorkerLost", error="SIGSEGV", retry_in_s=retry_in_s)
    return t.PartitionFailed(partition_id=partition_id, attempt="r1a1", duration_s=1.0, data=failure)


def rows_in(view: JobView) -> dict[int, int]:
    return {index: operator.rows_in for index, operator in view.operators.items()}


def test_a_job_without_events_is_pending() -> None:
    assert fold([]).status is JobStatus.PENDING


def test_rows_count_once_their_partition_is_committed() -> None:
    events = [
        t.ProcessingStart(data=plan()),
        started(0),
        applied(0, -1),
        applied(0, 0),
        applied(0, 1, 100, 3),
    ]
    assert rows_in(view_of(*events)) == {-1: 0, 0: 0, 1: 0}
    view = view_of(*events, completed(0, 97))
    assert rows_in(view) == {-1: 100, 0: 100, 1: 100}
    assert view.operators[1].rows_filtered == 3
    assert (view.partitions_done, view.rows_done, view.rows_out, view.running) == (1, 100, 97, {})


def test_a_checkpoint_makes_the_operators_before_it_count() -> None:
    view = view_of(t.ProcessingStart(data=plan()), started(0), applied(0, 0), saved(0, 0), applied(0, 1))
    assert rows_in(view) == {-1: 0, 0: 100, 1: 0}
    assert (view.checkpoints_saved, view.checkpoint_s, view.checkpoint_bytes) == (1, 0.25, 50)


def test_a_retry_counts_no_row_twice() -> None:
    view = view_of(
        t.ProcessingStart(data=plan()),
        started(0),
        applied(0, 0),
        saved(0, 0),
        applied(0, 1),
        failed(0, 1.0),
        started(0, "r1a2", at=1),
        applied(0, 1),
        completed(0),
    )
    assert rows_in(view) == {-1: 0, 0: 100, 1: 100}
    assert (view.retries, view.partitions_failed) == (1, set())


def test_a_new_run_starts_from_what_the_manifests_hold() -> None:
    view = view_of(
        t.ProcessingStart(data=plan()),
        started(0),
        applied(0, 0),
        applied(0, 1),
        completed(0),
        started(1),
        applied(1, 0),
        t.ProcessingStart(data=plan(partitions_done=1)),
    )
    assert rows_in(view) == {-1: 100, 0: 100, 1: 100}
    assert (view.partitions_done, view.rows_done) == (1, 100)
    assert view.running == {}


def test_a_partition_out_of_retries_has_failed_until_a_later_run_does_it() -> None:
    events = [t.ProcessingStart(data=plan()), started(0), failed(0, None)]
    view = view_of(*events)
    assert view.partitions_failed == {0}
    assert view.last_error is not None
    assert "SIGSEGV" in view.last_error
    again = view_of(*events, t.ProcessingStart(data=plan()), started(0), completed(0))
    assert again.partitions_failed == set()


def test_the_operator_that_a_partition_is_at_is_known() -> None:
    start = t.OpStart(partition_id=0, operation_name="op_1", operation_idx=1, attempt="r1a1")
    assert view_of(t.ProcessingStart(data=plan()), started(0), start).running[0].operation_idx == 1


def test_the_end_of_a_run_is_its_status() -> None:
    begin = t.ProcessingStart(data=plan())
    stop = payloads.RunFailure(error_type="JobStoppedError", error="SIGTERM", is_stop=True)
    failure = payloads.RunFailure(error_type="StoreError", error="full")
    outcome = payloads.Outcome(rows_in=200, export_path="out/a.jsonl")
    assert view_of(begin).status is JobStatus.RUNNING
    assert view_of(begin, t.ProcessingError(duration_s=1.0, data=stop)).status is JobStatus.STOPPED
    view = view_of(begin, t.ProcessingError(duration_s=1.0, data=failure))
    assert (view.status, view.last_error) == (JobStatus.FAILED, "StoreError: full")
    view = view_of(begin, started(0), t.ProcessingComplete(duration_s=1.0, rows=9, data=outcome))
    assert (view.status, view.export_path, view.running) == (JobStatus.COMPLETED, "out/a.jsonl", {})


def test_the_figures_at_the_end_of_a_run_are_the_last_word() -> None:
    view = view_of(
        t.ProcessingStart(data=plan()), started(0), applied(0, 0), t.PerformanceMetric.of(ledger(0, 200))
    )
    assert view.operators[0] == ledger(0, 200)


def test_dead_letters_and_time_are_sums_over_operators() -> None:
    operators = tuple(ledger(index, 100, rows_dead_letter=2) for index in (-1, 0, 1))
    view = view_of(t.ProcessingStart(data=payloads.Plan(**{**_fields(plan()), "operators": operators})))
    assert (view.rows_dead_letter, view.operator_s) == (6, 1.5)


def _fields(struct: payloads.Plan) -> dict[str, object]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def test_the_largest_memory_of_a_process_is_kept() -> None:
    def sample(*megabytes: int) -> t.ResourceUsage:
        processes = tuple(
            payloads.ProcessSample(role="worker", pid=pid, cpu_share=1.0, memory_bytes=size * 10**6)
            for pid, size in enumerate(megabytes)
        )
        return t.ResourceUsage(data=payloads.ResourceSample(processes=processes))

    view = view_of(sample(50, 70), sample(60))
    assert view.memory_bytes_peak == 70 * 10**6
    assert len(view.processes) == 1


def test_only_the_newest_warnings_are_kept() -> None:
    view = view_of(*(t.WarningNotice(message=str(number)) for number in range(100)))
    assert len(view.warnings) == 20
    assert view.warnings[-1] == "99"


def test_events_of_a_partition_whose_start_was_rotated_away_do_no_harm() -> None:
    view = view_of(applied(0, 0), saved(0, 0), completed(0))
    assert view.partitions_done == 1
