"""How many rows of each input are taken, and which."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data_juicer.config.config import load_config, load_recipe
from data_juicer.errors import ConfigError
from data_juicer.plan.mixture import sample_counts
from data_juicer.storage.memory import Loss
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from tests.support.small_job import SmallJob

ROWS = {"a": 100, "b": 50}


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, str]:
    """Two files of ROWS, each row with a text of its own."""
    paths = {}
    for name, count in ROWS.items():
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"text": f"{name} {row}"}) + "\n" for row in range(count)))
        paths[name] = str(path)
    return paths


def mixture(inputs: dict[str, str], a: float, b: float, limit: int | None = None) -> dict[str, Any]:
    configs = [{"path": inputs["a"], "weight": a}, {"path": inputs["b"], "weight": b}]
    return {"configs": configs} | ({} if limit is None else {"max_sample_num": limit})


def texts_of(folder: Path, name: str, **settings: Any) -> list[str]:
    job = SmallJob(folder, ["whitespace_normalization_mapper"], settings, name=name)
    job.run(dataset_path=[])
    return [json.loads(line)["text"] for line in (folder / name / "result.jsonl").read_text().splitlines()]


def counts(texts: list[str]) -> dict[str, int]:
    return dict(Counter(text.split()[0] for text in texts))


@pytest.mark.parametrize(
    ("weights", "rows", "limit", "taken"),
    [
        ((0.3, 0.7), (100, 50), 10, (3, 7)),
        ((1, 1, 1), (9, 9, 9), 10, (4, 4, 2)),  # as DataJuicer: each rounded up, until none is left
        ((3, 1), (100, 50), 1, (1, 0)),
        ((0.5, 0), (100, 50), 10, (10, 0)),
        ((0.5, 0.5), (100, 0), 10, (5, 0)),
        ((1, 3), (10, 10), 100, (25, 75)),
        ((0.25, 1.0), (10, 3), None, (3, 3)),
        ((0.0, 2.5), (10, 3), None, (0, 8)),
    ],
)
def test_weights_say_how_many_rows_each_input_gives(
    weights: tuple[float, ...], rows: tuple[int, ...], limit: int | None, taken: tuple[int, ...]
) -> None:
    assert sample_counts(weights, rows, limit) == taken


@pytest.mark.parametrize(
    ("a", "b", "limit", "expected"),
    [
        (0.3, 0.7, None, {"a": 30, "b": 35}),
        (0.3, 0.7, 60, {"a": 18, "b": 42}),
        (1.0, 3.0, 160, {"a": 40, "b": 120}),
        (1.0, 0.0, None, {"a": 100}),
    ],
)
def test_the_counts_are_exact(
    a: float, b: float, limit: int | None, expected: dict[str, int], inputs: dict[str, str], tmp_path: Path
) -> None:
    texts = texts_of(tmp_path, "job", dataset=mixture(inputs, a, b, limit))
    assert counts(texts) == expected
    for name in expected:
        repeats = [count for text, count in Counter(texts).items() if text.startswith(name)]
        assert max(repeats) - (min(repeats) if len(repeats) == ROWS[name] else 0) <= 1
    order = [(text.split()[0], int(text.split()[1])) for text in texts]
    assert order == sorted(order)  # in the order of the input


def test_which_rows_are_taken_depends_on_the_seed_and_on_nothing_else(
    inputs: dict[str, str], tmp_path: Path
) -> None:
    settings = {"dataset": mixture(inputs, 0.3, 0.7, 60)}
    first = texts_of(tmp_path, "first", **settings)
    assert texts_of(tmp_path, "small", **settings, **{"partition.size": 7}) == first
    assert texts_of(tmp_path, "processes", **settings, executor_type="default", np=2) == first
    assert texts_of(tmp_path, "seed", **settings, seed=7) != first


def test_weights_in_dataset_path_mean_the_same(inputs: dict[str, str], tmp_path: Path) -> None:
    first = texts_of(tmp_path, "first", dataset=mixture(inputs, 0.3, 0.7))
    job = SmallJob(tmp_path, ["whitespace_normalization_mapper"], name="path")
    job.run(dataset_path=f"0.3 {inputs['a']} 0.7 {inputs['b']}")
    assert (tmp_path / "path" / "result.jsonl").read_text().count("\n") == len(first)


def test_the_ledger_names_what_was_not_taken_and_what_was_repeated(
    inputs: dict[str, str], tmp_path: Path
) -> None:
    job = SmallJob(tmp_path, [], {"dataset": mixture(inputs, 0.5, 2.5)})
    outcome = job.run(dataset_path=[])
    read = outcome.view.operators[-1]
    assert (read.rows_in, read.rows_filtered, read.rows_generated, read.rows_out) == (150, 50, 75, 175)


def test_an_unreadable_row_is_a_dead_letter_where_it_is_taken(tmp_path: Path) -> None:
    job = SmallJob(
        tmp_path, ["clean_email_mapper"], {"fault_tolerance.max_dead_letter_ratio": 1, "partition.size": 5}
    )
    path = job.write([{"text": f"row {row}"} if row % 2 else "no JSON" for row in range(40)])
    outcome = job.run(dataset_path=[], dataset={"configs": [{"path": str(path), "weight": 0.5}]})
    read = outcome.view.operators[-1]
    assert (read.rows_in, read.rows_filtered, read.rows_out + read.rows_dead_letter) == (40, 20, 20)
    assert 0 < read.rows_dead_letter < 20


def test_a_changed_weight_is_another_result_and_the_same_one_is_not(
    inputs: dict[str, str], tmp_path: Path
) -> None:
    job = SmallJob(tmp_path, ["whitespace_normalization_mapper"])
    job.run(dataset_path=[], dataset=mixture(inputs, 0.3, 0.7))
    assert job.run(dataset_path=[], dataset=mixture(inputs, 0.3, 0.7)).already_complete
    outcome = job.run(dataset_path=[], dataset=mixture(inputs, 0.3, 0.8))
    assert not outcome.already_complete
    assert outcome.summary.counts.rows_out == 70


def test_a_mixture_killed_at_any_write_resumes_to_the_same_rows(
    inputs: dict[str, str], tmp_path: Path
) -> None:
    config = jobs.recipe(
        "/job",
        [],
        ["whitespace_normalization_mapper", "document_deduplicator"],
        {"dataset": mixture(inputs, 0.3, 1.5), "partition.size": 40},
    )
    whole = jobs.memory_with_input(config)
    jobs.run_inline(config, whole)
    expected = jobs.exported(config, whole)
    assert expected
    for crash_at in range(3, 10_000, 7):
        disk = jobs.memory_with_input(config)
        store = CrashingStore(disk, crash_at)
        try:
            jobs.run_inline(config, store)
        except PowerLoss:
            after = disk.after_power_loss(Loss.EVERYTHING)
            jobs.run_inline(config, after)
            assert jobs.exported(config, after) == expected, f"crash_at={crash_at}"
        else:
            break
    assert crash_at > 30


@pytest.mark.parametrize(
    ("text", "configs"),
    [
        ("0.3 a.jsonl 0.7 b.jsonl", [("a.jsonl", 0.3), ("b.jsonl", 0.7)]),
        ("1 a.jsonl", [("a.jsonl", 1.0)]),
        ("0.5 'my file.jsonl' b.jsonl", [("my file.jsonl", 0.5), ("b.jsonl", 1.0)]),
        (["0.5 a.jsonl", "b.jsonl"], [("a.jsonl", 0.5), ("b.jsonl", 1.0)]),
    ],
)
def test_paths_with_weights_are_read(text: Any, configs: list[tuple[str, float]]) -> None:
    config = load_recipe({"dataset_path": text}, {}, {})
    assert config.dataset is not None
    assert [(source.path, source.weight) for source in config.dataset.configs] == configs
    assert config.sources() == tuple(path for path, _ in configs)


def test_a_path_with_spaces_is_no_mixture() -> None:
    assert load_recipe({"dataset_path": "my file 0.5.jsonl"}, {}, {}).sources() == ("my file 0.5.jsonl",)


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ({"dataset_path": "0.3 a.jsonl 0.7"}, "recipe: dataset_path: .* the last weight has no path"),
        ({"dataset_path": "0.3 'a.jsonl"}, "recipe: dataset_path: .* no closing quotation; quote paths"),
        ({"dataset": {"configs": [{"path": "a", "weight": 0}]}}, "recipe: dataset: all weights are 0"),
        ({"dataset": {"configs": [{"path": "a", "weight": -1}]}}, "weight: -1 is not a number of at least 0"),
    ],
)
def test_a_mixture_that_means_nothing_is_refused(settings: dict[str, Any], answer: str) -> None:
    with pytest.raises(ConfigError, match=answer):
        load_recipe(settings, {}, {})


def test_weights_on_the_command_line() -> None:
    config = load_config(["--dataset_path", "0.5 ~/a.jsonl 0.25 b.jsonl"], {})
    assert [path.endswith("/a.jsonl") and path.startswith("/") for path in config.sources()] == [True, False]
