"""Stages are split where declared resources change, on every backend, and that changes no byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_juicer.core.executor.factory import make_executor
from data_juicer.engine.run_context import RunControl
from data_juicer.events import types as t
from data_juicer.testing import jobs

COUNTING_MAPPER = '''
"""A mapper that writes down how many of its kind are at work at once."""

import os
import time

from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("counting_mapper")
class CountingMapper(Mapper):
    def process_single(self, sample):
        mine = os.path.join({folder!r}, str(os.getpid()))
        with open(mine, "w"):
            pass
        at_work = len(os.listdir({folder!r}))
        time.sleep(0.005)
        os.remove(mine)
        if at_work > {limit}:
            sample["text"] = f"{{at_work}} at once"
        return sample
'''
PLAIN = [
    "clean_links_mapper",
    "whitespace_normalization_mapper",
    "document_deduplicator",
    "clean_email_mapper",
]
ASKING: list[Any] = [
    "clean_links_mapper",
    {"whitespace_normalization_mapper": {"num_gpus": 1}},
    {"document_deduplicator": {"memory": "1GB"}},
    {"clean_email_mapper": {"num_proc": 2}},
]


def run(folder: Path, process: list[Any], **settings: Any) -> tuple[bytes, jobs.Watch]:
    folder.mkdir()
    rows = [{"text": f"row  {row % 40} see https://e.example/{row % 7}"} for row in range(120)]
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    watch, given = jobs.Watch(), {"partition.size": 10, **settings}
    config = jobs.recipe(str(folder / "job"), [str(folder / "in.jsonl")], process, given)
    make_executor(config, RunControl(observers=(watch,))).run(config)
    return (folder / "job" / "result.jsonl").read_bytes(), watch


@pytest.mark.parametrize("strategy", ["every_op", "disabled"])
@pytest.mark.parametrize("executor", [{"executor_type": "inline"}, {"executor_type": "default", "np": 2}])
def test_splitting_changes_no_byte(tmp_path: Path, executor: dict[str, Any], strategy: str) -> None:
    settings = {**executor, "checkpoint.strategy": strategy}
    plain, whole = run(tmp_path / "plain", PLAIN, **settings)
    asking, split = run(tmp_path / "asking", ASKING, **settings)
    assert asking == plain
    starts = {
        each: len(watch.events(t.PartitionStart)) for each, watch in (("whole", whole), ("split", split))
    }
    assert starts["whole"] == 12 * 2, "up to the summary, and on to the result"
    assert starts["split"] == 12 * 5, "a stage each: links, whitespace, summary, removal, emails"
    assert len(split.events(t.PartitionComplete)) == 12


def test_num_proc_bounds_how_many_workers_run_an_operator_at_once(tmp_path: Path) -> None:
    at_work = tmp_path / "at_work"
    at_work.mkdir()
    path = tmp_path / "counting_mapper.py"
    path.write_text(COUNTING_MAPPER.format(folder=str(at_work), limit=1))
    process: list[Any] = ["clean_links_mapper", {"counting_mapper": {"num_proc": 1}}, "clean_email_mapper"]
    settings = {"executor_type": "default", "np": 3, "custom_operator_paths": [str(path)]}
    result, _ = run(tmp_path / "job", process, **settings)
    assert b"at once" not in result
    assert len(result.splitlines()) == 120
