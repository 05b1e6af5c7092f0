"""What a benchmark measured, beside its target: rows, the table, the machine, the JSON file."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

OUT = Path(__file__).parent / "out"
PACKAGES = ("pyarrow", "numpy", "polars", "msgspec", "ftfy", "xxhash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One row of the table."""

    what: str
    values: Sequence[float]
    """One a repetition; ratios are of two runs beside each other."""
    unit: str = "x"
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"<= {_told(self.at_most)} {self.unit}"
        return f">= {_told(self.at_least)} {self.unit}" if self.at_least is not None else "-"

    @property
    def verdict(self) -> str:
        """`ok` or `MISSED`; empty where there is no target."""
        if self.at_most is None and self.at_least is None:
            return ""
        low = self.at_least if self.at_least is not None else float("-inf")
        high = self.at_most if self.at_most is not None else float("inf")
        return "ok" if low <= self.median <= high else "MISSED"

    def measured(self) -> str:
        if len(self.values) == 1:
            return f"{_told(self.median)} {self.unit}"
        return f"{_told(self.median)} {self.unit} ({_told(min(self.values))}-{_told(max(self.values))})"


def _told(value: float) -> str:
    """Three digits that count, thousands separated."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"


def machine() -> dict[str, str]:
    """Where the figures were taken."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory / 2**30:.1f} GiB",
        "load at start": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def show(rows: Sequence[Measured], facts: dict[str, str]) -> None:
    console = Console(width=max(Console().width, 120))
    console.print("  ".join(f"{name} {value}" for name, value in facts.items()), highlight=False)
    table = Table(title="median (min-max)", title_justify="left")
    for heading in ("what", "target", "measured", "", "note"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(row.what, row.target, row.measured(), row.verdict, row.note)
    console.print(table)


def save(subject: str, rows: Sequence[Measured], facts: dict[str, str]) -> None:
    """benchmarks/out/SUBJECT.json, every repetition in it."""
    OUT.mkdir(exist_ok=True)
    told = {"machine": facts, "rows": [{**dataclasses.asdict(row), "verdict": row.verdict} for row in rows]}
    (OUT / f"{subject}.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
