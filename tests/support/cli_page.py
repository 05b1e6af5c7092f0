"""docs/cli.md: usage of every command from the parsers, and transcripts of the commands on an example job.

python -m tests.support.cli_page > docs/cli.md      writes it anew
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from data_juicer.cli import job_commands, jobs, process

COLUMNS: Final = 80
HERE: Final = "/data"
"""Stands for the folder of the example."""
RECIPE: Final = """\
dataset_path: in.jsonl
export_path: out/cleaned.jsonl
work_dir: out
np: 1
executor_type: inline
partition: {size: 25}
checkpoint: {strategy: every_op}
fault_tolerance: {max_dead_letter_ratio: 0.1}
process:
  - whitespace_normalization_mapper
  - words_num_filter: {min_num: 3}
  - document_deduplicator
"""
INDEXED: Final = RECIPE.replace(
    "  - document_deduplicator", "  - document_deduplicator: {dedup_index: texts.index}"
)
NOTES: Final = {
    "list": "Jobs are found at any depth below the folder. Where a line does not fit, a job takes two.",
    "watch": "On a terminal it goes on until the job ends, and keys show more. `--once` prints it:",
    "explain": "The cause of what is computed again; with `--config`, before anything is run:",
    "inspect": "What was removed is between `[-` and `-]`, what was added between `{+` and `+}`; on a terminal in colours.",
    "resume": "The settings are those of the last run, from the summary of the job; `--set` changes one. Secrets are read from the variables that the summary names.",
    "index": "Deduplicators write indexes (`dedup_index`, [incremental crawls](incremental.md)). `--verify` reads every segment; `--write` makes the n-grams that `ngram_overlap_filter` looks for.",
    "clean": "Exports are never removed, nor what is not the job's.",
    "stop": "The driver finishes the partitions in flight, as after Ctrl-C.",
}
TRANSCRIPTS: Final = {
    "list": ("dj-jobs list out",),
    "show": ("dj-jobs show out/first",),
    "watch": ("dj-jobs watch out/first --once",),
    "events": ("dj-jobs events out/first --last 2",),
    "partitions": ("dj-jobs partitions out/first --slowest 2",),
    "explain": ("dj-jobs explain out/first --config changed.yaml",),
    "verify": ("dj-jobs verify out/first",),
    "timeline": ("dj-jobs timeline out/first -o trace.json",),
    "inspect": ("dj-jobs inspect out/first --partition 1 --op 1 --diff --rows 1",),
    "dropped": ("dj-jobs dropped out/first --sample 1",),
    "dead-letters": ("dj-jobs dead-letters out/first",),
    "resume": ("dj-jobs resume out/first",),
    "clean": ("dj-jobs clean out/first --older_than 0 --dry_run",),
    "index": (
        "dj-jobs index texts.index --verify",
        "dj-jobs index out/cleaned.jsonl --write rows.ngrams --n 5 --min_words 3",
    ),
}
DRY_RUN: Final = "dj-process --config changed.yaml --job_id first --dry_run"
INTRODUCTION: Final = """\
# Command line

This page is made from the parsers and from commands that were run on a small job (`python -m tests.support.cli_page`); a test runs them again.

`dj-process` runs a recipe; `docs/quickstart.md` begins there, and `dj-process --help` lists its settings. `dj-jobs` shows what became of jobs and acts on
them: no process of a job has to be alive. A job is named by its id, which is looked for in `--work_dir` and below, or by the path of its folder. Every command takes
`--output json`; results go to standard output, everything else to standard error. The exit code is 0, 1 where something is wrong with the job, 2 where the command was.

Words are completed by the shell after `pip install 'data-juicer[completions]'` and, in bash, `eval "$(dj-jobs completions bash)"` as a line of `~/.bashrc`
(zsh: the same with `zsh`; fish: `dj-jobs completions fish | source`).
"""


def page() -> str:
    """The whole page, made in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, example(Path(folder).resolve()):
        sections = [INTRODUCTION, _section("## dj-process --dry_run", "", [DRY_RUN])]
        parser = job_commands.build_parser("dj-jobs")
        for command in job_commands.COMMANDS:
            title = f"## dj-jobs {command.NAME}"
            usage = f"{command.HELP}\n\n```\n{_usage(parser, command.NAME)}```\n"
            note = NOTES.get(command.NAME, "")
            sections.append(
                _section(
                    title, f"{usage}{note and chr(10) + note + chr(10)}", TRANSCRIPTS.get(command.NAME, ())
                )
            )
    return "\n".join(sections)


def _section(title: str, text: str, commands: tuple[str, ...] | list[str]) -> str:
    blocks = "".join(f"\n```console\n{transcript(command)}```\n" for command in commands)
    return f"{title}\n\n{text}{blocks}".replace("\n\n\n", "\n\n")


def _usage(parser: argparse.ArgumentParser, name: str) -> str:
    """The options of one command, those that every command has aside."""
    (subparsers,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    with _width():
        text = subparsers.choices[name].format_help()
    usage, _, rest = text.partition("\n\n")
    return f"{usage}\n\n{rest.partition(chr(10) * 2)[2].strip()}\n"


@contextlib.contextmanager
def _width() -> Iterator[None]:
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(COLUMNS)
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


@contextlib.contextmanager
def example(folder: Path) -> Iterator[None]:
    """Stand in a folder with a job that was run: rows that were dropped, changed, doubled and could not be read."""
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "changed.yaml").write_text(RECIPE.replace("min_num: 3", "min_num: 4"))
    rows = [json.dumps({"text": f"row number {n}\u00a0of a small example"}) for n in range(57)]
    rows[7], rows[30], rows[44] = json.dumps({"text": "too short"}), rows[3], '{"text": "cut'
    (folder / "in.jsonl").write_text("".join(f"{row}\n" for row in rows))
    with _width(), contextlib.chdir(folder):
        _run("dj-process --config recipe.yaml --job_id first")
        (folder / "indexed.yaml").write_text(INDEXED)
        _run(
            "dj-process --config indexed.yaml --job_id indexed --work_dir indexed --export_path indexed.jsonl"
        )
        yield


def transcript(command: str) -> str:
    """The command, and what it printed; paths of the example are told as those of HERE."""
    out, _ = _run(command)
    return f"$ {command}\n{out}".replace(os.getcwd(), HERE)


def _run(command: str) -> tuple[str, str]:
    program, *words = shlex.split(command)
    main = {"dj-jobs": jobs.main, "dj-process": process.main}[program]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    if code:
        raise RuntimeError(f"{command}: exit code {code}\n{out.getvalue()}{err.getvalue()}")
    return out.getvalue(), err.getvalue()


_VARYING: Final = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?Z?"), "TIME"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "TIME"),
    (re.compile(r"pid \d+ on \S+"), "pid N on HOST"),
    (re.compile(r"\d[\d,.]*(e-\d+)? (B|kB|MB|GB|TB)\b"), "SIZE"),
    (re.compile(r"\d[\d,.]*(e-\d+)? (ms|s|min|h|core-seconds|core-hours)\b"), "DURATION"),
    (re.compile(r"\b\d[\d,]*\.\d+%?"), "FIGURE"),
    (re.compile(r"(?<=\d)?\b\d+%"), "SHARE"),
    (re.compile(r"holds \d+ events"), "holds N events"),
    (re.compile(r"[─━]+"), " "),
    (re.compile(r"^ *\d+ (done|failed), most in \S+.*$", re.MULTILINE), "PARTITION"),
    (re.compile(r"[ \t]+"), " "),
)
"""What differs from run to run and from machine to machine."""


def normal(text: str) -> str:
    """A page without what varies."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return "\n".join(line.strip() for line in text.splitlines())


if __name__ == "__main__":
    sys.stdout.write(page())
