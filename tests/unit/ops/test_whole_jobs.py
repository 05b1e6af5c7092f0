"""Operators whose result depends on more than the rows and their parameters, in whole jobs: the seed, the file of a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import data_juicer

ADDED = {"nlpaug_en_mapper": {"keyboard_error_char": True, "aug_num": 2}}
FROM_JSONL = {"suffix_filter": {"suffixes": [".jsonl"]}}


def run(folder: Path, job: str, *process: dict[str, Any], **settings: Any) -> str:
    """The result of a job over `folder/in`."""
    data_juicer.run(
        {"dataset_path": str(folder / "in"), "process": list(process), "partition": {"size": 3}},
        executor_type="inline",
        job_id=job,
        export_path=str(folder / "work" / f"{job}.jsonl"),
        **settings,
    )
    return (folder / "work" / f"{job}.jsonl").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name, numbers in (("a.jsonl", range(5)), ("b.json", range(5, 9))):
        rows = [f'{{"text": "some longer words number {number}"}}\n' for number in numbers]
        (tmp_path / "in" / name).write_text("".join(rows))
    return tmp_path


def test_a_row_is_kept_by_the_suffix_of_its_file_also_where_that_is_renamed(folder: Path) -> None:
    plain = run(folder, "all", {"text_length_filter": {}})
    assert run(folder, "one", FROM_JSONL) == "".join(plain.splitlines(keepends=True)[:5])
    (folder / "in" / "b.json").rename(folder / "in" / "b.jsonl")
    assert run(folder, "one", FROM_JSONL) == plain
    assert run(folder, "fused", {"general_fused_op": {"fused_op_list": [FROM_JSONL]}}) == plain


def test_with_add_suffix_any_operator_finds_the_suffix(folder: Path) -> None:
    by_field = {"general_field_filter": {"filter_condition": "__dj__suffix__ == '.json'"}}
    kept = run(folder, "field", by_field, add_suffix=True)
    assert [line.split()[-1] for line in kept.splitlines()] == ['5"}', '6"}', '7"}', '8"}']


def test_draws_follow_from_the_seed_of_the_job_however_rows_are_cut(folder: Path) -> None:
    first = run(folder, "first", ADDED, seed=1)
    assert len(first.splitlines()) == 27
    assert run(folder, "again", ADDED, seed=1) == first
    (folder / "in" / "0.jsonl").write_text('{"text": "put before"}\n{"text": "the others"}\n')
    assert run(folder, "again", ADDED, seed=1).endswith(first)
    other = run(folder, "other", ADDED, seed=2)
    assert other.splitlines()[6::3] == first.splitlines()[::3]
    assert other.splitlines()[7::3] != first.splitlines()[1::3]
    assert run(folder, "first", ADDED, seed=2) == other
