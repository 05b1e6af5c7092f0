"""Jobs in an object store whose driver crashes at every request, or loses the answer to it: the bytes are the same.

Also: faults at random, listings that are late, and what a request less would cost.
"""

from __future__ import annotations

from typing import Any

import pytest

from data_juicer.storage.cloud import upload as uploads
from data_juicer.testing.object_model import ROOT, Faults, store_of
from tests.support.crash_recipes import PROCESS, STRATEGIES, configured
from tests.support.model_jobs import CRASHES, TROUBLES, model_job, new_model, outcome, run, visit

EXACT: dict[str, Any] = {"document_deduplicator": {"lowercase": True}}
INDEX: dict[str, Any] = {"document_deduplicator": {"dedup_index": f"{ROOT}/texts.index", "update": True}}
AGAIN: dict[str, Any] = {"document_deduplicator": {"ignore_non_character": True}}
JOBS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    **{strategy: (PROCESS, configured(strategy, "parquet")) for strategy in STRATEGIES},
    "deduplicated": ([PROCESS[0], EXACT, *PROCESS[1:]], {"checkpoint.strategy": "every_op"}),
    "two barriers": ([PROCESS[0], EXACT, PROCESS[1], AGAIN, PROCESS[3]], {}),
    "keep_failed_only": (PROCESS, {"intermediate_storage.retention_policy": "keep_failed_only"}),
    "cleanup_all": (PROCESS, {"intermediate_storage.retention_policy": "cleanup_all"}),
    "an index": ([PROCESS[0], INDEX], {}),
    "shards": (PROCESS, {"export_shard_size": 60}),
    "parquet export": (PROCESS, {"export_type": "parquet"}),
    "parquet to parquet": (PROCESS, {"input": "tables", "export_type": "parquet"}),
}
SHARES = 4
"""Tests that visit the requests of one job between them: side by side, and each in well under a minute."""
every_request = pytest.mark.parametrize(
    ("what", "share"),
    [pytest.param(what, share, id=f"{what}-{share}") for what in JOBS for share in range(SHARES)],
)
SEEDS = 6


@pytest.mark.parametrize("what", ["every_op", "shards"])
def test_a_driver_that_crashes_at_a_request_is_followed_by_one_that_gives_the_same_bytes(what: str) -> None:
    process, settings = JOBS[what]
    print(what, "requests, points:", visit(model_job(process, **settings), CRASHES + TROUBLES, stride=47))


@pytest.mark.parametrize("what", ["every_partition", "shards"])
def test_an_export_in_parts_leaves_none_wherever_the_driver_crashes(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", 40)
    process, settings = JOBS[what]
    print(what, "requests, points:", visit(model_job(process, **settings), CRASHES + TROUBLES, stride=53))


@pytest.mark.slow
@pytest.mark.parametrize("share", range(8))
@pytest.mark.parametrize("what", ["every_partition", "shards", "parquet export"])
def test_an_export_in_parts_leaves_none_whichever_request_goes_wrong(
    what: str, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", 40)
    process, settings = JOBS[what]
    visited = visit(model_job(process, **settings), (*CRASHES, "lost", "error_after"), share=(share, 8))
    print(what, "in parts, requests, points:", visited)


@pytest.mark.slow
@every_request
def test_every_request_of_every_recipe_and_policy_is_a_crash_point(what: str, share: int) -> None:
    process, settings = JOBS[what]
    print(what, "requests, points:", visit(model_job(process, **settings), CRASHES, share=(share, SHARES)))


@pytest.mark.slow
@every_request
def test_every_answer_of_every_recipe_and_policy_may_be_lost(what: str, share: int) -> None:
    process, settings = JOBS[what]
    visited = visit(model_job(process, **settings), ("lost", "error_after"), share=(share, SHARES))
    print(what, "requests, points:", visited)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_one_request_in_ten_may_go_wrong(seed: int) -> None:
    process, settings = list(JOBS.values())[seed % len(JOBS)]
    config, model = model_job(process, **settings), new_model()
    run(model, config)
    expected, model = outcome(model, config), new_model()
    _, bucket = run(model, config, Faults(ratio=0.1, seed=seed, latency_s=0.05))
    assert outcome(model, config) == expected, f"seed {seed}"
    print("seed", seed, "requests:", bucket.requests)


def test_listings_may_be_late() -> None:
    config, model = model_job(**JOBS["every_op"][1]), new_model()
    run(model, config)
    expected, model = outcome(model, config), new_model()
    model.clock.sleep_s(60)  # the input was there before
    model.stale_s = 20.0
    run(model, config)
    model.clock.sleep_s(60)
    assert outcome(model, config) == expected


def requests_of(rows: int, **settings: Any) -> tuple[int, int]:
    """Of a whole job over rows that nothing is wrong with, and of another run that finds it complete."""
    model, config = new_model(), model_job(**settings)
    store_of(model)[0].put(f"{ROOT}/in/a.jsonl", b'{"text": "plain words, long enough"}\n' * rows)
    _, first = run(model, config)
    done, second = run(model, config)
    assert done.already_complete
    return first.requests, second.requests


def test_a_stage_costs_three_requests_at_most_and_a_complete_job_ten() -> None:
    """Of each partition: its source, what four operators made of it, its result, the stats of its rows, and the export of both."""
    settings = {**JOBS["every_op"][1], "partition.size": 1}
    stages = len(PROCESS) + 1
    for export_stats in (False, True):
        given = {**settings, "export_extra_args": {"export_stats": export_stats}}
        few, _ = requests_of(4, **given)
        many, resume = requests_of(14, **given)
        print(
            "requests a stage:",
            (many - few) / 10 / stages,
            "resume:",
            resume,
            f"stats of rows: {export_stats}",
        )
        assert many - few <= 10 * 3 * stages
        assert resume <= 10
    with_dead_letters, config = new_model(), model_job(**settings)
    run(with_dead_letters, config)
    assert run(with_dead_letters, config)[1].requests <= 10
