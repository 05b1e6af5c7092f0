"""An index that jobs share: what a job finds in it, what it adds, and that it adds it once whatever happens."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.engine.driver import resolve_shards
from data_juicer.errors import ConfigError, DataJuicerError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.lease import LEASE_S
from data_juicer.storage.base import Store
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.store.index.versions import (
    IndexVersion,
    find_newest,
    find_unnamed,
    read_version,
    segments_dir,
    version_numbers,
)
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from data_juicer.testing.jobs import Watch
from data_juicer.testing.object_model import ROOT, Faults, store_of
from tests.support.model_jobs import CRASHES, TROUBLES, model_job, new_model, outcome
from tests.support.model_jobs import run as run_on_model
from tests.support.turns import Turns, TurnStore

INDEX = "/disk/texts.index"
UPDATES: dict[str, Any] = {"dedup_index": INDEX, "update": True}
EXACT = "document_deduplicator"
MINHASH = "document_minhash_deduplicator"
SIMHASH = "document_simhash_deduplicator"
UID = "document_minhash_deduplicator_with_uid"
PARAMETERS: dict[str, dict[str, Any]] = {
    EXACT: {"lowercase": True},
    MINHASH: {"window_size": 1, "num_permutations": 64},
    SIMHASH: {"window_size": 1},
    UID: {"window_size": 1, "num_permutations": 64},
}
WORDS = ("the", "a", "some", "row", "of", "many", "words", "that", "come", "again", "and", "more")


class Snapshots:
    """Jobs over one file each, on one store; their index is there too."""

    def __init__(self, folder: Path, store: MemoryStore | None = None) -> None:
        self.folder = folder
        self.store = store or MemoryStore()

    def config(self, name: str, texts: Sequence[str], operator: Any, **settings: Any) -> JobConfig:
        path = self.folder / f"{name}.jsonl"
        rows = [{"text": text, "__dj__uid": len(texts) - number} for number, text in enumerate(texts)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        given = {"partition.size": 3, **settings}
        return jobs.recipe(f"/disk/{name}", [str(path)], [operator], given)

    def run(self, name: str, texts: Sequence[str], operator: Any = None, **settings: Any) -> list[str]:
        """The texts that stay."""
        config = self.config(name, texts, operator or {EXACT: UPDATES}, **settings)
        jobs.run_inline(config, self.store)
        return texts_of(config, self.store)

    @property
    def index(self) -> IndexVersion:
        newest = find_newest(self.store, INDEX)
        assert newest is not None
        return newest


def texts_of(config: JobConfig, store: Store) -> list[str]:
    (data,) = jobs.exported(config, store).values()
    return [json.loads(line)["text"] for line in data.splitlines()]


def report_of(config: JobConfig, store: Store) -> list[dict[str, Any]]:
    path = jobs.layout_of(config).dedup_report
    return list(pq.read_table(pa.BufferReader(store.read(path))).to_pylist())


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path)


def chained(count: int) -> list[str]:
    """Texts of which many are equal and many nearly so."""
    return [
        " ".join(WORDS[(number * (1 + number % 3) + at) % (7 + number % 5)] for at in range(9))
        for number in range(count)
    ]


# ---- what a job finds in an index


def test_five_snapshots_one_by_one_keep_what_all_of_them_at_once_would(snapshots: Snapshots) -> None:
    rng = random.Random(7)
    texts = [f"text {number}" for number in range(40)]
    crawls = [[rng.choice(texts) for _ in range(17)] for _ in range(5)]
    kept = [snapshots.run(f"crawl{number}", crawl) for number, crawl in enumerate(crawls)]
    assert list(itertools.chain(*kept)) == list(dict.fromkeys(itertools.chain(*crawls)))
    assert snapshots.index.version == 5
    assert [each.rows for each in snapshots.index.additions] == [len(each) for each in kept]


def test_near_duplicates_of_earlier_snapshots_are_found_and_nothing_else_goes(snapshots: Snapshots) -> None:
    rng = random.Random(11)
    operator = {MINHASH: {**UPDATES, "num_permutations": 128}}
    words = [f"w{number}" for number in range(2000)]
    before: list[str] = []
    for number in range(5):
        fresh = [" ".join(rng.choices(words, k=80)) for _ in range(12)]
        planted = [
            text.replace(text.split(" ")[40], "changed", 1)
            for text in rng.sample(before, min(9, len(before)))
        ]
        mixed = [*planted, *fresh]
        rng.shuffle(mixed)
        assert sorted(snapshots.run(f"crawl{number}", mixed, operator, **{"partition.size": 7})) == sorted(
            fresh
        )
        before += fresh
    assert snapshots.index.rows == 60


@pytest.mark.parametrize(
    "operator", [EXACT, MINHASH, *(pytest.param(name, marks=pytest.mark.slow) for name in (SIMHASH, UID))]
)
def test_neither_shards_nor_memory_change_what_is_found_in_an_index(
    snapshots: Snapshots, operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = [f"only here {number // 2} and twice {number // 2}" for number in range(6)]
    texts = [*chained(64), *twice]
    snapshots.run("first", texts[:40], {operator: {**PARAMETERS[operator], "dedup_index": INDEX}})
    against = {operator: {**PARAMETERS[operator], "against": [INDEX]}}
    expected = None
    for shards, group_rows in ((0, 0), (1, 1_000_000), (7, 20), (64, 1)):
        if shards:
            monkeypatch.setattr(resolve_shards, "SHARDED_KEYS", 0)
            monkeypatch.setattr(resolve_shards, "SHARDS", shards)
            monkeypatch.setattr(resolve_shards, "GROUP_ROWS", group_rows)
        settings = {"resolve_memory_mb": 16} if shards == 7 else {}
        config = snapshots.config(f"second{shards}", texts[40:], against, **settings)
        jobs.run_inline(config, snapshots.store)
        report = [
            {key: value for key, value in row.items() if key != "source"}
            | {"kept_source": row["kept_source"].replace(f"second{shards}", "second")}
            for row in report_of(config, snapshots.store)
        ]
        found = (texts_of(config, snapshots.store), report)
        expected = expected or found
        assert found == expected, shards
        assert snapshots.store.list(jobs.layout_of(config).shards_dir) == []
    assert expected is not None
    assert {row["kept_job"] for row in expected[1]} == {"job", None}, "rows of both are kept"
    assert {row["kept_index"] for row in expected[1]} == {INDEX, None}


def test_the_report_names_the_row_of_the_index_and_the_job_that_kept_it(snapshots: Snapshots) -> None:
    snapshots.run("first", ["one", "two", "two", "three", "four"])
    config = snapshots.config("second", ["five", "four", "five", "two"], {EXACT: UPDATES})
    jobs.run_inline(config, snapshots.store)
    first, second = (str(snapshots.folder / f"{name}.jsonl") for name in ("first", "second"))
    found = [
        (row["row"], row["kept_source"], row["kept_row"], row["kept_index"], row["kept_job"])
        for row in report_of(config, snapshots.store)
    ]
    assert found == [(1, first, 4, INDEX, "job"), (2, second, 0, None, None), (3, first, 1, INDEX, "job")]
    assert [ledger.rows_duplicate for ledger in jobs.ledgers(config, snapshots.store)[0]] == [0, 3]


def test_several_indexes_and_a_version_by_its_number(snapshots: Snapshots) -> None:
    other = "/disk/other.index"
    snapshots.run("a", ["a"])
    snapshots.run("b", ["b"])
    snapshots.run("c", ["c"], {EXACT: {"dedup_index": other}})
    against = {EXACT: {"against": [f"{INDEX}@1", other]}}
    assert snapshots.run("d", ["a", "b", "c", "d"], against) == ["b", "d"]
    assert version_numbers(snapshots.store, INDEX) == [1, 2]


def test_a_row_with_a_lower_number_does_not_take_the_place_of_a_known_one(snapshots: Snapshots) -> None:
    operator = {UID: {**UPDATES, **PARAMETERS[UID]}}
    assert snapshots.run("a", ["some words of a text", "other things"], operator) == [
        "some words of a text",
        "other things",
    ]
    assert snapshots.run("b", ["new here", "some words of a text"], operator) == ["new here"]


# ---- what it adds


def test_a_job_that_runs_again_over_more_rows_replaces_what_it_added(snapshots: Snapshots) -> None:
    snapshots.run("a", ["a", "b"])
    snapshots.run("b", ["b", "c"])
    assert snapshots.run("b", ["b", "c", "d"]) == ["c", "d"]
    assert [each.rows for each in snapshots.index.additions] == [2, 2]
    assert snapshots.index.version == 3
    assert read_version(snapshots.store, INDEX, 2).rows == 3, "the version before is what it was"


def test_a_complete_job_does_nothing_again(snapshots: Snapshots) -> None:
    config = snapshots.config("a", ["a", "b"], {EXACT: UPDATES})
    jobs.run_inline(config, snapshots.store)
    assert jobs.run_inline(config, snapshots.store).already_complete
    assert snapshots.index.version == 1


@pytest.mark.parametrize("retention", ["keep_all", "cleanup_all"])
def test_a_complete_job_adds_its_rows_when_it_is_asked_to(snapshots: Snapshots, retention: str) -> None:
    settings = {"intermediate_storage.retention_policy": retention}
    snapshots.run("a", ["a", "b", "a"], EXACT, **settings)
    assert snapshots.run("a", ["a", "b", "a"], {EXACT: {"dedup_index": INDEX}}, **settings) == ["a", "b"]
    assert [(each.rows_in, each.rows) for each in snapshots.index.additions] == [(3, 2)]


def test_a_resume_compares_with_the_version_that_the_job_began_with(snapshots: Snapshots) -> None:
    snapshots.run("a", ["a", "b"])
    config = snapshots.config("b", ["b", "c", "d", "e", "f", "g"], {EXACT: UPDATES})
    whole = undisturbed(snapshots, config)
    crash_at = next(
        number for number, (_, path) in enumerate(whole.deeds, 1) if "/b/job/checkpoints/summary_" in path
    )
    with pytest.raises(PowerLoss):
        jobs.run_inline(config, CrashingStore(snapshots.store, crash_at))
    later = Snapshots(snapshots.folder, snapshots.store.after_power_loss(Loss.NOTHING))
    later.run("c", ["c", "h"])
    watch = Watch()
    jobs.run_inline(config, later.store, watch)
    assert texts_of(config, later.store) == texts_of(config, whole)
    assert any("job added rows while this job ran" in warning for warning in watch.warnings)
    assert [each.rows for each in later.index.additions] == [2, 2, 5]
    assert later.run("d", ["c", "d", "i"]) == ["i"]


# ---- what is refused, in one line


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ({EXACT: {"against": ["/disk/no.index"]}}, "there is no index in /disk/no.index"),
        ({EXACT: {"against": [f"{INDEX}@7"]}}, "there is no version 7 of this index"),
        ({EXACT: {"dedup_index": INDEX}}, "is an index already, with 1 rows of 1 jobs; update: true"),
        ({EXACT: {"against": [INDEX], "lowercase": True}}, "lowercase is False there and True here"),
        ({MINHASH: {"against": [INDEX]}}, "it holds keys of document_deduplicator, not of document_minhash"),
        ({EXACT: {"update": True}}, "there is no index to add to; name it in dedup_index"),
        ({EXACT: {"against": [INDEX, "/disk/b.index"], "update": True}}, "say in dedup_index which one"),
        ({EXACT: {"against": [7]}}, "expected folders of indexes, found 7"),
    ],
)
def test_an_index_that_cannot_be_used_is_refused_before_anything_is_made(
    snapshots: Snapshots, operator: Any, expected: str
) -> None:
    snapshots.run("a", ["a"])
    before = snapshots.store.contents()
    config = snapshots.config("b", ["b"], operator)
    with pytest.raises(ConfigError) as refused:
        jobs.run_inline(config, snapshots.store)
    assert expected in str(refused.value)
    assert str(refused.value).endswith("Nothing was changed.")
    assert "\n" not in str(refused.value)
    assert {path for path in snapshots.store.contents() if not path.endswith("b.jsonl")} == set(before)


def test_two_operators_of_a_recipe_cannot_add_to_one_index(snapshots: Snapshots) -> None:
    config = snapshots.config("a", ["a"], {EXACT: UPDATES})
    (entry,) = config.process
    twice = jobs.recipe("/disk/a", list(config.sources()), [{entry.name: UPDATES}] * 2)
    with pytest.raises(ConfigError, match="two operators of the recipe add to this index"):
        jobs.run_inline(twice, snapshots.store)


def test_an_index_that_lies_in_the_input_is_refused(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    folder = snapshots.config("a", ["a"], EXACT).sources()[0].rpartition("/")[0]
    config = jobs.recipe("/disk/a", [folder], [{EXACT: {"dedup_index": f"{folder}/texts.index"}}])
    with pytest.raises(ConfigError, match=r"lies in the input .*, of which the next run would read it"):
        jobs.run_inline(config, snapshots.store)


@pytest.mark.parametrize("what", ["segment", "gone", "version", "another"])
def test_a_damaged_index_is_named_and_costs_nothing_else(snapshots: Snapshots, what: str) -> None:
    snapshots.run("a", ["a", "b"])
    store = snapshots.store
    (name,) = store.list(segments_dir(INDEX))
    segment, version = f"{segments_dir(INDEX)}/{name}", f"{INDEX}/version_000001.json"
    data = bytearray(store.read(version if what == "version" else segment))
    data[len(data) // 2] ^= 1
    config = snapshots.config("b", ["b", "c"], {EXACT: UPDATES})
    if what == "gone":
        store.remove(segment)
    elif what == "another":
        other = Snapshots(snapshots.folder)
        other.run("z", ["x", "y"], {EXACT: UPDATES})
        store.put(version, other.store.read(version))
    else:
        store.put(version if what == "version" else segment, bytes(data))
    with pytest.raises(DataJuicerError) as refused:
        jobs.run_inline(config, store)
    assert (version if what == "version" else segments_dir(INDEX)) in str(refused.value)
    assert isinstance(refused.value, ConfigError if what == "version" else StoreError)


# ---- whatever happens


def undisturbed(snapshots: Snapshots, config: JobConfig) -> CrashingStore:
    whole = CrashingStore(snapshots.store.after_power_loss(Loss.NOTHING), None)
    jobs.run_inline(config, whole)
    return whole


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


def test_the_layout_knows_the_pins_and_the_known_rows() -> None:
    from data_juicer.job.names import parse_shard_name

    layout = JobLayout.of("/jobs", "j")
    assert layout.index_pins in layout.documents()
    assert parse_shard_name(layout.known_rows(3, 7, 2).rpartition("/")[2]) == 3
