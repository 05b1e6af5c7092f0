"""docs/reliability.md, made of what was seen."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.bench import Outcome
from tests.faults.deeds import Fault

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
COLUMNS = 80
EVENTS = (
    "OP_FAILED",
    "PARTITION_FAILED",
    "WARNING",
    "PROCESSING_ERROR",
    "JOB_FAILED",
    "PROCESSING_COMPLETE",
    "JOB_COMPLETE",
)
TOLD = re.compile(
    r"(warning:|note:|dj-process:|(failed|completed|stopped|stopping|rows|safe|result|dead letters|resume)\b)"
)
"""Lines that tell what happened; the table of operators and the places of files are left out."""
HEAD = """\
# Reliability

What a job answers when something goes wrong, seen by `tests/crash/test_failures.py` over a job of 120 rows in 6 partitions. After
each failure the job is resumed, and its result is compared byte for byte with that of a job nobody disturbed. Written by
`make reliability`; not to be edited.

| what happens | backend | outcome | exit | events | dead letters | resume |
|---|---|---|---|---|---|---|
"""
SAID = """
## What is said

What a person sees of each, folded at 80 columns; the table of operators and the places of files, which follow, are left out. `N`,
`TIME`, `HOST` and `~` stand for what differs from run to run.
"""


@dataclass(frozen=True)
class Seen:
    fault: Fault
    backend: str
    struck: Outcome
    resumed: Outcome


def write(seen: Sequence[Seen]) -> None:
    lines = "".join(_line(one) for one in seen)
    last = {one.fault.name: one for one in seen}  # where a failure was done on two backends, real workers
    PAGE.write_text(HEAD + lines + SAID + "".join(map(_said, last.values())))


def named() -> list[tuple[str, ...]]:
    """Failure and backend of each line of the table as it is in the page."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in lines][1:]


def _line(seen: Seen) -> str:
    fault, struck = seen.fault, seen.struck
    outcome = {0: "completed", 1: "failed"}.get(struck.code, "stopped")
    cells = [
        fault.name,
        seen.backend,
        outcome,
        str(struck.code),
        " ".join(name for name in EVENTS if name in struck.events) or "none",
        str(len(struck.dead)),
        f"completed, {len(seen.resumed.dead)} dead letters" if fault.code else "not needed",
    ]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


def _said(seen: Seen) -> str:
    lines = [_timeless(line) for line in seen.struck.shown.splitlines() if TOLD.match(line)]
    lines += [f"  in dead_letter/: {dead_letter}" for dead_letter in seen.struck.dead[:1]]
    reported = "\n".join(folded for line in lines for folded in _fold(line))
    return f"\n### {seen.fault.name}\n\n```text\n{reported}\n```\n"


def _timeless(line: str) -> str:
    return re.sub(r"\bin [\d.]+ s\b", "in N s", line)


def _fold(line: str) -> list[str]:
    return textwrap.wrap(line, COLUMNS, break_long_words=False, break_on_hyphens=False)
