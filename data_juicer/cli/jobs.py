"""dj-jobs: what jobs there are, what happened to them, and how they go on. Reads files only; no job has to be alive."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final, Protocol, cast

from data_juicer.cli.commands import dead_letters, explain, retry_dead_letters
from data_juicer.cli.commands import list as list_command
from data_juicer.cli.commands import show as show_command
from data_juicer.cli.output import Output, output_of
from data_juicer.errors import DataJuicerError
from data_juicer.version import VERSION

INTERRUPTED: Final = 130


class Command(Protocol):
    """A module of cli/commands."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace, output: Output) -> int:
        """The exit code."""


COMMANDS: Final = tuple(
    cast("Command", module)
    for module in (list_command, show_command, explain, dead_letters, retry_dead_letters)
)


def main(argv: Sequence[str] | None = None) -> int:
    """Expected errors are one line and their exit code; bugs keep their traceback."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.command.run(arguments, output_of(arguments.output))
        sys.stdout.flush()
    except DataJuicerError as error:
        sys.stderr.write(f"dj-jobs: {error}\n")
        return error.exit_code
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dj-jobs", description="Look at jobs of dj-process.")
    parser.add_argument("--version", action="version", version=f"data_juicer {VERSION}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        subparser = subparsers.add_parser(command.NAME, help=command.HELP, description=command.HELP)
        command.add_arguments(subparser)
        subparser.add_argument(
            "--work_dir", default="./outputs", metavar="DIR", help="where the jobs lie (default: %(default)s)"
        )
        subparser.add_argument(
            "--output", choices=("text", "json"), default="text", help="form of the result (default: text)"
        )
        subparser.set_defaults(command=command)
    return parser
