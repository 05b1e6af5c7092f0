"""The bound of a resolve, in a process of its own: signatures many times as large as the memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
ROWS, MEMORY_MB = 500_000, 64


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_resolve_keeps_to_its_memory(tmp_path: Path) -> None:
    words = ["--rows", str(ROWS), "--memory_mb", str(MEMORY_MB), "--folder", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks.resolve_memory", *words]
    reported = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    assert reported["summaries_mb"] > 4 * MEMORY_MB
    assert reported["peak_mb"] <= MEMORY_MB
    assert 0.08 * ROWS < reported["removed"] < 0.12 * ROWS
