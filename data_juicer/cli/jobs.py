"""dj-jobs: what jobs there are, what happened to them, and how they go on. Reads files only; no job has to be alive.

Signals are handled before anything heavy is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from data_juicer.cli.command import run_command

if TYPE_CHECKING:
    from data_juicer.cli.signals import StopSignals

PROGRAM: Final = "dj-jobs"


def main(argv: Sequence[str] | None = None) -> int:
    """Expected errors are one line and their exit code; bugs keep their traceback."""
    return run_command(PROGRAM, lambda signals: _answer(argv, signals))


def _answer(argv: Sequence[str] | None, signals: StopSignals) -> int | None:
    from data_juicer.cli.job_commands import answer

    return answer(PROGRAM, argv, signals)
