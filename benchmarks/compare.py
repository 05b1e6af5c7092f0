"""Two checkouts, measured in pairs, one after the other: what became slower, and by how much.

python -m benchmarks.compare BEFORE [AFTER] [--pairs N] [--megabytes N] [--subjects A,B] [--peers VENV]

AFTER is this checkout where it is not given. Of each subject both checkouts run in turn, before-after, after-before and so
on, so that what else the machine does falls on both alike; the ratio is of medians. Both run on this interpreter. A subject that
a checkout does not have yet is measured on it with the modules of this one. VENV is an environment with other programs (py-data-juicer
1.6.1, datatrove 0.10.1, rensa), which are measured beside AFTER.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks import report

HERE: Final = Path(__file__).parents[1]
SUBJECTS: Final = (
    "machinery",
    "overhead",
    "strategies",
    "driver",
    "startup",
    "scanning",
    "workers",
    "operators",
    "recipes",
)
PEERS: Final = ("peer", "peers")
BOUND: Final = 0.03
"""A median that is worse by more than this part is named."""
PER_SECOND: Final = ("/s", "a second")


@dataclass
class Compared:
    """One row of a subject in both checkouts."""

    what: str
    unit: str
    more_is_better: bool
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)

    @property
    def worse_by(self) -> float:
        """Part by which the median after is worse than before; negative where it is better."""
        before, after = statistics.median(self.before), statistics.median(self.after)
        if not before or not after:
            return 0.0
        return before / after - 1 if self.more_is_better else after / before - 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="checkout of the state before")
    parser.add_argument("after", type=Path, nargs="?", default=HERE, help="checkout of the state after")
    parser.add_argument("--subjects", default=",".join(SUBJECTS), help="separated by commas")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each checkout (3)")
    parser.add_argument("--megabytes", type=int, default=50, help="size of the input (50)")
    parser.add_argument("--peers", type=Path, metavar="VENV", help="environment with other programs")
    asked = parser.parse_args()
    facts, rows = report.machine(), []
    for checkout in (asked.before, asked.after):
        _compile(checkout)
    for subject in asked.subjects.split(","):
        rows += _compare(subject, asked)
        (report.OUT / "compare.json").write_text(json.dumps([vars(row) for row in rows], indent=1))
    _show(rows, facts)
    if asked.peers:
        _show_peers(asked, facts)
    return 1 if any(row.worse_by > BOUND for row in rows) else 0


def _compare(subject: str, asked: argparse.Namespace) -> list[Compared]:
    rows: dict[str, Compared] = {}
    for pair in range(asked.pairs):
        order = ("before", "after") if pair % 2 == 0 else ("after", "before")
        for side in order:
            print(f"{subject}, pair {pair + 1} of {asked.pairs}: {side}", file=sys.stderr, flush=True)
            for row in _measure(getattr(asked, side), subject, asked.megabytes):
                held = rows.setdefault(row["what"], _row(row))
                getattr(held, side).append(statistics.median(row["values"]))
    return [row for row in rows.values() if row.before and row.after]


def _show_peers(asked: argparse.Namespace, facts: dict[str, str]) -> None:
    python = str(asked.peers.absolute() / "bin" / "python")
    found = [
        report.Measured(**{name: value for name, value in row.items() if name != "verdict"})
        for subject in PEERS
        for row in _measure(asked.after, subject, asked.megabytes, {"PEER_PYTHON": python})
    ]
    report.show(found, facts)


def _environment(checkout: Path) -> dict[str, str]:
    """The variables of a measured process: it finds compiled modules, as those of an installed package are."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(checkout), "PYTHONPYCACHEPREFIX": str(report.OUT / "bytecode")}


def _compile(checkout: Path) -> None:
    """Compile beforehand: otherwise what is measured of a short job is mostly the size of the sources."""
    folders = [str(checkout.resolve() / name) for name in ("data_juicer", "benchmarks")]
    words = [sys.executable, "-m", "compileall", "-q", *folders]
    subprocess.run(words, env=_environment(checkout), check=True)


@contextmanager
def _harness(checkout: Path, subject: str) -> Iterator[Path]:
    """The folder from which a subject is measured on a checkout: itself, or one that has these benchmarks beside its package."""
    if (checkout / "benchmarks" / f"{subject}.py").exists():
        yield checkout
        return
    with TemporaryDirectory(prefix="dj_compare_") as folder:
        root = Path(folder) / "checkout"
        root.mkdir()
        for name in ("data_juicer", "configs", "demos"):
            (root / name).symlink_to(checkout.resolve() / name)
        (root / "benchmarks").symlink_to(HERE / "benchmarks")
        (Path(folder) / "shared").symlink_to(HERE.parent / "shared")
        yield root


def _measure(
    checkout: Path, subject: str, megabytes: int, variables: Mapping[str, str] | None = None
) -> Sequence[dict[str, Any]]:
    """The rows of a subject as that checkout measures them; none, and its last words, where it fails."""
    with _harness(checkout, subject) as folder:
        return _measure_from(folder, subject, megabytes, variables or {})


def _measure_from(
    checkout: Path, subject: str, megabytes: int, variables: Mapping[str, str]
) -> Sequence[dict[str, Any]]:
    words = [sys.executable, "-m", "benchmarks", subject, "--repetitions", "1", "--megabytes", str(megabytes)]
    done = subprocess.run(
        words,
        cwd=checkout,
        env={**_environment(checkout), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"{checkout}: {subject} failed: {done.stderr[-500:]}", file=sys.stderr)
        return []
    told = json.loads((checkout / "benchmarks" / "out" / f"{subject}.json").read_text())
    rows: list[dict[str, Any]] = told["rows"]
    return rows


def _row(row: dict[str, Any]) -> Compared:
    is_rate = any(word in row["unit"] for word in PER_SECOND)
    more_is_better = row["at_least"] is not None or (is_rate and row["at_most"] is None)
    return Compared(row["what"], row["unit"], more_is_better)


def _show(rows: Sequence[Compared], facts: dict[str, str]) -> None:
    console = Console(width=max(Console().width, 120))
    console.print("  ".join(f"{name} {value}" for name, value in facts.items()), highlight=False)
    table = Table(title="medians of pairs", title_justify="left")
    for heading in ("what", "before", "after", "unit", "worse by", ""):
        table.add_column(heading, overflow="fold")
    for cells in map(list, map(_cells, rows)):
        table.add_row(*cells)
    console.print(table)
    slower = [row for row in rows if row.worse_by > BOUND]
    console.print(f"{len(rows)} figures, {len(slower)} worse by more than {BOUND:.0%}")


def _cells(row: Compared) -> Iterator[str]:
    yield row.what
    yield f"{statistics.median(row.before):,.4g}"
    yield f"{statistics.median(row.after):,.4g}"
    yield f"{row.unit}, more is better" if row.more_is_better else row.unit
    yield f"{row.worse_by:+.1%}"
    yield "SLOWER" if row.worse_by > BOUND else ""


if __name__ == "__main__":
    raise SystemExit(main())
