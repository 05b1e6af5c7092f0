"""dj-analyze: what the filters of a recipe measure over a dataset, without filtering it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from data_juicer.cli.command import in_directory, run_command

if TYPE_CHECKING:
    import argparse

    from data_juicer.cli.signals import StopSignals

PROGRAM: Final = "dj-analyze"
_HELP: Final = f"""\
usage: {PROGRAM} --config RECIPE [--by FIELD] [--percentiles SHARE ...] [--SETTING VALUE ...]

Measure a dataset with the filters of a recipe and drop nothing: mappers and operators that decide from all rows are left out.

options:
  --config RECIPE     The recipe, as of dj-process.
  --by FIELD          Count words by the values of this field, such as meta.lang; may be given several times.
  --percentiles SHARE ...
                      Further percentiles for overall.csv, such as 0.001 0.999; also `percentiles` in the recipe.
  -C DIR              Change to this folder first; relative paths begin there.
  -h, --help          Show this text.
  --version           Show the version.
  --SETTING VALUE     Any setting of dj-process; --job_id ID goes on with an analysis.

Beside export_path it writes NAME_stats.jsonl, a line of stats for each row, and the folder analysis: overall.csv and overall.md,
correlation.csv, by_FIELD.csv, and report.html, the page of the job.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Expected errors are one line and their exit code; bugs keep their traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    return run_command(PROGRAM, lambda signals: _answer(words, signals))


def _answer(words: Sequence[str], signals: StopSignals) -> int | None:
    asked, settings = _parser().parse_known_args(words)
    if asked.help:
        sys.stdout.write(_HELP)
        return None
    if asked.version:
        from data_juicer.version import VERSION

        sys.stdout.write(f"data_juicer {VERSION}\n")
        return None
    with in_directory(asked.directory):
        from data_juicer.cli.analysis import run_analysis

        return run_analysis(settings, asked.by, asked.percentiles, signals)


def _parser() -> argparse.ArgumentParser:
    from data_juicer.config.sources.parser import OneLineParser

    parser = OneLineParser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--version", action="store_true")
    parser.add_argument("-C", dest="directory")
    parser.add_argument("--by", action="append", default=[])
    parser.add_argument("--percentiles", nargs="+", type=float, default=[])
    return parser
