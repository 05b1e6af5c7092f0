"""`NAME_stats.jsonl` beside an export: what is in it, and that it is an output like every other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data_juicer.errors import CheckpointCorruptError, ConfigError
from data_juicer.job.layout import JobLayout
from data_juicer.monitor.statistics.gather import read_stats
from data_juicer.storage.memory import MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.store.export.row_stats import read_recorded, with_recorded
from data_juicer.store.manifest import decode_manifest, encode_manifest
from data_juicer.store.staging import stage_file, stage_files
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss

ROWS = [{"text": "word " * (number % 7) + "end", "n": number} for number in range(40)]
PROCESS = [
    "whitespace_normalization_mapper",
    {"text_length_filter": {"min_len": 10}},
    {"alphanumeric_filter": {"min_ratio": 0.1}},
]
MEANT = [len(row["text"]) for row in ROWS if len(row["text"]) >= 10]


@pytest.fixture
def given(tmp_path: Path) -> str:
    path = tmp_path / "in" / "rows.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return str(path)


def config(work_dir: str, given: str, process: Any = PROCESS, **settings: Any) -> Any:
    return jobs.recipe(work_dir, [given], process, {"partition.size": 9} | settings)


def stats_in(data: bytes) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in data.splitlines()]
    assert all("__dj__stats__" in line for line in lines)
    return [line["__dj__stats__"] for line in lines]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("out.jsonl", {}),
        ("out.jsonl.gz", {}),
        ("out.parquet", {}),
        ("out.csv", {}),
        ("out.jsonl", {"export_shard_size": 300}),
        ("out.parquet", {"export_shard_size": 300}),
        ("out", {"export_type": "huggingface"}),
        ("out.jsonl", {"partition.size": 1000}),
    ],
)
def test_each_exported_row_has_its_line_of_stats_whatever_the_export_is(
    name: str, more: Mapping[str, Any], given: str, tmp_path: Path
) -> None:
    jobs.run_inline(
        config(str(tmp_path / "work"), given, export_path=str(tmp_path / name), **more), PosixStore()
    )
    found = stats_in((tmp_path / "out_stats.jsonl").read_bytes())
    assert [stats["text_len"] for stats in found] == MEANT
    assert all(isinstance(stats["alnum_ratio"], float) for stats in found)


def test_stats_that_stay_in_the_rows_are_those_of_the_file(given: str, tmp_path: Path) -> None:
    jobs.run_inline(config(str(tmp_path), given, keep_stats_in_res_ds=True), PosixStore())
    rows = [json.loads(line) for line in (tmp_path / "result.jsonl").read_text().splitlines()]
    assert [row["__dj__stats__"] for row in rows] == stats_in((tmp_path / "result_stats.jsonl").read_bytes())


def test_tags_are_beside_the_stats_and_a_row_without_has_an_empty_line(tmp_path: Path) -> None:
    """Partitions of two rows: those of the second have neither tags nor stats."""
    path = tmp_path / "in.jsonl"
    rows = [{"text": "a", "usage": {"total_tokens": 3}}, {"text": "b"}, {"text": "c"}, {"text": "d"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tagging = "lambda row: {**row, '__dj__meta__': {'letter': row['text']}} if row['text'] == 'a' else row"
    process = [{"python_lambda_mapper": {"lambda_str": tagging}}]
    jobs.run_inline(config(str(tmp_path), str(path), process, **{"partition.size": 2}), PosixStore())
    lines = [json.loads(line) for line in (tmp_path / "result_stats.jsonl").read_text().splitlines()]
    assert lines == [{"__dj__stats__": {}, "__dj__meta__": {"letter": "a"}}, *[{"__dj__stats__": {}}] * 3]


def test_there_is_no_such_file_where_nothing_measures(given: str, tmp_path: Path) -> None:
    jobs.run_inline(config(str(tmp_path), given, ["whitespace_normalization_mapper"]), PosixStore())
    assert not (tmp_path / "result_stats.jsonl").exists()


def test_a_job_that_is_asked_for_none_any_more_takes_its_file_away(given: str, tmp_path: Path) -> None:
    jobs.run_inline(config(str(tmp_path), given), PosixStore())
    whole = (tmp_path / "result_stats.jsonl").read_bytes()
    without = config(str(tmp_path), given, export_extra_args={"export_stats": False})
    jobs.run_inline(without, PosixStore())
    assert not (tmp_path / "result_stats.jsonl").exists()
    jobs.run_inline(config(str(tmp_path), given), PosixStore())
    assert (tmp_path / "result_stats.jsonl").read_bytes() == whole


@pytest.mark.parametrize("more", [{}, {"export_shard_size": 300}], ids=["one file", "shards"])
def test_a_job_killed_at_any_change_of_the_disk_ends_with_the_same_stats(
    more: Mapping[str, Any], given: str
) -> None:
    wanted = config("/jobs", given, **{"export_path": "/out/result.jsonl", "partition.size": 20}, **more)

    def fresh() -> MemoryStore:
        return jobs.memory_with_input(wanted)

    counted = CrashingStore(fresh(), None)
    jobs.run_inline(wanted, counted)
    whole = {name: bytes(counted.read(f"/out/{name}")) for name in counted.list("/out")}
    assert [stats["text_len"] for stats in stats_in(whole["result_stats.jsonl"])] == MEANT
    changes = [
        at for at, (_, name) in enumerate(counted.deeds, 1) if name.startswith(("/out", "/jobs/job/results"))
    ]
    for crash_at in changes:
        disk = fresh()
        with pytest.raises(PowerLoss):
            jobs.run_inline(wanted, CrashingStore(disk, crash_at))
        present = (
            bytes(disk.read("/out/result_stats.jsonl")) if disk.exists("/out/result_stats.jsonl") else None
        )
        assert present in (None, whole["result_stats.jsonl"])
        jobs.run_inline(wanted, disk)
        assert {name: bytes(disk.read(f"/out/{name}")) for name in disk.list("/out")} == whole


@pytest.mark.parametrize("where", ["export", "partition"])
def test_a_damaged_file_of_stats_is_made_again(where: str, given: str, tmp_path: Path) -> None:
    wanted = config(str(tmp_path), given)
    jobs.run_inline(wanted, PosixStore())
    export = tmp_path / "result_stats.jsonl"
    whole = export.read_bytes()
    if where == "partition":
        (part,) = (tmp_path / "job/results").glob("partition_000001.*.stats.jsonl")
        part.write_bytes(part.read_bytes().replace(b"text_len", b"text_lex"))
    export.write_bytes(whole[:-20])
    jobs.run_inline(wanted, PosixStore())
    assert export.read_bytes() == whole


def test_stats_of_an_added_filter_that_drops_nothing_are_published(given: str, tmp_path: Path) -> None:
    jobs.run_inline(config(str(tmp_path), given), PosixStore())
    before = (tmp_path / "result.jsonl").read_bytes()
    jobs.run_inline(
        config(str(tmp_path), given, [*PROCESS, {"words_num_filter": {"min_num": 1}}]), PosixStore()
    )
    assert (tmp_path / "result.jsonl").read_bytes() == before
    assert all(stats["num_words"] for stats in stats_in((tmp_path / "result_stats.jsonl").read_bytes()))


def test_stats_that_the_next_run_would_read_as_rows_are_refused(given: str, tmp_path: Path) -> None:
    among = str(Path(given).parent)
    wanted = {"export_path": f"{among}/result.parquet"}
    with pytest.raises(
        ConfigError, match=r"export_extra_args.export_stats: .*result_stats.jsonl lies in the input"
    ):
        jobs.run_inline(config(str(tmp_path / "work"), f"{among}/*.jsonl", **wanted), PosixStore())
    jobs.run_inline(
        config(
            str(tmp_path / "work"), f"{among}/*.jsonl", export_extra_args={"export_stats": False}, **wanted
        ),
        PosixStore(),
    )


def test_an_input_is_never_replaced_by_stats(tmp_path: Path) -> None:
    path = tmp_path / "in_stats.jsonl"
    path.write_text(json.dumps(ROWS[6]) + "\n")
    with pytest.raises(ConfigError, match=r"in_stats.jsonl is an input of this job"):
        jobs.run_inline(
            config(str(tmp_path / "work"), str(path), export_path=str(tmp_path / "in.jsonl")), PosixStore()
        )
    assert json.loads(path.read_text()) == ROWS[6]


def test_a_file_of_stats_that_the_job_did_not_write_is_left_where_that_is_asked(
    given: str, tmp_path: Path
) -> None:
    (tmp_path / "result_stats.jsonl").write_text("mine\n")
    with pytest.raises(ConfigError, match=r"result_stats.jsonl is not known to be of this job"):
        jobs.run_inline(config(str(tmp_path), given, overwrite_export=False), PosixStore())
    assert (tmp_path / "result_stats.jsonl").read_text() == "mine\n"


def as_written_before(results: Path) -> None:
    """Earlier versions wrote what filters measured into a file of its own."""
    for path in results.glob("partition_*.json"):
        manifest = decode_manifest(path.read_bytes(), str(path))
        rows, lines = manifest.files
        recorded = read_recorded(PosixStore(), str(results), lines)
        whole = (results / lines.name).read_bytes()
        (results / lines.name).unlink()
        files = {lines.name: (whole[: whole.rindex(b"\n", 0, -1) + 1], lines.rows)}
        files[lines.name.removesuffix("jsonl").rstrip(".")] = (recorded, 2)
        new, stats = stage_files(PosixStore(), {str(results / name): each for name, each in files.items()})
        changed = msgspec.structs.replace(manifest, files=(rows, new), stats=(stats,))
        path.write_bytes(encode_manifest(changed))


def test_stats_of_partitions_that_an_earlier_version_wrote_are_published_and_read(
    given: str, tmp_path: Path
) -> None:
    jobs.run_inline(config(str(tmp_path), given), PosixStore())
    layout, results = JobLayout.of(str(tmp_path), "job"), tmp_path / "job/results"
    measured = list(read_stats(PosixStore(), layout))
    assert [set(each.operators) for each in measured] == [{1, 2}] * 5
    whole = (tmp_path / "result_stats.jsonl").read_bytes()
    assert not list(results.glob("*.stats"))
    as_written_before(results)
    assert len(list(results.glob("*.stats"))) == 5
    assert list(read_stats(PosixStore(), layout)) == measured
    (tmp_path / "result_stats.jsonl").unlink()
    jobs.run_inline(config(str(tmp_path), given), PosixStore())
    assert (tmp_path / "result_stats.jsonl").read_bytes() == whole
    assert len(list(results.glob("*.stats"))) == 5


def test_a_last_line_that_is_damaged_is_refused_and_one_that_is_long_is_read() -> None:
    store, recorded = MemoryStore(), bytes(range(256)) * 1000
    store.make_dirs("/r")
    file = stage_file(store, "/r/p.r1a1.stats.jsonl", with_recorded(b'{"__dj__stats__":{}}\n', recorded), 1)
    assert read_recorded(store, "/r", file) == recorded
    for damage in (b'"digest":"0', b'"digest":0'):
        data = store.read("/r/p.r1a1.stats.jsonl")
        store.write("/r/p.r1a1.stats.jsonl", data.replace(data[-36:-24], damage))
        with pytest.raises(CheckpointCorruptError, match="last line"):
            read_recorded(store, "/r", file)
        store.write("/r/p.r1a1.stats.jsonl", data)
    store.remove("/r/p.r1a1.stats.jsonl")
    with pytest.raises(CheckpointCorruptError, match="missing"):
        read_recorded(store, "/r", file)
