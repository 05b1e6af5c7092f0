"""dj-process --dry_run: what a run would do and take, without a change on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_juicer.cli.process import main
from data_juicer.config.config import load_recipe
from data_juicer.engine.autoconfig.costs import OperatorCost
from data_juicer.engine.forecast.estimate import START_S, estimate
from data_juicer.engine.forecast.forecast import _workers

RECIPE = """\
dataset_path: in.jsonl
export_path: out/cleaned.jsonl
job_id: mine
np: 1
executor_type: inline
partition: {size: 10}
process:
  - whitespace_normalization_mapper
  - words_num_filter: {min_num: 3}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    rows = (json.dumps({"text": "one two three" if n % 2 else "one"}) for n in range(100))
    (tmp_path / "in.jsonl").write_text("\n".join(rows) + "\n")
    return tmp_path


def state(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (folder, *folder.rglob("*"))}


def test_a_dry_run_shows_plan_and_estimate_and_changes_nothing(folder, capsys) -> None:
    before = state(folder)
    assert main(["--config", "recipe.yaml", "--dry_run"]) == 0
    assert state(folder) == before
    out = capsys.readouterr().out
    assert f"{folder}/out/mine (new)" in out
    assert "1 file, 2.1 kB, about 10" in out
    assert "nothing is there to be reused" in out
    assert "with 1 worker" in out
    assert max(len(line) for line in out.splitlines() if str(folder) not in line) <= 80
    assert out.endswith("dry run: nothing was run or changed\n")


def test_a_dry_run_of_a_changed_recipe_says_what_is_reused_and_why_not_the_rest(folder, capsys) -> None:
    assert main(["--config", "recipe.yaml"]) == 0
    before = state(folder)
    capsys.readouterr()
    words = ["--config", "recipe.yaml", "--dry_run", "--process"]
    process = '["whitespace_normalization_mapper", {"words_num_filter": {"min_num": 4}}]'
    assert main([*words, process, "--output", "json"]) == 0
    reported = json.loads(capsys.readouterr().out)
    assert state(folder) == before
    assert (reported["is_new"], reported["is_complete"], reported["partitions_known"]) == (False, False, 10)
    assert len(reported["reuse"]["continued"]) == 10
    assert {each["reason"] for each in reported["reuse"]["refused"]} == {"words_num_filter: min_num 3 -> 4"}
    assert [each["rows"] for each in reported["estimate"]["operators"]] == [0, 100]
    assert main([*words, process]) == 0
    assert "words_num_filter: min_num 3 -> 4; operator 2 of 10 partitions is computed again" in " ".join(
        capsys.readouterr().out.split()
    )


def test_a_complete_job_would_do_nothing(folder, capsys) -> None:
    assert main(["--config", "recipe.yaml"]) == 0
    capsys.readouterr()
    assert main(["--config", "recipe.yaml", "--dry_run"]) == 0
    assert "(complete: a run would do nothing)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "reported"),
    [
        (["--config", "recipe.yaml", "--output", "json"], "--output is for what --dry_run shows"),
        (["--config", "none.yaml", "--dry_run"], "none.yaml"),
        (["--config", "recipe.yaml", "--dry_run", "--dataset_path", "none.jsonl"], "none.jsonl"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(folder, capsys, words, reported) -> None:
    try:
        code = main(words)
    except SystemExit as left:
        code = left.code
    assert code == 2
    err = capsys.readouterr().err
    assert reported in err
    assert err.count("\n") == 1


# ---- the estimate


def cost(name: str, rows_out: int, seconds: float, skipped: str = "") -> OperatorCost:
    return OperatorCost(
        key="", name=name, rows_in=0 if skipped else 100, rows_out=rows_out, seconds=seconds, skipped=skipped
    )


def test_rows_that_filters_drop_cost_the_operators_behind_them_nothing() -> None:
    made = estimate(
        ["a", "b"], [cost("a", 50, 1.0), cost("b", 50, 1.0)],
        rows=1000, row_bytes=10.0, computed=[1.0, 1.0], workers=2, saved=2,
    )  # fmt: skip
    assert [each.rows for each in made.operators] == [1000, 500]
    assert [each.seconds for each in made.operators] == [10.0, 5.0]
    assert (made.rows_out, made.result_bytes, made.checkpoint_bytes_max) == (250, 2500, 20000)
    assert made.low_s is not None
    assert made.high_s is not None
    assert made.low_s < START_S + 7.5 < made.high_s


def test_what_is_reused_costs_nothing() -> None:
    made = estimate(
        ["a", "b"], [cost("a", 100, 1.0), cost("b", 100, 1.0)],
        rows=1000, row_bytes=10.0, computed=[0.0, 0.1], workers=1, saved=0,
    )  # fmt: skip
    assert [each.seconds for each in made.operators] == [0.0, 1.0]


def test_an_operator_that_was_not_measured_is_named_with_the_reason() -> None:
    made = estimate(
        ["a", "b"], [cost("a", 0, 0.0, "it calls a model")],
        rows=1000, row_bytes=10.0, computed=[1.0, 1.0], workers=1, saved=0,
    )  # fmt: skip
    assert (made.low_s, made.core_hours) == (None, None)
    assert [each.unmeasured for each in made.operators] == ["it calls a model", "no sampled row reached it"]


@pytest.mark.parametrize(
    ("settings", "cpus", "expected"),
    [
        ({"executor_type": "inline"}, 64, (1, "executor_type: inline")),
        ({"np": 3}, 64, (3, "np")),
        (
            {"executor_type": "ray_partitioned"},
            64,
            (64, "the CPUs of the Ray cluster, ray_address: auto"),
        ),
        ({"executor_type": "ray_partitioned", "np": 3}, 64, (3, "np")),
        (
            {"executor_type": "ray_partitioned", "np": 99},
            64,
            (64, "the CPUs of the Ray cluster, ray_address: auto"),
        ),
        ({"executor_type": "ray_partitioned", "np": 3}, None, (3, "np; no Ray cluster was reached")),
    ],
)
def test_the_number_of_workers_says_where_it_is_from(
    folder: Path, settings: dict[str, Any], cpus: int | None, expected: tuple[int, str]
) -> None:
    recipe = {"dataset_path": "in.jsonl", "export_path": "out.jsonl", "process": ["clean_email_mapper"]}
    assert _workers(load_recipe({**recipe, **settings}, {}, {}), lambda _: cpus) == expected
