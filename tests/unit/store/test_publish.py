"""From the results of partitions to the export, and what a crash in between leaves."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from data_juicer.storage.base import Store
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.store.export.parts import Parts, PublishedPart
from data_juicer.store.export.results_manifest import ResultsManifest, find_results
from data_juicer.store.results import ExportTarget, publish
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss

MANIFEST = "/job/results/results.json"
ROWS = [f'{{"n":{number}}}\n'.encode() for number in range(9)]
PARTS = [b"".join(ROWS[:4]), b"", b"".join(ROWS[4:])]


def target(path: str = "/out/r.jsonl", shard_size_bytes: int = 0, **fields: Any) -> ExportTarget:
    given = {"format": "jsonl", "compression": "none", **fields}
    return ExportTarget(path=path, shard_size_bytes=shard_size_bytes, **given)


def with_parts(store: Store, parts: Sequence[bytes] = PARTS) -> tuple[ResultsManifest, Parts]:
    store.make_dirs("/job/results")
    for number, data in enumerate(parts):
        store.stage(f"/job/results/{number}.part", data)
    present = [
        PublishedPart(
            partition=n,
            file=f"{n}.part",
            rows=1,
            size_bytes=len(part),
            digest=xxhash.xxh3_128_hexdigest(part),
        )
        for n, part in enumerate(parts)
    ]
    return ResultsManifest(job="job", rows=9), Parts(present)


def published(
    store: Store,
    to: ExportTarget,
    parts: Sequence[bytes] = PARTS,
    part_format: Literal["jsonl", "parquet"] = "jsonl",
) -> list[tuple[str, bytes]]:
    done = publish(store, MANIFEST, *with_parts(store, parts), to, part_format)
    assert done.is_exported
    assert done == find_results(store, MANIFEST)
    return [(file.path, store.read(file.path)) for file in done.exports]


def test_parts_are_joined_in_their_order() -> None:
    assert published(MemoryStore(), target()) == [("/out/r.jsonl", b"".join(ROWS))]


def test_no_partition_gives_an_empty_file() -> None:
    assert published(MemoryStore(), target(), []) == [("/out/r.jsonl", b"")]


def test_shards_hold_whole_rows_and_are_named_as_datajuicer_names_them() -> None:
    files = published(MemoryStore(), target(shard_size_bytes=25))
    assert [path for path, _ in files] == [f"/out/r-{number:02d}-of-03.jsonl" for number in range(3)]
    assert [data.count(b"\n") for _, data in files] == [3, 3, 3]
    assert b"".join(data for _, data in files) == b"".join(ROWS)


def test_a_row_larger_than_a_shard_is_a_shard() -> None:
    files = published(MemoryStore(), target(shard_size_bytes=1))
    assert [data for _, data in files] == ROWS


def test_packed_parts_are_joined_and_packed_shards_unpack_alone() -> None:
    packed = [gzip.compress(part, mtime=0) for part in PARTS]
    (whole,) = published(MemoryStore(), target("/out/r.jsonl.gz", compression="gzip"), packed)
    assert gzip.decompress(whole[1]) == b"".join(ROWS)
    shards = published(MemoryStore(), target("/out/r.jsonl.gz", 25, compression="gzip"))
    assert shards[0][0] == "/out/r-00-of-03.jsonl.gz"
    assert b"".join(gzip.decompress(data) for _, data in shards) == b"".join(ROWS)


def test_json_lines_become_one_parquet_file() -> None:
    ((_, data),) = published(MemoryStore(), target("/out/r.parquet", format="parquet"))
    assert pq.read_table(pa.BufferReader(data)).column("n").to_pylist() == list(range(9))


def test_parquet_shards_end_with_a_partition() -> None:
    files = published(MemoryStore(), target("/out/r.parquet", 1, format="parquet"))
    assert [pq.read_table(pa.BufferReader(data)).num_rows for _, data in files] == [4, 0, 5]


@pytest.mark.parametrize(("before", "after"), [(25, 9), (9, 25), (25, 0), (0, 25)])
def test_files_of_an_export_with_another_number_of_shards_go(before: int, after: int) -> None:
    store = MemoryStore()
    published(store, target(shard_size_bytes=before))
    store.write("/out/r-somebody-elses.jsonl", b"")
    files = published(store, target(shard_size_bytes=after))
    assert {f"/out/{name}" for name in store.list("/out")} == {path for path, _ in files} | {
        "/out/r-somebody-elses.jsonl"
    }


def test_an_export_of_another_job_is_replaced_and_its_other_shards_stay() -> None:
    store = MemoryStore()
    published(store, target(shard_size_bytes=25))
    present = json.loads(store.read(MANIFEST)) | {"job": "another"}
    store.write(MANIFEST, json.dumps(present).encode())
    published(store, target(shard_size_bytes=30))
    assert "r-02-of-03.jsonl" in store.list("/out")


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize(("before", "after"), [(0, 0), (25, 9), (9, 25), (25, 0)])
def test_a_crash_at_any_change_is_made_good_by_publishing_again(before: int, after: int, loss: Loss) -> None:
    expected = None
    for crash_at in itertools.count(1):
        disk = MemoryStore()
        published(disk, target(shard_size_bytes=before))
        manifest = with_parts(disk, [*PARTS, b'{"n":9}\n'])
        if expected is None:
            fresh = disk.after_power_loss(Loss.NOTHING)
            publish(fresh, MANIFEST, *manifest, target(shard_size_bytes=after), "jsonl")
            expected = {path: data for path, data in fresh.contents().items() if path.startswith("/out/")}
        try:
            publish(
                CrashingStore(disk, crash_at),
                MANIFEST,
                *manifest,
                target(shard_size_bytes=after),
                "jsonl",
            )
        except PowerLoss:
            again = disk.after_power_loss(loss)
            publish(again, MANIFEST, *manifest, target(shard_size_bytes=after), "jsonl")
            left = {path: data for path, data in again.contents().items() if path.startswith("/out/")}
            assert {path: data for path, data in left.items() if ".aside" not in path} == expected, crash_at
        else:
            break
    assert crash_at > 15
