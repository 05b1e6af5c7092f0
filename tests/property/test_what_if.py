"""What other bounds would have kept, against real runs with those bounds."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from data_juicer.job import summary as summaries
from data_juicer.job.layout import JobLayout
from data_juicer.monitor.statistics import what_if
from data_juicer.monitor.statistics.bounds import entries_of
from data_juicer.monitor.statistics.gather import read_stats
from data_juicer.monitor.statistics.what_if import WhatIf, answer
from data_juicer.rows import recorded_stats
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing.jobs import JOB_ID, recipe, run_inline

WORDS = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
    "his",
    "but",
    "###",
    "12",
    "...",
    "Ärger",
    "数据",
]
FILTERS: dict[str, tuple[str, str, tuple[float, ...]]] = {
    "words_num_filter": ("min_num", "max_num", (2, 4, 6, 9, 12, 16, 25)),
    "text_length_filter": ("min_len", "max_len", (5, 12, 20, 30, 45, 60, 90)),
    "alphanumeric_filter": ("min_ratio", "max_ratio", (0.3, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8)),
    "special_characters_filter": ("min_ratio", "max_ratio", (0.1, 0.15, 0.2, 0.22, 0.25, 0.3, 0.4)),
    "word_repetition_filter": ("min_ratio", "max_ratio", (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.9)),
    "average_line_length_filter": ("min_len", "max_len", (5, 12, 20, 30, 45, 60, 90)),
}
OTHERS = (
    "whitespace_normalization_mapper",
    "clean_email_mapper",
    "document_deduplicator",
    "punctuation_normalization_mapper",
)


def write_rows(path: Path, rng: random.Random, rows: int) -> None:
    lines = []
    for _ in range(rows):
        words = [rng.choice(WORDS) for _ in range(rng.randint(0, 22))]
        text = rng.choice([" ", " ", "\n"]).join(words)
        lines.append(json.dumps({"text": "again" if rng.random() < 0.05 else text}))
    path.write_text("\n".join(lines) + "\n")


def random_bounds(name: str, rng: random.Random) -> dict[str, float]:
    low, high, values = FILTERS[name]
    one, other = sorted(rng.sample(values, 2))
    return rng.choice([{low: one}, {high: other}, {low: one, high: other}])


def random_process(rng: random.Random) -> list[Any]:
    process: list[Any] = []
    for name in rng.sample(sorted(FILTERS), rng.randint(1, 4)):
        bounds: dict[str, Any] = {FILTERS[name][0]: 0, **random_bounds(name, rng)}
        if rng.random() < 0.2:
            bounds["min_closed_interval"] = False
        process.append({name: bounds})
    for name in rng.sample(OTHERS, rng.randint(0, 2)):
        process.insert(rng.randint(0, len(process)), name)
    return process


def random_changes(process: list[Any], rng: random.Random) -> dict[str, Any]:
    entries = [entry for entry in process if isinstance(entry, dict)]
    changes: dict[str, Any] = {}
    for entry in rng.sample(entries, rng.choice([1, 1, min(2, len(entries))])):
        (name,) = entry
        low, high, _ = FILTERS[name]
        then = {
            low: 0 if name != "word_repetition_filter" else 0.0,
            high: 1_000_000 if "num" in name or "len" in name else 1.0,
        }
        then |= random_bounds(name, rng)
        changes |= {f"{name}.{key}": value for key, value in then.items()}
    return changes


def run(folder: Path, process: list[Any], settings: dict[str, Any]) -> tuple[MemoryStore, JobLayout]:
    store = MemoryStore()
    run_inline(recipe(str(folder), [str(folder / "in.jsonl")], process, settings), store)
    return store, JobLayout.of(str(folder), JOB_ID)


def ask(store: MemoryStore, layout: JobLayout, changes: dict[str, Any]) -> WhatIf:
    return answer(entries_of(summaries.load(store, layout).config), changes, read_stats(store, layout))


def ask_one_by_one(store: MemoryStore, layout: JobLayout, changes: dict[str, Any]) -> WhatIf:
    """The answer of which no partitions are joined."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(what_if, "join_partitions", lambda partitions, _: partitions)
        return ask(store, layout, changes)


def limits(reported: WhatIf) -> list[Any]:
    """All of an answer but its guesses, which are rounded for each partition."""
    ranges = [reported.rows_out_then, *(each.rows_out_then for each in reported.operators)]
    counts = [(each.rows_in, each.rows_out) for each in reported.operators]
    return [*((each.low, each.high) for each in ranges), *counts, reported.partitions, reported.reasons]


def changed(process: list[Any], changes: dict[str, Any]) -> list[Any]:
    by_name: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        by_name.setdefault(path.split(".")[0], {})[path.split(".")[1]] = value
    return [
        {name: params | by_name.get(name, {}) for name, params in entry.items()}
        if isinstance(entry, dict)
        else entry
        for entry in process
    ]


def rows_of(store: MemoryStore, layout: JobLayout, operators: int) -> list[int]:
    """Rows after each operator."""
    sums = [0] * operators
    for partition in read_stats(store, layout):
        for ledger in partition.ledgers[1:]:
            sums[ledger.index] += ledger.rows_out
    return sums


def check(folder: Path, seed: int) -> bool:
    """Whether the answer claimed to be exact."""
    rng = random.Random(seed)
    write_rows(folder / "in.jsonl", rng, 160)
    process = random_process(rng)
    settings = {
        "partition.size": rng.choice([25, 160]),
        "checkpoint.strategy": rng.choice(["disabled", "every_op"]),
    }
    changes = random_changes(process, rng)
    store, layout = run(folder, process, settings)
    reported = ask(store, layout, changes)
    real = rows_of(*run(folder, changed(process, changes), settings), len(process))
    for operator, rows in zip(reported.operators, real, strict=True):
        then = operator.rows_out_then
        assert then.low <= rows <= then.high, (process, changes, operator)
        assert not then.is_exact or then.estimate == rows
    assert reported.is_exact == reported.rows_out_then.is_exact
    assert reported.rows_out_then.low <= real[-1] <= reported.rows_out_then.high
    assert reported.is_exact or reported.reasons
    assert limits(reported) == limits(ask_one_by_one(store, layout, changes)), (process, changes)
    return reported.is_exact


@pytest.mark.parametrize("seed", range(2))
def test_what_if_equals_a_real_run_where_it_says_so(seed: int, tmp_path: Path) -> None:
    check(tmp_path, seed)


@pytest.mark.slow
def test_what_if_equals_a_real_run_on_thirty_random_recipes(tmp_path: Path) -> None:
    exact = 0
    for seed in range(100, 130):
        folder = tmp_path / str(seed)
        folder.mkdir()
        exact += check(folder, seed)
    assert exact >= 10, "most answers claim nothing"


PROCESS = [
    {"words_num_filter": {"min_num": 4}},
    "clean_email_mapper",
    {"text_length_filter": {"min_len": 20}},
]


def test_a_narrower_bound_is_counted_through_later_filters(tmp_path: Path) -> None:
    write_rows(tmp_path / "in.jsonl", random.Random(1), 100)
    reported = ask(*run(tmp_path, PROCESS, {"partition.size": 30}), {"words_num_filter.min_num": 9})
    assert reported.is_exact
    assert reported.rows_out_then.estimate < reported.rows_out
    assert reported.reasons == ()


def test_a_wider_bound_is_an_estimate_where_a_later_filter_follows(tmp_path: Path) -> None:
    write_rows(tmp_path / "in.jsonl", random.Random(1), 100)
    reported = ask(*run(tmp_path, PROCESS, {"partition.size": 30}), {"words_num_filter.min_num": 1})
    assert not reported.is_exact
    assert reported.operators[0].rows_out_then.is_exact
    assert reported.reasons == ("text_length_filter comes later and has not seen the rows that are kept now",)


def test_partitions_of_many_rows_keep_sketches_and_answers_are_intervals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_stats, "EXACT_ROWS_MAX", 50)
    write_rows(tmp_path / "in.jsonl", random.Random(1), 3000)
    process = [{"words_num_filter": {"min_num": 4}}]
    reported = ask(*run(tmp_path, process, {"partition.size": 3000}), {"words_num_filter.min_num": 9})
    real = rows_of(*run(tmp_path, [{"words_num_filter": {"min_num": 9}}], {"partition.size": 3000}), 1)[0]
    then = reported.rows_out_then
    assert not reported.is_exact
    assert reported.has_sketches
    assert then.low <= real <= then.high
    assert then.high - then.low <= 0.05 * 3000


def test_statistics_survive_a_resume_from_a_checkpoint(tmp_path: Path) -> None:
    """The first filter is not run again by the second run, whose last operator differs."""
    write_rows(tmp_path / "in.jsonl", random.Random(1), 100)
    settings = {
        "partition.size": 30,
        "checkpoint.strategy": "every_op",
        "intermediate_storage.retention_policy": "keep_all",
    }
    store = MemoryStore()
    run_inline(recipe(str(tmp_path), [str(tmp_path / "in.jsonl")], PROCESS, settings), store)
    again = [*PROCESS[:2], {"text_length_filter": {"min_len": 40}}]
    run_inline(recipe(str(tmp_path), [str(tmp_path / "in.jsonl")], again, settings), store)
    layout = JobLayout.of(str(tmp_path), JOB_ID)
    assert [set(partition.operators) for partition in read_stats(store, layout)] == [{0, 2}] * 4
    reported = ask(store, layout, {"words_num_filter.min_num": 9})
    assert reported.is_exact
    assert reported.partitions_unknown == 0


@pytest.mark.parametrize("is_exported", [True, False])
def test_a_job_without_statistics_says_so(is_exported: bool, tmp_path: Path) -> None:
    write_rows(tmp_path / "in.jsonl", random.Random(1), 100)
    settings = {"partition.size": 30, "export_extra_args": {"export_stats": is_exported}}
    store, layout = run(tmp_path, PROCESS, settings)
    for name in store.list(layout.results_dir):
        if name.endswith((".stats", ".stats.jsonl")):
            store.remove(f"{layout.results_dir}/{name}")
    reported = ask(store, layout, {"words_num_filter.min_num": 9})
    assert reported.partitions_unknown == 4
    assert not reported.is_exact
    assert any("no statistics" in reason for reason in reported.reasons)
