"""An index that jobs share is added to once, whatever happens to a job, and to several at once."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.engine.driver import resolve_shards
from data_juicer.job.lease import LEASE_S
from data_juicer.storage.base import Store
from data_juicer.storage.memory import Loss
from data_juicer.store.index.versions import (
    find_newest,
    find_unnamed,
    read_version,
    version_numbers,
)
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from data_juicer.testing.object_model import ROOT, Faults, store_of
from tests.support.model_jobs import CRASHES, TROUBLES, model_job, new_model, outcome
from tests.support.model_jobs import run as run_on_model
from tests.support.snapshots import (
    EXACT,
    INDEX,
    MINHASH,
    PARAMETERS,
    UPDATES,
    Snapshots,
    chained,
    report_of,
    texts_of,
    undisturbed,
)
from tests.support.turns import Turns, TurnStore


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path)


def kill_at(
    snapshots: Snapshots,
    config: JobConfig,
    whole: CrashingStore,
    points: Sequence[int],
    losses: Sequence[Loss],
) -> int:
    """Kill the job at these changes of the disk, resume it, and compare it and the index with a job nobody disturbed."""
    expected = texts_of(config, whole), report_of(config, whole), index_of(whole)
    for crash_at in points:
        disk = snapshots.store.after_power_loss(Loss.NOTHING)
        with pytest.raises(PowerLoss):
            jobs.run_inline(config, CrashingStore(disk, crash_at))
        for loss in losses:
            store = disk.after_power_loss(loss)
            where = f"crash_at={crash_at} {whole.deeds[crash_at - 1]} {loss}"
            jobs.run_inline(config, store)
            assert (texts_of(config, store), report_of(config, store), index_of(store)) == expected, where
            assert find_unnamed(store, INDEX) == [], where
    return len(points) * len(losses)


def index_of(store: Store) -> list[Any]:
    """What every version holds, whatever runs staged it."""
    return [
        [
            (each.job, each.key, each.rows_in, each.rows, [s.digest for s in each.segments])
            for each in version.additions
        ]
        for number in version_numbers(store, INDEX)
        for version in [read_version(store, INDEX, number)]
    ]


def second_of(snapshots: Snapshots, operator: str) -> JobConfig:
    """A job that is compared with an index of an earlier one, and adds to it."""
    entry = {operator: {**PARAMETERS[operator], **UPDATES}}
    snapshots.run("first", chained(9), entry)
    texts = [*chained(11)[6:], "alone here once", "nothing like it", "alone here once"]
    return snapshots.config("second", texts, entry)


@pytest.fixture
def second(snapshots: Snapshots) -> JobConfig:
    return second_of(snapshots, EXACT)


def test_a_power_failure_at_some_changes_of_the_disk(snapshots: Snapshots, second: JobConfig) -> None:
    whole = undisturbed(snapshots, second)
    for start, loss in enumerate(Loss, start=1):
        kill_at(snapshots, second, whole, range(start * 37, len(whole.deeds), 167), [loss])


def test_a_power_failure_at_changes_of_the_index(snapshots: Snapshots, second: JobConfig) -> None:
    whole = undisturbed(snapshots, second)
    places = [
        number
        for number, (_, path) in enumerate(whole.deeds, 1)
        if path.startswith(INDEX) or "/resolve_" in path
    ]
    assert len(places) >= 12, "segments, their folder, the decisions that name them, the version"
    print("crash points:", kill_at(snapshots, second, whole, places[::2], [Loss.NOTHING]))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shards", [0, 3])
def test_a_power_failure_at_every_change_of_the_disk(
    snapshots: Snapshots, shards: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = second_of(snapshots, MINHASH)
    if shards:
        monkeypatch.setattr(resolve_shards, "SHARDED_KEYS", 0)
        monkeypatch.setattr(resolve_shards, "SHARDS", shards)
        monkeypatch.setattr(resolve_shards, "GROUP_ROWS", 3)
    whole = undisturbed(snapshots, second)
    points = range(1, len(whole.deeds) + 1)
    print("crash points:", kill_at(snapshots, second, whole, points, list(Loss)))


def updaters(tmp_path: Path, seed: int) -> None:
    """Three jobs that add to one index at once: each is there once, each version is the one before and one job more."""
    snapshots, rng = Snapshots(tmp_path), random.Random(seed)
    configs = {name: snapshots.config(name, [name, "both", f"{name}2"], {EXACT: UPDATES}) for name in "abc"}
    for config in configs.values():
        jobs.copy_input(config, snapshots.store)
    turns = Turns(rng)

    def driver(name: str) -> Callable[[], Any]:
        return lambda: jobs.run_inline(configs[name], TurnStore(snapshots.store, turns, name))

    ended = turns.run(
        {name: driver(name) for name in configs}, {"b": rng.randrange(200), "c": rng.randrange(400)}
    )
    assert [each.error for each in ended.values()] == [None] * 3, f"seed {seed}"
    assert version_numbers(snapshots.store, INDEX) == [1, 2, 3]
    versions = [read_version(snapshots.store, INDEX, number) for number in (1, 2, 3)]
    for one, other in itertools.pairwise(versions):
        assert other.additions[:-1] == one.additions, f"seed {seed}"
    seen = {name: texts_of(config, snapshots.store) for name, config in configs.items()}
    assert {name for name, texts in seen.items() if {name, f"{name}2"} <= set(texts)} == {"a", "b", "c"}
    assert sum("both" in texts for texts in seen.values()) >= 1
    assert snapshots.run("d", ["a", "b2", "both", "d"]) == ["d"], f"seed {seed}"


def test_of_jobs_that_add_at_once_each_is_there_once(tmp_path: Path) -> None:
    for seed in range(4):
        folder = tmp_path / str(seed)
        folder.mkdir()
        updaters(folder, seed)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_of_jobs_that_add_at_once_each_is_there_once_in_many_orders(tmp_path: Path) -> None:
    for seed in range(4, 44):
        folder = tmp_path / str(seed)
        folder.mkdir()
        updaters(folder, seed)


FEW, ALL = 1, len((*CRASHES, *TROUBLES))


@pytest.mark.parametrize("kinds", [FEW, pytest.param(ALL, marks=pytest.mark.slow)])
def test_an_index_in_an_object_store_is_added_to_once_whatever_becomes_of_a_request(kinds: int) -> None:
    path = f"{ROOT}/texts.index"
    config = model_job([{EXACT: {"dedup_index": path, "update": True}}])
    model = new_model()
    _, bucket = run_on_model(model, config)
    expected = outcome(model, config)
    numbers = [number for number, request in enumerate(bucket.log, 1) if "texts.index" in str(request)]
    assert len(numbers) >= 6, bucket.log
    faults = itertools.cycle((*CRASHES, *TROUBLES))
    for number, fault in ((number, next(faults)) for number in numbers for _ in range(kinds)):
        model = new_model()
        try:
            run_on_model(model, config, Faults({number: fault}))
        except PowerLoss:
            model.clock.sleep_s(LEASE_S + 1)
            run_on_model(model, config)
        where = f"{bucket.log[number - 1]}: {fault}"
        assert outcome(model, config) == expected, where
        store, _ = store_of(model)
        assert version_numbers(store, path) == [1], where
        assert len(read_version(store, path, 1).additions) == 1, where
        assert find_unnamed(store, path) == [], where


def test_a_listing_that_is_late_hides_no_version() -> None:
    model = new_model()
    config = model_job([{EXACT: {"dedup_index": f"{ROOT}/texts.index", "update": True}}])
    model.clock.sleep_s(60)
    model.stale_s = 20.0
    run_on_model(model, config)
    store, _ = store_of(model)
    assert version_numbers(store, f"{ROOT}/texts.index") == [], "the listing is late"
    newest = find_newest(store, f"{ROOT}/texts.index")
    assert newest is not None
    assert newest.version == 1
