"""The subcommands of dj-jobs and their options."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final, Protocol, cast

from data_juicer.cli.command import expand_folder
from data_juicer.cli.commands import completions, events, explain, index, partitions, timeline, verify
from data_juicer.cli.commands.jobs import clean, resume, stop, watch
from data_juicer.cli.commands.jobs import list as list_command
from data_juicer.cli.commands.jobs import show as show_command
from data_juicer.cli.commands.page import report, serve
from data_juicer.cli.commands.rows import compare, dead_letters, dropped, retry_dead_letters
from data_juicer.cli.commands.rows import inspect as inspect_command
from data_juicer.cli.commands.statistics import metrics, stats, what_if
from data_juicer.cli.output import Output, output_of
from data_juicer.cli.signals import StopSignals
from data_juicer.config.sources.operator_flags import split_flags
from data_juicer.config.sources.parser import OneLineParser
from data_juicer.version import VERSION

_OUTPUTS: Final = "./outputs"
"""The work_dir of recipes that name none."""


class Command(Protocol):
    """A module of cli/commands."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace, output: Output, signals: StopSignals) -> int | None:
        """The exit code; None for a command whose output is all that it does."""


COMMANDS: Final = tuple(
    cast("Command", module)
    for module in (
        list_command,
        show_command,
        watch,
        events,
        partitions,
        explain,
        verify,
        timeline,
        inspect_command,
        dropped,
        dead_letters,
        retry_dead_letters,
        compare,
        stop,
        resume,
        clean,
        index,
        stats,
        what_if,
        completions,
        metrics,
        report,
        serve,
    )
)


def answer(program: str, argv: Sequence[str] | None, signals: StopSignals) -> int | None:
    """Run the command that the words name. Raises: DataJuicerError."""
    parameters, words = split_flags(sys.argv[1:] if argv is None else argv, ())
    parser = build_parser(program)
    arguments = parser.parse_args(words)
    if parameters and not getattr(arguments.command, "TAKES_PARAMETERS", False):
        parser.error(f"unrecognized arguments: --{parameters[0][0]}")
    arguments.parameters = parameters
    given = arguments.work_dir or (_OUTPUTS if os.path.isdir(_OUTPUTS) else os.getcwd())
    arguments.work_dir = expand_folder(given, "--work_dir")
    command: Command = arguments.command
    return command.run(arguments, output_of(arguments.output), signals)


def build_parser(program: str) -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog=program,
        description="Show what became of jobs of dj-process, and act on them. No process of a job has to be alive.",
    )
    parser.add_argument("--version", action="version", version=f"data_juicer {VERSION}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        subparser = subparsers.add_parser(command.NAME, help=command.HELP, description=command.HELP)
        command.add_arguments(subparser)
        subparser.add_argument(
            "--work_dir",
            metavar="DIR",
            help=f"folder with jobs in it or below it (default: {_OUTPUTS}, or this folder where that is none)",
        )
        subparser.add_argument(
            "--output", choices=("text", "json"), default="text", help="form of the result (default: text)"
        )
        subparser.set_defaults(command=command, build_parser=lambda: build_parser(program))
    return parser
