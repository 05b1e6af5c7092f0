"""Random failures over one job, with resumes between them: no row is lost, doubled or changed."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.soak.one_job import Soak

SEED = int(os.environ.get("SOAK_SEED", "20261123"))


def soak(home: Path, faults: int, partitions: int) -> None:
    print(f"SOAK_SEED={SEED}, {partitions} partitions")
    job = Soak(home, random.Random(SEED), partitions, faults)
    assert job.run("undisturbed") == 0
    expected = job.outcome("undisturbed")
    assert job.rows_of("undisturbed") > 5 * partitions, "there is something to lose"
    while len(job.faults) < faults:
        job.disturb()
        print(f"{len(job.faults)}: exit {job.codes[-1]} after {job.faults[-1]}")
    assert job.run("work", "local") == 0
    assert job.outcome("work") == expected
    assert job.run("work") == 0, "it is complete"
    reported = ", ".join(f"{count} x {code}" for code, count in sorted(Counter(job.codes).items()))
    print(f"one job came through {len(job.faults)} failures in {len(job.codes)} runs (exit codes {reported})")


def test_a_dozen_random_failures_change_no_row(tmp_path: Path) -> None:
    soak(tmp_path, faults=12, partitions=12)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_random_failures_of_one_job_change_no_row(tmp_path: Path) -> None:
    soak(tmp_path, faults=200, partitions=80)
