"""An index that jobs share: what a job finds in it, what it adds, and what is refused."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from data_juicer.engine.driver import resolve_shards
from data_juicer.errors import ConfigError, DataJuicerError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.storage.memory import Loss
from data_juicer.store.index.versions import (
    read_version,
    segments_dir,
    version_numbers,
)
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from data_juicer.testing.jobs import Watch
from tests.support.snapshots import (
    EXACT,
    INDEX,
    MINHASH,
    PARAMETERS,
    SIMHASH,
    UID,
    UPDATES,
    Snapshots,
    chained,
    report_of,
    texts_of,
    undisturbed,
)


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path)


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


def test_the_layout_knows_the_pins_and_the_known_rows() -> None:
    from data_juicer.job.names import parse_shard_name

    layout = JobLayout.of("/jobs", "j")
    assert layout.index_pins in layout.documents()
    assert parse_shard_name(layout.known_rows(3, 7, 2).rpartition("/")[2]) == 3
