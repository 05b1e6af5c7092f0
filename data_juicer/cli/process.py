"""dj-process: runs a recipe, or goes on with the job that `--job_id` names; tells what operators there are.

What is imported when: signals are handled before anything else, `--help` must be there in a blink, and the first worker
must start before this process imports what it needs itself. So nothing is imported before it is known that it is wanted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from data_juicer.cli.command import in_directory, run_command
from data_juicer.version import PROGRAM

if TYPE_CHECKING:
    import argparse

    from data_juicer.cli.signals import StopSignals

HELP_FILE: Final = os.path.join(os.path.dirname(__file__), "help.txt")
"""What `--help` prints: `render_help`, made by `python -m data_juicer.cli.reference`, since the schema takes long to load."""
_EXAMPLES: Final = f"""\
examples:
  {PROGRAM} --config r.yaml              Run it; the id of the job is shown.
  {PROGRAM} --config r.yaml --dry_run    Show what it would do and take.
  {PROGRAM} --config r.yaml --job_id ID  Resume the job with this id.
  {PROGRAM} --config r.yaml --np 2 --checkpoint.strategy every_partition
  dj-jobs list                             List the jobs.
  dj-jobs show ID                          Show what became of a job.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Expected errors are one line and their exit code; bugs keep their traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    return run_command(PROGRAM, lambda signals: _answer(words, signals))


def _answer(words: Sequence[str], signals: StopSignals) -> int | None:
    parser = _questions()
    asked, settings = parser.parse_known_args(words)
    if asked.output and not asked.dry_run:
        parser.error("--output is for what --dry_run shows; a run writes its result to export_path")
    with in_directory(asked.directory):
        return _answer_there(asked, settings, signals)


def _answer_there(asked: argparse.Namespace, settings: Sequence[str], signals: StopSignals) -> int | None:
    if asked.help:
        with open(HELP_FILE, encoding="utf-8") as file:
            sys.stdout.write(file.read())
    elif asked.version:
        from data_juicer.kernels.native.loading import kernels_used
        from data_juicer.version import VERSION

        sys.stdout.write(f"data_juicer {VERSION}\nkernels: {kernels_used}\n")
    elif asked.list_ops or asked.describe_op:
        from data_juicer.cli import operators

        paths = _custom_operator_paths(settings)
        text = operators.describe(asked.describe_op, paths) if asked.describe_op else operators.listing(paths)
        sys.stdout.write(text)
    elif asked.dry_run:
        from data_juicer.cli.dry_run import run_dry

        run_dry(settings, asked.output or "text")
    else:
        from data_juicer.cli.running import run_job_of

        return run_job_of(settings, signals)
    return None


def _questions() -> argparse.ArgumentParser:
    """The options that ask something instead of running a job."""
    from data_juicer.config.sources.parser import OneLineParser

    parser = OneLineParser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    _add_questions(parser)
    return parser


def _add_questions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("instead of a run")
    group.add_argument("-h", "--help", action="store_true", help="Show this text.")
    group.add_argument("--version", action="store_true", help="Show the version, and which kernels are used.")
    group.add_argument(
        "--list-ops", action="store_true", help="List the operators, with those of custom_operator_paths."
    )
    group.add_argument("--describe-op", metavar="NAME", help="Show what an operator does and takes.")
    group.add_argument(
        "--dry_run",
        action="store_true",
        help="Show plan, reuse and an estimate of time, cost, disk and memory.",
    )
    group.add_argument("--output", choices=("text", "json"), help="Form of what --dry_run shows.")
    group = parser.add_argument_group("where to begin")
    group.add_argument(
        "-C", dest="directory", metavar="DIR", help="Change to this folder first; relative paths begin there."
    )


def build_whole_parser() -> argparse.ArgumentParser:
    """Settings and questions in one; for help and completions, as the two are read apart."""
    from data_juicer.config.sources.command_line import build_parser

    parser = build_parser()
    _add_questions(parser)
    return parser


def render_help() -> str:
    """The help as the schema has it now."""
    return f"{build_whole_parser().format_help()}\n{_EXAMPLES}"


def _custom_operator_paths(settings: Sequence[str]) -> tuple[str, ...]:
    """Those of the recipe or of the command line alone."""
    from data_juicer.config.config import load_config
    from data_juicer.config.sources.command_line import read_flags

    recipe_path, givens = read_flags(settings)
    if recipe_path is not None:
        return load_config(settings, os.environ).custom_operator_paths
    named = [given.read() for given in givens if given.path == "custom_operator_paths"]
    return named[-1] if named else ()
