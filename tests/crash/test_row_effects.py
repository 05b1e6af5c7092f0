"""A call to the outside is made once for a row in an attempt, and never for a row that is committed."""

from __future__ import annotations

import itertools
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import data_juicer.testing.operators.effects as operators
from data_juicer.api import run_config
from data_juicer.config.schema import JobConfig
from data_juicer.errors import DataJuicerError
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss

TEXTS = [f"row {number}" for number in range(12)]
OPERATORS = os.path.abspath(operators.__file__)


def config(folder: Path, process: Sequence[Any], work_dir: str = "/disk/jobs", **settings: Any) -> JobConfig:
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps({"text": text, "n": 1.0}) + "\n" for text in TEXTS))
    given = {
        "custom_operator_paths": [OPERATORS],
        "partition.size": 6,
        "checkpoint.strategy": "every_op",
        "intermediate_storage.arrow_batch_size": 4,
        "fault_tolerance.max_dead_letter_ratio": 1.0,
        **settings,
    }
    return jobs.recipe(work_dir, [str(path)], process, given)


def asked(folder: Path, **params: str) -> dict[str, Any]:
    return {"recorded_call_mapper": {"log": str(folder / "log"), **params}}


def calls(folder: Path) -> list[tuple[str, str]]:
    """The number of the process and the text of each call."""
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [(process, text) for process, _, text in (line.partition(" ") for line in lines)]


def exported(job: JobConfig, store: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in jobs.exported(job, store)["result.jsonl"].splitlines()]


def test_each_row_has_its_own_answer_and_no_row_is_asked_twice(tmp_path: Path) -> None:
    store, job = MemoryStore(), config(tmp_path, [asked(tmp_path), "clean_links_mapper"])
    jobs.run_inline(job, store)
    assert exported(job, store) == [{"text": text.upper(), "n": 1.0, "asked": True} for text in TEXTS]
    assert [text for _, text in calls(tmp_path)] == TEXTS


def test_errors_cost_their_rows_alone_and_neither_halving_nor_tracing_asks_again(tmp_path: Path) -> None:
    store = MemoryStore()
    job = config(tmp_path, [asked(tmp_path, refused="row 1")], open_tracer=True, trace_num=5)
    jobs.run_inline(job, store)
    dead = [text for text in TEXTS if "row 1" in text]
    assert [row["text"].lower() for row in exported(job, store)] == [
        text for text in TEXTS if text not in dead
    ]
    assert sorted(line for _, line, _ in jobs.dead_letters(job, store)) == [2, 11, 12]
    assert Counter(text for _, text in calls(tmp_path)) == Counter(TEXTS)


@pytest.mark.parametrize("loss", [Loss.EVERYTHING, Loss.ORDER])
def test_a_resume_after_a_power_loss_asks_no_row_that_is_committed(tmp_path: Path, loss: Loss) -> None:
    process = [asked(tmp_path), "clean_links_mapper"]
    undisturbed = MemoryStore()
    job = config(tmp_path, process)
    jobs.run_inline(job, undisturbed)
    expected = jobs.exported(job, undisturbed)
    repeated = 0
    for crash_at in itertools.count(1, 3):
        (tmp_path / "log").unlink(missing_ok=True)
        disk = MemoryStore()
        try:
            jobs.run_inline(job, CrashingStore(disk, crash_at))
        except PowerLoss:
            disk = disk.after_power_loss(loss)
        else:
            break
        layout = jobs.layout_of(job)
        committed = {
            name[11:17]
            for name in disk.list(layout.checkpoints_dir)
            if name.startswith("checkpoint_") and name.endswith(".json")
        }
        before = len(calls(tmp_path))
        jobs.run_inline(job, disk)
        assert jobs.exported(job, disk) == expected, f"crash_at={crash_at}"
        again = {text for _, text in calls(tmp_path)[before:]}
        for partition in committed:
            present = TEXTS[:6] if int(partition) == 0 else TEXTS[6:]
            assert not again & set(present), f"crash_at={crash_at}"
        assert max(Counter(text for _, text in calls(tmp_path)).values()) <= 2
        repeated += bool(again) and bool(committed)
    assert crash_at > 20
    assert repeated  # some crash was between the commits of the two partitions


def test_a_killed_worker_costs_an_attempt_and_each_attempt_asks_once(tmp_path: Path) -> None:
    store = PosixStore()
    flag = tmp_path / "stop"
    job = config(
        tmp_path,
        [asked(tmp_path, deadly="row 8", deadly_until=str(flag))],
        work_dir=str(tmp_path / "work"),
        executor_type="local",
        np=1,
        **{"fault_tolerance.retry_backoff": "fixed"},
    )
    run_config(job)
    rows = exported(job, store)
    assert [row["text"] for row in rows] == [text.upper() for text in TEXTS if text != "row 8"]
    assert all(count == 1 for count in Counter(calls(tmp_path)).values())  # of each process, each row


def test_a_call_that_names_the_recipe_at_fault_blames_no_row(tmp_path: Path) -> None:
    own = tmp_path / "refusing.py"
    own.write_text(
        "from data_juicer.errors import ConfigError\n"
        "from data_juicer.ops.effects import EffectMapper\n"
        "class Refusing(EffectMapper):\n"
        "    name = 'refusing_call_mapper'\n"
        "    async def call(self, row):\n"
        "        raise ConfigError('the key is wrong')\n"
    )
    job = config(tmp_path, ["refusing_call_mapper"], custom_operator_paths=[str(own)])
    with pytest.raises(DataJuicerError, match="the key is wrong"):
        jobs.run_inline(job, MemoryStore())
