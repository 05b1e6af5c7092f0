"""A job on a terminal: its progress, signals, and what there is to say when it ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TextIO

from data_juicer.config.config import load_config
from data_juicer.engine.run_context import Observer, RunControl, WatchedJob
from data_juicer.errors import DataJuicerError, InputError, StoreError
from data_juicer.monitor.streams import write_lines
from data_juicer.version import PROGRAM

if TYPE_CHECKING:
    from data_juicer.cli.signals import StopSignals
    from data_juicer.config.schema import JobConfig
    from data_juicer.engine.lifecycle.environment import JobOutcome
    from data_juicer.events.types import Record
    from data_juicer.monitor.terminal import Terminal

_DEMO_DATA: Final = "demo-outputs/data/stdlib.jsonl"
USAGE: Final = 2
"""Exit code for what was found before anything was created."""
STOPPING: Final = "stopping: partitions in flight will finish; press Ctrl-C again to exit now"


def run_job_of(settings: Sequence[str], signals: StopSignals) -> int:
    """Run, resume, or find complete the job that a command line asks for.

    Returns: the exit code; how the job ended is printed. Raises: ConfigError: the settings are wrong.
    """
    return run_job(load_config(settings, os.environ), signals)


def run_job(
    config: JobConfig, signals: StopSignals, *, closing_to_stderr: bool = False, folder: str | None = None
) -> int:
    """The same for settings that are loaded.

    Args:
        closing_to_stderr: leave stdout to the caller.
        folder: the person's current folder; None: in the current folder, where relative paths of the job begin.
    """
    from data_juicer.api import run_config

    closing = sys.stderr if closing_to_stderr else sys.stdout
    screen = Screen(signals, config.notices, closing, folder or os.getcwd())
    try:
        control = RunControl(observers=(screen,), stop_signal=signals.asked)
        result = run_config(config, control)
    except InputError as error:
        return screen.tell_failure(InputError(f"{error}{_how_to_make(config)}"))
    except DataJuicerError as error:
        code = screen.tell_failure(error)
        if error.exits_at_once:
            _exit_at_once(code)
        return code
    except BaseException:  # a bug: its traceback follows what is safe
        screen.tell_interruption()
        raise
    screen.tell_success(result)
    return 0


def _exit_at_once(code: int) -> None:
    """Leave without the shutdown of libraries; everything is said, written and released."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _how_to_make(config: JobConfig) -> str:
    """The example recipe is the first that people run, and its input is made, not shipped."""
    missing = [path for path in config.sources() if path.endswith(_DEMO_DATA) and not os.path.exists(path)]
    return " It is made by: make demo" if missing else ""


class Screen(Observer):
    """What a person sees of one run. Silent until the job is open: what goes wrong before is one line."""

    def __init__(self, signals: StopSignals, notices: Sequence[str], closing: TextIO, folder: str) -> None:
        """
        Args:
            notices: what is reported about its settings.
            closing: gets the table of a job that is complete.
            folder: the person's current folder: commands are as short as they may be there.
        """
        self._signals = signals
        self._folder = folder
        self._closing = closing
        self._notices = notices
        self._job: WatchedJob | None = None
        self._terminal: Terminal | None = None
        self._has_announced_stop = False

    # ---- while it runs

    def job_opened(self, job: WatchedJob) -> None:
        """Name the job, and what its settings ask for in vain. From here on a signal stops the job in order."""
        from data_juicer.job.summary import command_in
        from data_juicer.monitor.terminal import Terminal

        self._job = job
        self._terminal = Terminal(job.view, job.clock, sys.stderr)
        self._signals.parting = f"exited at once; what was committed is safe. To go on: {command_in(job.summary.resume_command, self._folder)}"
        self._signals.note()
        run = "" if job.run == 1 else f", run {job.run}"
        notes = [f"note: {notice}" for notice in self._notices]
        write_lines(sys.stderr, [f"job {job.layout.job_id}{run}", *notes])

    def event_recorded(self, record: Record) -> None:
        from data_juicer.events.types import SHARE_DONE, InfoNotice

        if self._terminal is None:
            return
        self._terminal.listen(record)
        event = record.event
        if not isinstance(event, InfoNotice) or event.message in self._notices:
            return
        if SHARE_DONE not in event.data:  # how far it is, the screen shows already
            self._terminal.say(f"note: {event.message}")

    def heartbeat(self, activity: str) -> None:
        if self._terminal is None:
            return
        if self._signals.is_asked and not self._has_announced_stop:
            self._has_announced_stop = True
            self._terminal.say(STOPPING)
        if activity:
            self._terminal.step(activity)
        else:
            self._terminal.refresh()

    # ---- when it ended

    def tell_success(self, result: JobOutcome) -> None:
        """The closing table on stdout; one line for a job that had nothing left to do."""
        if result.already_complete:
            counts = result.summary.counts
            done = f"{counts.rows:,} rows in, {counts.rows_out:,} out; nothing was left to do."
            lines = [f"{result.summary.job_id} is complete: {done}", result.summary.export_path or ""]
            write_lines(self._closing, lines)
            return
        self._close(is_success=True)

    def tell_failure(self, error: DataJuicerError) -> int:
        """Why it ended, what is safe, how to go on.

        Returns: the exit code.
        """
        if self._job is None:
            write_lines(sys.stderr, [f"{PROGRAM}: {error}"])
            return USAGE if isinstance(error, InputError | StoreError) else error.exit_code
        if self._job.summary.reason is None:  # the disk refused the summary
            write_lines(sys.stderr, [f"{PROGRAM}: {error}"])
        self._close(is_success=False)
        return error.exit_code

    def tell_interruption(self) -> None:
        """How far the job is; nothing if there is none yet."""
        if self._job:
            self._close(is_success=False)

    def _close(self, *, is_success: bool) -> None:
        from data_juicer.job.summary import seen_from
        from data_juicer.monitor.closing import print_closing
        from data_juicer.monitor.facts import cost_facts, job_facts, operator_lines
        from data_juicer.plan.resume.committed import find_committed
        from data_juicer.storage import open_store

        self._signals.leave_at_once()
        job, terminal = self._job, self._terminal
        if job is None or terminal is None:
            return
        terminal.close()
        committed = None
        with contextlib.suppress(StoreError):  # what ended the run is reported all the same
            committed = find_committed(open_store(*job.layout.claimed_directories()), job.layout)
        facts = job_facts(
            seen_from(job.summary, self._folder), job.view, job.layout, committed, is_alive=False
        )
        now = job.clock.now()
        facts[-1:-1] = cost_facts(job.summary, job.view, now, is_alive=False)
        has_rows = any(ledger.rows_in for ledger in job.view.operators.values())
        operators = operator_lines(list(job.view.operators.values())) if has_rows else []
        print_closing(self._closing if is_success else sys.stderr, operators, facts)
