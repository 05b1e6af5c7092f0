"""What every command has in common: its streams, its signals, its errors, its exit code.

Only what is needed from the first line of `main` on is imported here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from data_juicer.cli.signals import StopSignals
from data_juicer.errors import ConfigError, DataJuicerError
from data_juicer.monitor.streams import surviving_streams, write_lines

if TYPE_CHECKING:
    from data_juicer.monitor.streams import SurvivingStream


def run_command(program: str, answer: Callable[[StopSignals], int | None]) -> int:
    """Answer a command line. Expected errors are one line and their exit code; bugs keep their traceback.

    Args:
        answer: prints results to `sys.stdout` and everything else to `sys.stderr`; gives the exit code, or None where
            its result is all that it came for, so that it has failed if that cannot be shown.
    Returns: the exit code, that of the job where one was run, whatever became of the streams.
    """
    with surviving_streams() as (stdout, _), StopSignals(program) as signals:
        try:
            code = answer(signals)
        except DataJuicerError as error:
            write_lines(sys.stderr, [f"{program}: {error}"])
            return error.exit_code
        stdout.flush()
        return _code_of_showing(program, stdout) if code is None else code


def expand_folder(given: str, name: str) -> str:
    """A folder as settings are read: variables and `~` filled in, a URI in its one spelling.

    Args:
        name: what an error calls the argument.
    Raises: ConfigError.
    """
    from data_juicer.config.paths import PathContext, expand
    from data_juicer.config.sources.plain import InvalidValueError

    try:
        return expand(given, PathContext(environ=os.environ, expand_user=os.path.expanduser))
    except InvalidValueError as error:
        raise ConfigError(f"{name}: {error}") from None


@contextlib.contextmanager
def in_directory(path: str | None) -> Iterator[None]:
    """Stand in another folder for a while; None: in this one.

    Raises: ConfigError: there is no such folder, or not even a current one.
    """
    try:
        os.getcwd()
    except OSError:
        raise ConfigError("the current folder is gone; change to another one, or name one with -C") from None
    try:
        there = contextlib.chdir(path or ".")
        there.__enter__()
    except OSError as error:
        raise ConfigError(
            f"-C {path}: {error.strerror}; relative paths of the job begin in this folder"
        ) from None
    try:
        yield
    finally:
        there.__exit__(None, None, None)


def _code_of_showing(program: str, stdout: SurvivingStream) -> int:
    """0 also where the reader, `head` say, has seen enough."""
    if stdout.refusal is None or not stdout.has_reader:
        return 0
    reason = getattr(stdout.refusal, "strerror", None) or str(stdout.refusal)
    if getattr(stdout.refusal, "errno", None) == errno.EBADF:
        reason = "it is closed"
    write_lines(sys.stderr, [f"{program}: the result could not be written to standard output: {reason}."])
    return 1
