from __future__ import annotations

import json

import data_juicer
from data_juicer.cli import jobs

RECIPE = ["whitespace_normalization_mapper", {"text_length_filter": {"min_len": 2}}]


def _run(tmp_path, process):
    data = tmp_path / "in.jsonl"
    data.write_text("".join(f'{{"text": "row  {n}"}}\n' for n in range(30)))
    return data_juicer.run(
        {"dataset_path": str(data), "process": process, "partition": {"size": 10}},
        executor_type="inline",
        job_id="mine",
        export_path=str(tmp_path / "work" / "out.jsonl"),
    )


def _explained(tmp_path, capsys, *more):
    assert jobs.main(["explain", "mine", "--work_dir", str(tmp_path / "work"), *more]) == 0
    return capsys.readouterr().out


def test_a_first_run_begins_at_the_source(tmp_path, capsys):
    _run(tmp_path, RECIPE)
    told = _explained(tmp_path, capsys)
    assert "run 1: 3 partitions" in told
    assert "3 began at their source" in told


def test_a_changed_operator_is_why_its_checkpoints_are_not_used(tmp_path, capsys):
    _run(tmp_path, RECIPE)
    _run(tmp_path, [RECIPE[0], {"text_length_filter": {"min_len": 3}}])
    told = _explained(tmp_path, capsys)
    assert "3 went on from a checkpoint (3 after whitespace_normalization_mapper)" in told
    assert "6 because an operator, its parameters, its code or the order of operators changed" in told
    report = json.loads(_explained(tmp_path, capsys, "--output", "json"))
    assert len(report["refused"]) == 6
    assert report["continued"] == {"0": 0, "1": 0, "2": 0}


def test_a_job_that_is_not_there_is_told(tmp_path, capsys):
    (tmp_path / "work").mkdir()
    assert jobs.main(["explain", "mine", "--work_dir", str(tmp_path / "work")]) == 2
    assert "no such job" in capsys.readouterr().err
