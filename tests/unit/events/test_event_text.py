"""Events for people: numbers of operators as people count them, and no name of an error that says nothing."""

from data_juicer.events import types as t
from data_juicer.events.payloads import SET_ASIDE, OperatorFailure, RunFailure
from data_juicer.events.text import describe
from data_juicer.events.view import JobView


def set_aside(name: str, index: int, rows: int) -> t.OpFailed:
    failure = OperatorFailure(error_type=SET_ASIDE, error="set aside", rows_dead_letter=rows)
    return t.OpFailed(partition_id=3, operation_name=name, operation_idx=index, attempt="r1a1", data=failure)


def test_dead_letters_are_told_with_their_number_and_where() -> None:
    assert describe(set_aside("read", -1, 1)) == (
        "partition 3 r1a1: 1 row could not be read, written to the dead letters"
    )
    assert describe(set_aside("own_mapper", 2, 25)) == (
        "partition 3 r1a1: operator 3 own_mapper: 25 rows could not be processed, written to the dead letters"
    )


def test_dead_letters_are_no_error_of_the_run() -> None:
    view = JobView()
    view.apply(t.Record(seq=1, ts="2026-01-01T00:00:00.000000Z", run=1, event=set_aside("read", -1, 1)))
    assert view.last_error is None


def test_the_end_of_a_run_is_told_without_the_name_of_its_error_where_that_says_nothing() -> None:
    def reported(error_type: str) -> str:
        failure = RunFailure(error_type=error_type, error="stopped by SIGTERM.")
        return describe(t.ProcessingError(duration_s=1.0, data=failure))

    assert reported("JobStoppedError") == "run ended after 1.00 s: stopped by SIGTERM"
    assert reported("StoreError") == "run ended after 1.00 s: StoreError: stopped by SIGTERM"
