import io

import pytest

from data_juicer.clock import format_utc
from data_juicer.events import payloads
from data_juicer.events import types as t
from data_juicer.events.view import JobView
from data_juicer.monitor.closing import operator_table, print_closing
from data_juicer.monitor.facts import Fact, OperatorLine, operator_lines
from data_juicer.monitor.streams import SurvivingStream
from data_juicer.monitor.terminal import LINE_S, STEP_S, Terminal
from data_juicer.store.ledger import OperatorLedger
from data_juicer.testing.clock import ManualClock


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def record(event: t.AnyEvent) -> t.Record:
    return t.Record(seq=1, ts="2026-03-13T18:09:11.000000Z", run=1, event=event)


def view_at(clock: ManualClock) -> JobView:
    return JobView(
        run_started=clock.now(),
        work_began=format_utc(clock.now()),
        rows=100,
        partitions=10,
        size_bytes=1000,
        operators={-1: OperatorLedger(index=-1, name="read", rows_in=0, rows_out=0)},
    )


def do(view: JobView, partitions: int) -> None:
    """So many partitions of ten rows are done; each takes two seconds of one worker."""
    view.rows_done, view.partitions_done = 10 * partitions, partitions
    view.passed_bytes[-1] = 100 * partitions
    view.operators[-1] = OperatorLedger(
        index=-1, name="read", rows_in=1, rows_out=1, duration_s=2.0 * partitions
    )


def test_a_pipe_gets_a_line_every_few_seconds_when_something_moved() -> None:
    clock, stream = ManualClock(), io.StringIO()
    view = view_at(clock)
    terminal = Terminal(view, clock, stream)
    terminal.refresh()
    clock.advance(LINE_S - 1)
    do(view, 2)
    terminal.refresh()
    assert stream.getvalue().splitlines() == ["  0%  0/10 partitions  0 rows"]
    clock.advance(1)
    terminal.refresh()
    terminal.close()
    terminal.close()
    assert stream.getvalue().splitlines()[1:] == [" 20%  2/10 partitions  20 rows  4 rows/s  15-30 s left"]


def test_the_last_state_is_shown_at_the_end() -> None:
    clock, stream = ManualClock(), io.StringIO()
    view = view_at(clock)
    terminal = Terminal(view, clock, stream)
    terminal.refresh()
    clock.advance(0.5)
    do(view, 10)
    terminal.close()
    assert stream.getvalue().splitlines()[-1] == "100%  10/10 partitions  100 rows  200 rows/s"


def test_a_run_that_ended_before_its_plan_shows_nothing() -> None:
    stream = io.StringIO()
    Terminal(JobView(), ManualClock(), stream).close()
    assert stream.getvalue() == ""


def test_a_long_step_of_the_driver_is_reported_and_a_short_one_is_not() -> None:
    clock, stream = ManualClock(), io.StringIO()
    terminal = Terminal(JobView(), clock, stream)
    terminal.step("reading the input: 1 rows")
    clock.advance(STEP_S / 2)
    terminal.step("reading the input: 2 rows")
    assert stream.getvalue() == ""
    clock.advance(STEP_S / 2)
    terminal.step("reading the input: 3 rows")
    terminal.step("reading the input: 4 rows")
    clock.advance(LINE_S)
    terminal.step("reading the input: 5 rows")
    terminal.close()
    assert stream.getvalue().splitlines() == ["reading the input: 3 rows", "reading the input: 5 rows"]


def test_a_resume_tells_what_earlier_runs_did() -> None:
    stream = io.StringIO()
    plan = payloads.Plan(
        host="h", pid=7, backend="local", workers=2, partitions=30, partitions_done=11, rows=90, operators=()
    )
    Terminal(JobView(), ManualClock(), stream).listen(record(t.ProcessingStart(data=plan)))
    assert stream.getvalue() == "11 of 30 partitions are done already\n"


def test_warnings_are_reported_at_once_and_not_without_end() -> None:
    stream = io.StringIO()
    terminal = Terminal(JobView(), ManualClock(), stream)
    terminal.listen(record(t.InfoNotice(message="not told")))
    for number in range(100):
        terminal.listen(record(t.WarningNotice(message=f"line\n{number}")))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "warning: line 0"
    assert len(lines) == 11
    assert lines[-1] == "warning: more follow; they are in events.log"


@pytest.mark.parametrize(("retry_in_s", "times"), [(None, 0), (2.0, 1)])
def test_the_advice_of_a_failure_that_ends_the_job_is_left_to_the_last_line(
    retry_in_s: float | None, times: int
) -> None:
    stream = io.StringIO()
    failure = payloads.AttemptFailure(
        error_type="OperatorError",
        error="a.jsonl, line 1: op_1: no. What was committed is safe. Mend the row.",
        retry_in_s=retry_in_s,
    )
    event = t.PartitionFailed(partition_id=0, attempt="r1a1", duration_s=1.0, data=failure)
    Terminal(JobView(), ManualClock(), stream).listen(record(event))
    assert "line 1: op_1: no" in stream.getvalue()
    assert stream.getvalue().count("Mend the row") == times


def test_a_terminal_gets_a_bar_with_warnings_above_it(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    clock, screen = ManualClock(), Screen()
    view = view_at(clock)
    terminal = Terminal(view, clock, screen)
    terminal.refresh()
    clock.advance(5)
    do(view, 2)
    view.retries, view.retry_causes = 1, {"WorkerLost": 1}
    terminal.listen(record(t.WarningNotice(message="a [checkpoint] is damaged")))
    terminal.refresh()
    terminal.close()
    text = screen.getvalue()
    for part in (
        "2/10 partitions",
        "20%",
        "4 rows/s",
        "15-30 s left",
        "1 retry (WorkerLost)",
        "a [checkpoint] is damaged",
    ):
        assert part in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is shown again


class ClosedWindow(io.StringIO):
    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_job_survives_that_nobody_looks_any_more(is_terminal: bool) -> None:
    clock, window = ManualClock(), SurvivingStream(ClosedWindow(is_terminal=is_terminal))
    terminal = Terminal(view_at(clock), clock, window)
    terminal.listen(record(t.WarningNotice(message="x")))
    terminal.refresh()
    terminal.close()
    print_closing(window, [], [Fact(name="completed", text="in 2 s")])


def test_the_closing_shows_operators_then_facts_and_breaks_no_command(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    stream = io.StringIO()
    command = f"dj-process --config {'x' * 100} --job_id J"
    operator = OperatorLine(
        name="text_length_filter_with_a_long_name",
        rows_in=10_000,
        rows_generated=0,
        rows_out=9_000,
        rows_filtered=1_000,
        rows_duplicate=0,
        rows_grouped=0,
        rows_null_text=0,
        rows_dead_letter=0,
        duration_s=1.5,
        mb_per_s=None,
    )
    print_closing(
        stream, [operator], [Fact(name="completed", text="in 2 s"), Fact(name="resume", text=command)]
    )
    lines = stream.getvalue().splitlines()
    assert lines[1] == "operator          rows in  rows out  filtered  seconds  MB/s"
    assert lines[3] == "text_length_fil…   10,000     9,000     1,000     1.50"
    assert lines[-2:] == ["completed  in 2 s", f"resume     {command}"]


def test_the_table_of_operators_adds_up_and_counts_nothing_under_two_names() -> None:
    ledgers = [
        OperatorLedger(index=-1, name="read", rows_in=12, rows_out=10, rows_null_text=2),
        OperatorLedger(index=0, name="split", rows_in=10, rows_generated=5, rows_out=15),
        OperatorLedger(index=1, name="filter", rows_in=15, rows_out=11, rows_filtered=4),
        OperatorLedger(index=2, name="dedup", rows_in=11, rows_out=8, rows_duplicate=2, rows_dead_letter=1),
        OperatorLedger(index=3, name="group", rows_in=8, rows_generated=3, rows_out=3, rows_grouped=8),
    ]
    titles, _, *lines = operator_table(operator_lines(ledgers), 200)
    names = ["rows in", "generated", "rows out", "filtered", "duplicates", "grouped", "null texts", "dead"]
    assert [name for name in names if name in titles] == names
    for line, ledger in zip(lines, ledgers, strict=True):
        came, made, out, *gone = map(int, line.split()[1:9])
        assert came + made == out + sum(gone)
        assert (came, out) == (ledger.rows_in, ledger.rows_out)


def test_colours_are_for_terminals() -> None:
    screen = Screen()
    print_closing(screen, [], [Fact(name="failed", text="boom")])
    assert screen.getvalue() == "\n\x1b[1;31mfailed\x1b[0m  boom\n"
