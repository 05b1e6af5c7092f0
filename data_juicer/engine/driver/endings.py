"""How a run ends before its work does: what is said of a stop, of failed partitions, dead letters and crashes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from data_juicer.engine.protocol import messages as m
from data_juicer.engine.run_context import stopped_by
from data_juicer.engine.scheduling import events as e
from data_juicer.errors import COMMITTED_IS_SAFE, JobFailedError

FRAMES_MAX: Final = 3
"""Lines of a stack that an error shows."""
_FRAME: Final = re.compile(r'File "([^"]+)", line (\d+) in (\S+)')


class RunEndings(msgspec.Struct, frozen=True, kw_only=True):
    """Builds the errors that end a run."""

    operators: Sequence[str]
    """Names, in the order of the recipe."""
    partitions: int
    rows: int
    """Of the whole input."""
    ratio_max: float
    examples: Callable[[], list[str]] = msgspec.field(default=list)
    """Some dead letters that are committed, a line each."""

    def check(self, given_up: Sequence[int], stop_signal: int | None, given_up_error: str | None) -> None:
        """Raises: JobStoppedError, JobFailedError: not every partition that was to be run is committed."""
        if stop_signal is not None:
            raise stopped_by(stop_signal)
        if given_up:
            some = ", ".join(str(partition_id) for partition_id in given_up[:3])
            count = len(given_up)
            raise JobFailedError(
                f"{count} of {self.partitions} partitions failed ({some}{', ...' if count > 3 else ''}): "
                f"{given_up_error or 'see the event log'}. {COMMITTED_IS_SAFE}. Mend what it says, or allow more "
                "with --fault_tolerance.max_retries, and start the job again: it does what is left."
            )

    def too_many_dead_letters(
        self, stop: e.StopForDeadLetters, failure: m.AttemptFailed | None
    ) -> JobFailedError:
        """The bound is broken, whatever becomes of the other rows."""
        cause = "; ".join(self.examples())
        if stop.operator_index is not None and failure is not None:
            cause = f"{self.operators[stop.operator_index]} crashes: {crash_text(failure)}"
        return JobFailedError(
            f"{stop.rows_dead:,} of {self.rows:,} rows are dead letters, more than "
            f"fault_tolerance.max_dead_letter_ratio ({self.ratio_max:g}) allows: {cause}. {COMMITTED_IS_SAFE}. "
            "dj-jobs dead-letters lists them; mend them, or raise that ratio, and start the job again."
        )

    def crashes_on_every_row(self, stop: e.StopForCrashes, failure: m.AttemptFailed | None) -> JobFailedError:
        """An operator that no row has passed."""
        name = self.operators[stop.operator_index]
        how = crash_text(failure) if failure else "its worker was lost"
        return JobFailedError(
            f"{name} crashes on every row tried ({stop.rows_tried} of {stop.rows_tried}): {how}. What was committed is "
            f"safe. Mend {name} or take it out of the recipe, and start the job again."
        )


def crash_text(failure: m.AttemptFailed) -> str:
    """How a worker was lost, with the innermost lines of its stack where it left one."""
    frames = [
        f"{path.rpartition('/')[2]}:{line} in {function}"
        for path, line, function in _FRAME.findall(_current_thread(failure.trace))[:FRAMES_MAX]
    ]
    return f"{failure.message}, stack {' < '.join(frames)}" if frames else failure.message


def _current_thread(trace: str) -> str:
    """The part of a faulthandler dump that is about the thread which crashed, or else the last one, the main thread."""
    threads = re.split(r"\n\s*\n", trace.strip())
    current = [thread for thread in threads if "Current thread" in thread]
    return (current or threads)[-1]
