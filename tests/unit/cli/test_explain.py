from __future__ import annotations

import json
from pathlib import Path

import pytest

import data_juicer
from data_juicer.cli import jobs

RECIPE = ["whitespace_normalization_mapper", {"text_length_filter": {"min_len": 2}}]
DEDUP = ["whitespace_normalization_mapper", "document_deduplicator", {"text_length_filter": {"min_len": 2}}]


def _recipe(tmp_path, process, **more):
    return {
        "dataset_path": str(tmp_path / "in.jsonl"),
        "process": process,
        "partition": {"size": 10},
        "executor_type": "inline",
        "export_path": str(tmp_path / "work" / "out.jsonl"),
        "checkpoint": {"strategy": "every_op"},
        "intermediate_storage": {"retention_policy": "keep_all"},
        **more,
    }


def _run(tmp_path, process, rows=30, **more):
    (tmp_path / "in.jsonl").write_text("".join(f'{{"text": "row  {n}"}}\n' for n in range(rows)))
    return data_juicer.run(_recipe(tmp_path, process, **more), job_id="mine")


def _explained(tmp_path, capsys, *more):
    assert jobs.main(["explain", "mine", "--work_dir", str(tmp_path / "work"), *more]) == 0
    return capsys.readouterr().out


def _foreseen(tmp_path, capsys, process, **more):
    path = tmp_path / "new.json"
    path.write_text(json.dumps(_recipe(tmp_path, process, **more)))
    return _explained(tmp_path, capsys, "--config", str(path))


def _files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_first_run_begins_at_the_source(tmp_path, capsys):
    _run(tmp_path, RECIPE)
    assert _explained(tmp_path, capsys) == "run 1: 3 partitions\n  3 computed from their source\n"


def test_a_changed_parameter_is_why_its_checkpoints_are_not_used(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _run(tmp_path, RECIPE)
    _run(tmp_path, [RECIPE[0], {"text_length_filter": {"min_len": 3}}])
    assert _explained(tmp_path, capsys).splitlines() == [
        "run 2: 3 partitions",
        "  3 continued from a checkpoint",
        "",
        "text_length_filter: min_len 2 -> 3; operator 2 of 3 partitions is computed again",
        "",
        "operator                            reused  computed again",
        "──────────────────────────────────────────────────────────",
        " 1 whitespace_normalization_mapper       3               0",
        " 2 text_length_filter                    0               3",
    ]
    report = json.loads(_explained(tmp_path, capsys, "--output", "json"))
    assert len(report["refused"]) == 6
    assert report["continued"] == {"0": 0, "1": 0, "2": 0}
    assert report["causes"][0]["changed_from"] == 1


@pytest.mark.parametrize(
    ("process", "cause"),
    [
        (
            [{"whitespace_normalization_mapper": {}}, {"text_length_filter": {"min_len": 5}}],
            "text_length_filter: min_len 2 -> 5; operator 2 of 3 partitions is computed again",
        ),
        (
            ["fix_unicode_mapper", *RECIPE],
            "fix_unicode_mapper was put in before whitespace_normalization_mapper; operators 1 to 3 of 3 partitions are",
        ),
        (
            RECIPE[1:],
            "whitespace_normalization_mapper was taken out before text_length_filter; operator 1 of 3",
        ),
        (RECIPE[:1], "the recipe is shorter now"),
        (
            [*RECIPE, "fix_unicode_mapper"],
            "fix_unicode_mapper was put in at the end; operator 3 of 3 partitions is",
        ),
    ],
)
def test_a_recipe_is_explained_before_it_is_run_and_the_run_does_what_was_said(
    tmp_path, capsys, process, cause
):
    _run(tmp_path, RECIPE)
    before = _files(tmp_path / "work")
    foreseen = _foreseen(tmp_path, capsys, process)
    assert cause in foreseen
    assert foreseen.startswith("run 2 would have 3 partitions")
    assert _files(tmp_path / "work") == before  # not even a time
    _run(tmp_path, process)
    reported = _explained(tmp_path, capsys)
    assert reported.splitlines()[1:] == foreseen.splitlines()[1:]


def test_a_change_before_a_dataset_operator_is_foreseen(tmp_path, capsys):
    _run(tmp_path, DEDUP)
    foreseen = _foreseen(
        tmp_path, capsys, [DEDUP[0], {"document_deduplicator": {"lowercase": True}}, DEDUP[2]]
    )
    assert "document_deduplicator: lowercase false -> true; operators 2 and 3 of 3 partitions" in foreseen


def test_another_way_of_writing_is_the_cause_where_it_is(tmp_path, capsys):
    _run(tmp_path, RECIPE)
    assert "how rows are written out changed" in _foreseen(
        tmp_path, capsys, RECIPE, keep_stats_in_res_ds=True
    )


def test_sources_that_changed_are_named_as_not_known(tmp_path, capsys):
    _run(tmp_path, RECIPE)
    (tmp_path / "in.jsonl").write_text('{"text": "other"}\n')
    reported = _foreseen(tmp_path, capsys, RECIPE)
    assert f"not known: the partitions of {tmp_path}/in.jsonl, which would be read first" in reported


def test_a_recipe_that_cannot_be_run_is_refused_in_one_line(tmp_path, capsys):
    _run(tmp_path, RECIPE)
    path = tmp_path / "new.json"
    path.write_text(json.dumps(_recipe(tmp_path, ["no_such_mapper"])))
    words = ["explain", "mine", "--work_dir", str(tmp_path / "work"), "--config", str(path)]
    assert jobs.main(words) == 2
    assert "no_such_mapper" in capsys.readouterr().err


def test_a_job_that_is_not_there_is_reported(tmp_path, capsys):
    (tmp_path / "work").mkdir()
    assert jobs.main(["explain", "mine", "--work_dir", str(tmp_path / "work")]) == 2
    assert "no such job" in capsys.readouterr().err
