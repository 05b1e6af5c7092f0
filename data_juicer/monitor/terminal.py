"""What a person sees of a run: a bar on a terminal, otherwise a plain line every few seconds.

rich is imported here and nowhere else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol, TextIO

from data_juicer.clock import Clock
from data_juicer.errors import COMMITTED_IS_SAFE
from data_juicer.events.text import describe
from data_juicer.events.types import PartitionFailed, ProcessingStart, Record, WarningNotice
from data_juicer.events.view import JobView
from data_juicer.monitor.progress import (
    Progress,
    format_duration,
    format_left,
    format_progress,
    format_share,
    format_troubles_with_causes,
    progress_of,
)
from data_juicer.monitor.views.phases import PhaseView, format_phase_briefly
from data_juicer.printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

BAR_S: Final = 0.25
LINE_S: Final = 5.0
STEP_S: Final = 1.0
"""A step of the driver's own that is over sooner is not shown."""
_ADVICE: Final = re.compile(rf"\. {COMMITTED_IS_SAFE}\..*(?=; given up$)")
_TROUBLES_MAX: Final = 10
"""Warnings and failed attempts that are shown as they come; the rest is counted, and is in events.log."""


def _told_once(event: WarningNotice | PartitionFailed) -> str:
    """The event in one line, without the advice of a failure that ends the job: its last line gives that."""
    text = " ".join(describe(event).split())
    if isinstance(event, PartitionFailed) and event.data.retry_in_s is None:
        return _ADVICE.sub("", text)
    return text


class _Display(Protocol):
    period_s: float

    def show(self, progress: Progress) -> None: ...

    def step(self, text: str) -> None: ...

    def say(self, line: str) -> None: ...

    def close(self) -> None: ...


class Terminal:
    """Shows a view while its run goes on. Nothing is shown before the first `refresh`."""

    def __init__(self, view: JobView, clock: Clock, stream: TextIO) -> None:
        """
        Args:
            stream: stderr, so that results keep stdout for themselves; one that survives what it cannot show.
        """
        self._view = view
        self._clock = clock
        self._stream = stream
        self._made: _Display | None = None
        self._shown_s: float | None = None
        self._stepping_s: float | None = None
        self._troubles = 0

    def listen(self, record: Record) -> None:
        """Tell warnings and failed attempts at once, and what earlier runs did; a listener of the event log."""
        event = record.event
        if isinstance(event, ProcessingStart) and event.data.partitions_done:
            plan = event.data
            self.say(f"{plan.partitions_done:,} of {plan.partitions:,} partitions are done already")
        if not isinstance(event, WarningNotice | PartitionFailed):
            return
        self._troubles += 1
        if self._troubles <= _TROUBLES_MAX:
            self.say(f"warning: {_told_once(event)}")
        elif self._troubles == _TROUBLES_MAX + 1:
            self.say("warning: more follow; they are in events.log")

    def say(self, line: str) -> None:
        """A line above the bar, or after the lines so far."""
        self._display.say(printable(line))

    def refresh(self) -> None:
        """Show how far the run is, when it was not shown a moment ago; called in each turn of the driver's loop."""
        now_s = self._clock.monotonic_s()
        if self._shown_s is None or now_s - self._shown_s >= self._display.period_s:
            self._shown_s, self._stepping_s = now_s, None
            self._show()

    def step(self, text: str) -> None:
        """Show what the driver does by itself, when nothing was shown a moment ago."""
        now_s = self._clock.monotonic_s()
        if self._stepping_s is None:
            self._stepping_s = now_s
        if now_s - self._stepping_s < STEP_S:
            return
        if self._shown_s is None or now_s - self._shown_s >= self._display.period_s:
            self._shown_s = now_s
            self._display.step(printable(text))

    def close(self) -> None:
        """Show the last state and give the terminal back; safe to call twice."""
        if self._shown_s is not None:
            self._shown_s = None
            if self._view.partitions:
                self._show()
        if self._made is not None:
            self._made.close()

    @property
    def _display(self) -> _Display:
        """Made when it is first needed: importing rich then costs no time, as the workers have begun."""
        if self._made is None:
            self._made = _Bar(self._stream) if self._stream.isatty() else _Lines(self._stream)
        return self._made

    def _show(self) -> None:
        self._display.show(progress_of(self._view, self._clock.now()))


class _Lines:
    """For files, pipes and logs of batch systems: a line when something moved."""

    period_s = LINE_S

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = ""

    def show(self, progress: Progress) -> None:
        line = format_progress(progress)
        if line != self._last:
            self._last = line
            self.say(line)

    def step(self, text: str) -> None:
        self.say(text)

    def say(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def close(self) -> None:
        pass


class _Bar:
    """For terminals: one line that moves, and a second one when something is wrong."""

    period_s = BAR_S

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=stream, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False)
        self._is_live = False

    def show(self, progress: Progress) -> None:
        self._update(_bar(progress))

    def step(self, text: str) -> None:
        from rich.text import Text

        self._update(Text(text))

    def _update(self, shown: RenderableType) -> None:
        if not self._is_live:
            self._live.start()
            self._console.show_cursor(True)  # a killed driver cannot give a hidden one back
            self._is_live = True
        self._live.update(shown, refresh=True)

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, style="yellow", soft_wrap=True)

    def close(self) -> None:
        if self._is_live:
            self._is_live = False
            self._live.stop()


def _bar(progress: Progress) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    is_done = progress.share >= 1.0
    if is_done:
        left = f"in {format_duration(progress.elapsed_s)}"
    else:
        left = format_left(progress.left) if progress.left is not None else ""
    line = Table.grid(padding=(0, 2), expand=True)
    line.add_column(no_wrap=True)
    line.add_column(ratio=1)
    for _ in range(3):
        line.add_column(justify="right", no_wrap=True)
    line.add_row(
        format_phase_briefly(progress.phase),
        ProgressBar(total=1.0, completed=progress.share, complete_style="cyan", finished_style="green"),
        format_share(progress.share),
        _rate(progress),
        left,
    )
    more = [Text(_goal(progress.phase), style="dim")] if progress.phase.until else []
    if troubles := format_troubles_with_causes(progress):
        more.append(Text("  ".join(troubles), style="yellow"))
    return Group(line, *more) if more else line


def _rate(progress: Progress) -> str:
    if progress.rows_per_s is not None:
        return f"{progress.rows_per_s:,.0f} rows/s"
    return "" if progress.partitions_running else "starting"


def _goal(phase: PhaseView) -> str:
    return f"{phase.until} compares all rows" if phase.is_resolving else f"up to {phase.until}"
