"""One file with every kind of poison in it: exactly the poisoned rows are lost, and the rest is right."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from data_juicer import api
from data_juicer.engine.output.dead_letters import committed_dead_letters
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import poison
from data_juicer.testing.jobs import JOB_ID

STORE = PosixStore()
PROCESS = ["clean_links_mapper", "fix_unicode_mapper", "whitespace_normalization_mapper", "poison_mapper"]
TIMEOUT_S = 2.0
LOSSES_OF_A_ROW = 3
MALFORMED = ["{not json", '{"text": 7}', '{"text": "x"} trailing', "[]", '{"no_text": 1}']
LINE = "A line  of some words, as there are many, with http://example.com/a/link in it. "


def make_file(path: Path, rows: int, kinds: dict[str, int], seed: int) -> dict[int, str]:
    """Write the rows; the poisoned ones by line number, from 1."""
    rng = random.Random(seed)
    words = [word for word, count in kinds.items() for _ in range(count)]
    poisoned = dict(zip(rng.sample(range(1, rows + 1), len(words)), words, strict=True))
    with path.open("w") as file:
        for line in range(1, rows + 1):
            word = poisoned.get(line)
            if word == "malformed":
                file.write(rng.choice(MALFORMED) + "\n")
            else:
                file.write(json.dumps({"id": line, "text": word or LINE * rng.randrange(1, 20)}) + "\n")
    return poisoned


def run(folder: Path, source: Path) -> tuple[Any, float]:
    started_s = time.monotonic()
    result = api.run(
        {
            "dataset_path": str(source),
            "export_path": str(folder / "out.jsonl"),
            "work_dir": str(folder / "work"),
            "job_id": JOB_ID,
            "process": PROCESS,
            "custom_operator_paths": [poison.__file__],
            "null_text": "dead_letter",
            "np": 2,
            "fault_tolerance": {"op_timeout_s": TIMEOUT_S, "worker_memory_mb": 1000},
        }
    )
    return result, time.monotonic() - started_s


def check_poison(tmp_path: Path, rows: int, kinds: dict[str, int], seed: int = 1) -> tuple[float, float]:
    """Seconds of the clean file and of the poisoned one."""
    clean, bad = tmp_path / "clean", tmp_path / "bad"
    clean.mkdir()
    bad.mkdir()
    poisoned = make_file(bad / "in.jsonl", rows, kinds, seed)
    lines = (bad / "in.jsonl").read_text().splitlines(keepends=True)
    good = [line for number, line in enumerate(lines, 1) if number not in poisoned]
    (clean / "in.jsonl").write_text("".join(good))
    _, clean_s = run(clean, clean / "in.jsonl")
    result, bad_s = run(bad, bad / "in.jsonl")
    from data_juicer.job.layout import JobLayout

    dead_letters = committed_dead_letters(STORE, JobLayout.of(str(bad / "work"), JOB_ID))
    assert {dead_letter.line: dead_letter.operator for dead_letter in dead_letters} == {
        line: "read" if word == "malformed" else "poison_mapper" for line, word in poisoned.items()
    }
    assert len(dead_letters) == len(poisoned)
    assert result.summary.counts.rows_dead_letter == len(poisoned)
    assert (bad / "out.jsonl").read_bytes() == (clean / "out.jsonl").read_bytes()
    return clean_s, bad_s


def test_each_poisoned_row_of_a_file_costs_that_row_and_no_other(tmp_path: Path) -> None:
    check_poison(tmp_path, 2000, {"!raise": 3, "!segv": 1, "!eat 8": 1, "malformed": 5})


@pytest.mark.slow
def test_a_file_of_fifty_thousand_rows_loses_exactly_its_sixty_seven(tmp_path: Path) -> None:
    kinds = {"!raise": 20, "!segv": 3, "!sleep": 1, "!spin": 1, "!eat 8": 2, "malformed": 40}
    clean_s, bad_s = check_poison(tmp_path, 50_000, kinds)
    timeouts_s = 2 * LOSSES_OF_A_ROW * TIMEOUT_S
    print(f"clean {clean_s:.1f} s, poisoned {bad_s:.1f} s, of which timeouts {timeouts_s:.1f} s")
    assert bad_s <= 3 * clean_s + timeouts_s
