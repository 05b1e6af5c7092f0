"""What a Python program shows of a run: a line that renews itself in a notebook, the bar of the command line in a script."""

from __future__ import annotations

import html
import importlib
import sys
from typing import TYPE_CHECKING, Any, Final

from data_juicer.engine.run_context import Observer, WatchedJob
from data_juicer.events.types import InfoNotice, Record
from data_juicer.monitor.progress import format_progress, progress_of
from data_juicer.monitor.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

_NOTEBOOK_SHELL: Final = "ZMQInteractiveShell"
_RENEW_S: Final = 0.5


class ShownRun(Observer):
    """Shows a run, or nothing; `close` shows how far it came."""

    job: WatchedJob | None = None

    def job_opened(self, job: WatchedJob) -> None:
        self.job = job

    def close(self) -> None:
        """Nothing is shown after this."""


def shown_run(progress: bool | None) -> ShownRun:
    """What shows a run.

    Args:
        progress: True: always; False: never; None: in a notebook, and where standard error is a terminal.
    """
    if progress is False:
        return ShownRun()
    if is_notebook():
        return NotebookRun(_display)
    return ScriptRun() if progress or sys.stderr.isatty() else ShownRun()


def is_notebook() -> bool:
    """Whether cells of a notebook are run here; IPython is not imported to find out."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == _NOTEBOOK_SHELL


class ScriptRun(ShownRun):
    """On standard error what dj-process shows there."""

    def __init__(self) -> None:
        self._terminal: Terminal | None = None

    def job_opened(self, job: WatchedJob) -> None:
        super().job_opened(job)
        self._terminal = Terminal(job.view, job.clock, sys.stderr)
        self._terminal.say(f"job {job.layout.job_id}" + ("" if job.run == 1 else f", run {job.run}"))

    def event_recorded(self, record: Record) -> None:
        if self._terminal is not None:
            self._terminal.listen(record)
            if isinstance(record.event, InfoNotice):
                self._terminal.say(f"note: {record.event.message}")

    def heartbeat(self, activity: str) -> None:
        if self._terminal is None:
            return
        if activity:
            self._terminal.step(activity)
        else:
            self._terminal.refresh()

    def close(self) -> None:
        if self._terminal is not None:
            self._terminal.close()


class NotebookRun(ShownRun):
    """One line in the output of the cell, renewed twice a second."""

    def __init__(self, display: Callable[[str], Callable[[str], None]]) -> None:
        """
        Args:
            display: shows HTML; returns what replaces it.
        """
        self._display = display
        self._renew: Callable[[str], None] | None = None
        self._notes: list[str] = []
        self._shown_s = float("-inf")

    def event_recorded(self, record: Record) -> None:
        if isinstance(record.event, InfoNotice):
            self._notes.append(record.event.message)

    def heartbeat(self, activity: str) -> None:
        if self.job is None or self.job.clock.monotonic_s() - self._shown_s < _RENEW_S:
            return
        self._show(activity)

    def close(self) -> None:
        if self.job is not None:
            self._show("")

    def _show(self, activity: str) -> None:
        if self.job is None:
            return
        self._shown_s = self.job.clock.monotonic_s()
        line = activity or format_progress(progress_of(self.job.view, self.job.clock.now()))
        lines = [f"job {self.job.layout.job_id}", *(f"note: {note}" for note in self._notes), line]
        text = f"<pre>{html.escape(chr(10).join(lines))}</pre>"
        if self._renew is None:
            self._renew = self._display(text)
        else:
            self._renew(text)


def _display(text: str) -> Callable[[str], None]:
    """Show HTML in the output of a cell; returns what replaces it."""
    shown: Any = importlib.import_module("IPython.display")
    handle = shown.display(shown.HTML(text), display_id=True)
    return lambda newer: handle.update(shown.HTML(newer))
