"""dj-jobs watch."""

from __future__ import annotations

import argparse
import contextlib
import select
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.clock import SystemClock
from data_juicer.errors import ConfigError, DataJuicerError
from data_juicer.events.history import newest_records
from data_juicer.events.tail import LogTail
from data_juicer.events.text import describe
from data_juicer.job.find import FoundJob
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.partition_times import PartitionTimes, fold_partitions
from data_juicer.monitor.progress import Progress, format_duration, progress_of
from data_juicer.monitor.streams import columns_of, write_lines
from data_juicer.monitor.views.watch import Line, Watched, screen_lines
from data_juicer.printable import printable

if TYPE_CHECKING:
    from rich.text import Text

    from data_juicer.events import types as t

NAME: Final = "watch"
HELP: Final = "Show a job on the whole screen while it runs: phases, operators, workers, troubles, costs."

_PERIOD_S: Final = 0.5
_DISK_EVERY: Final = 20
"""Files are added up once in so many turns: there may be many."""
_EVENTS_MAX: Final = 200
_LINES_MAX: Final = 20_000
"""So many lines of a log are looked through for them."""
_KEYS: Final = "o overview  e events  d dead letters  x dropped rows  s slow partitions  q quit"
_STYLES: Final = {"title": "bold", "bar": "cyan", "warn": "yellow", "dim": "dim"}


class WatchReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives, once: how far the job is now."""

    job_id: str
    status: str
    progress: Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument("--once", action="store_true", help="print the screen once and leave, for scripts")


def run(arguments: argparse.Namespace, output: Output, signals: StopSignals) -> None:
    watch = _Watch(JobHandle.open(arguments.work_dir, arguments.job))
    now = SystemClock().now()
    watch.look(now)
    if arguments.output == "json":
        report = WatchReport(
            job_id=watch.job.job_id,
            status=watch.job.status(now),
            progress=progress_of(watch.tail.view, now, is_alive=watch.is_alive),
        )
        output.emit(report, lambda _: [])
    elif arguments.once:
        columns = min(columns_of(sys.stdout), 140)
        write_lines(sys.stdout, [line.text for line in watch.lines("o", now, columns, 1000)])
    elif sys.stdout.isatty():
        _show(watch, signals)
    else:
        raise ConfigError("watch needs a terminal; to print its screen once: dj-jobs watch JOB --once")


def _is_shown(record: t.Record) -> bool:
    return record.event.level != "DEBUG"


class _Watch:
    """What is known of the job, and what each page shows of it."""

    def __init__(self, job: JobHandle) -> None:
        self.job = job
        self.tail = LogTail(job.store, job.layout)
        self.is_alive = False
        self._events: deque[str] = deque(maxlen=_EVENTS_MAX)
        self._take(newest_records(job.store, job.layout, _is_shown, _EVENTS_MAX, _LINES_MAX))
        self.tail.skip_to_end()
        self._turns = 0
        self._disk_bytes: int | None = None
        self._pages: dict[str, Callable[[int], Sequence[str]]] = {
            "e": lambda _: list(self._events),
            "d": self._dead_letters,
            "x": self._dropped,
            "s": self._slow,
        }

    def look(self, now: datetime) -> None:
        """Take in what happened since the last look."""
        if self._turns % _DISK_EVERY == 0:
            self._disk_bytes = self.job.size_bytes()
        self._turns += 1
        self.is_alive = self.job.is_alive(now)
        self._take(filter(_is_shown, self.tail.poll()))
        with contextlib.suppress(DataJuicerError):  # as it was, where it is being written
            found = FoundJob(job_id=self.job.job_id, job_dir=self.job.layout.job_dir)
            self.job = JobHandle.of(found, self.job.store)

    def _take(self, records: Iterable[t.Record]) -> None:
        for record in records:
            self._events.append(f"{record.ts[11:19]} {record.event.level:<7} {describe(record.event)}")

    def lines(self, page: str, now: datetime, columns: int, rows: int) -> list[Line]:
        if page == "o":
            job = Watched(
                summary=self.job.summary,
                view=self.tail.view,
                is_alive=self.is_alive,
                disk_bytes=self._disk_bytes,
                free_bytes=self.job.store.free_bytes(self.job.layout.job_dir),
            )
            return screen_lines(job, now, columns, rows)
        try:
            text = self._pages[page](columns)
        except DataJuicerError as error:
            text = [str(error)]
        shown = list(text)[-rows:] if page == "e" else list(text)[:rows]
        return [Line(_cut(printable(line), columns)) for line in shown] or [Line("nothing", "dim")]

    def _dead_letters(self, columns: int) -> Sequence[str]:
        from data_juicer.cli.commands.rows.dead_letters import letter_lines
        from data_juicer.engine.output.dead_letters import committed_dead_letters, group_letters

        letters = committed_dead_letters(self.job.store, self.job.layout)
        return letter_lines(group_letters(letters, 3), columns)

    def _dropped(self, _: int) -> Sequence[str]:
        """Counts alone: rows are looked for by `dj-jobs dropped`, which reads partitions."""
        ledgers = (each for _, each in sorted(self.tail.view.operators.items()))
        lines = [
            f"{each.name}: {each.rows_filtered + each.rows_duplicate:,} of {each.rows_in:,} rows "
            f"({(each.rows_filtered + each.rows_duplicate) / max(1, each.rows_in):.1%})"
            for each in ledgers
            if each.rows_filtered or each.rows_duplicate
        ]
        return [*lines, "", f"to see rows: dj-jobs dropped {self.job.layout.job_dir}"] if lines else []

    def _slow(self, _: int) -> Sequence[str]:
        times: dict[int, PartitionTimes] = fold_partitions(self.job.events())
        slowest = sorted(times.items(), key=lambda item: -item[1].busy_s)[:20]
        return [
            f"partition {partition}: {format_duration(each.busy_s)}, {each.state.value}, attempts {each.attempts}, "
            f"most in {each.slowest_operator or 'reading'}{': ' if each.last_error else ''}{each.last_error}"
            for partition, each in slowest
        ]


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else f"{text[: columns - 1]}…"


# ---- the screen


def _show(watch: _Watch, signals: StopSignals) -> None:
    """Until q, Ctrl-C or the end of a job that ran when it was first looked at; then its last screen stays."""
    from rich.console import Console
    from rich.live import Live

    console, clock, page = Console(file=sys.stdout, highlight=False), SystemClock(), "o"
    was_alive = watch.is_alive
    signals.note()
    try:
        with _keys() as pressed, Live(console=console, auto_refresh=False, screen=True) as live:
            while signals.asked() is None:
                now = clock.now()
                watch.look(now)
                width, height = console.size
                lines = watch.lines(page, now, width, height - 2)
                live.update(_render([*lines, Line(""), Line(_cut(_KEYS, width), "dim")]), refresh=True)
                key = pressed(_PERIOD_S)
                if key == "q" or (was_alive and not watch.is_alive and key is None):
                    break
                page = key if key in {"o", "e", "d", "x", "s"} else page
    finally:
        signals.leave_at_once()
    now = clock.now()
    width, height = console.size
    console.print(_render(watch.lines("o", now, width, height - 1)))


def _render(lines: Sequence[Line]) -> Text:
    from rich.text import Text

    whole = Text(no_wrap=True, overflow="ellipsis")
    for number, line in enumerate(lines):
        whole.append(("\n" if number else "") + line.text, style=_STYLES.get(line.style, ""))
    return whole


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[float], str | None]]:
    """Waits so many seconds for a key; without a terminal to read from, just waits."""
    clock = SystemClock()
    if not sys.stdin.isatty():

        def wait(seconds: float) -> None:
            clock.sleep_s(seconds)

        yield wait
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:

        def pressed(seconds: float) -> str | None:
            ready, _, _ = select.select([descriptor], [], [], seconds)
            return sys.stdin.read(1) if ready else None

        yield pressed
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
