"""Every failure of the design's table, done to a small job on each backend: what it answers, and what a resume mends.

`make reliability` writes what was seen to docs/reliability.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import page
from tests.faults.bench import Bench, Outcome
from tests.faults.deeds import Fault
from tests.faults.table import FAULTS

CASES = [(fault, backend) for fault in FAULTS for backend in fault.backends]
QUICK = (
    "a row kills its worker (SIGSEGV)",
    "an operator loops for ever",
    "disk full: checkpoints",
    "SIGTERM",
)
DIRECTORIES = {"LOGS": "logs", "CHECKPOINTS": "checkpoints"}
"""Names in settings that stand for directories of the bench."""
SEEN: dict[tuple[str, str], page.Seen] = {}


def params() -> Iterator[Any]:
    """On real workers a failure takes seconds; in `make test` a few stand for all."""
    for fault, backend in CASES:
        is_short = "object store" not in fault.name or fault.name.startswith("credentials")
        is_quick = (backend == "inline" and is_short) or fault.name.startswith(QUICK)
        yield pytest.param(
            fault, backend, id=f"{fault.name}-{backend}", marks=() if is_quick else pytest.mark.slow
        )


def bench_of(fault: Fault, backend: str, home: Path) -> Bench:
    rows = {number: row.replace("ONCE", str(home / "once")) for number, row in fault.rows.items()}
    settings = {
        key: str(home / DIRECTORIES[str(value)]) if str(value) in DIRECTORIES else value
        for key, value in fault.settings.items()
    }
    return Bench(home=home, backend=backend, rows=rows, settings=settings)


@pytest.mark.parametrize(("fault", "backend"), list(params()))
def test_a_failure_is_answered_as_the_table_says_and_a_resume_mends_it(
    fault: Fault, backend: str, tmp_path: Path
) -> None:
    bench = bench_of(fault, backend, tmp_path)
    with fault.strike(bench) as mend:
        struck = bench.run()
        check(fault, struck)
        mend()
        resumed = bench.run(**fault.resume) if fault.code else struck
        assert resumed.code == 0, resumed.message
        bench.assert_whole(dead=fault.dead if fault.dead_after is None else fault.dead_after)
    SEEN[fault.name, backend] = page.Seen(fault=fault, backend=backend, struck=struck, resumed=resumed)


def check(fault: Fault, struck: Outcome) -> None:
    assert struck.code == fault.code, struck.message
    reported = [struck.message] if fault.code else [*struck.dead, *struck.warnings]
    assert not fault.message or any(re.search(fault.message, line) for line in reported), reported
    assert all("\n" not in line for line in reported)
    assert struck.events >= fault.events, struck.events
    if fault.code == 0:
        assert len(struck.dead) == fault.dead
    else:
        assert_says_all(struck)


def assert_says_all(struck: Outcome) -> None:
    """What a person sees of a run that ended badly: where and what, what is safe, what to type."""
    assert re.search("safe|Nothing was changed|No row was processed", struck.shown), struck.shown
    assert re.search(r"start the job again|dj-process |dj-jobs ", struck.shown, re.IGNORECASE), struck.shown
    assert "Traceback" not in struck.shown


def test_the_page_names_every_failure_on_every_backend() -> None:
    """Run last, with RELIABILITY=write set, it writes the page first."""
    if os.environ.get("RELIABILITY") == "write":
        assert len(SEEN) == len(CASES), "a failure did not come out as the table says"
        page.write([SEEN[fault.name, backend] for fault, backend in CASES])
    assert page.named() == [(fault.name, backend) for fault, backend in CASES]
