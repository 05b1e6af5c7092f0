"""Jobs whose files are on a server that speaks S3: the bytes are those of a local disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data_juicer.config.config import load_recipe
from data_juicer.core.executor.factory import make_executor
from data_juicer.storage import open_store

DEDUPLICATED: list[Any] = [
    "clean_links_mapper",
    {"document_deduplicator": {"lowercase": True}},
    "whitespace_normalization_mapper",
    {"text_length_filter": {"min_len": 8}},
]


def rows(count: int) -> bytes:
    texts = (f"row {n % (count - 7)} see http://a.example/{n}  for\tmore" for n in range(count))
    return b"".join(json.dumps({"text": text, "n": n}).encode() + b"\n" for n, text in enumerate(texts))


def put_input(bucket: str) -> str:
    store, folder = open_store(bucket), f"{bucket}/in"
    store.put(f"{folder}/a.jsonl", rows(300))
    store.put(f"{folder}/deep/b.jsonl", rows(40))
    return folder


def local_result(tmp_path: Path, process: list[Any] = DEDUPLICATED, **settings: Any) -> dict[str, bytes]:
    """The export of the same job with everything on this machine's disk."""
    for name, count in (("a.jsonl", 300), ("deep/b.jsonl", 40)):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rows(count))
    run(
        {"dataset_path": str(tmp_path / "in"), "export_path": str(tmp_path / "local/r.jsonl")},
        process,
        **settings,
    )
    return {path.name: path.read_bytes() for path in (tmp_path / "local").iterdir() if path.is_file()}


def run(places: dict[str, str], process: list[Any] = DEDUPLICATED, **settings: Any) -> Any:
    config = load_recipe(
        {
            **places,
            "job_id": "job",
            "process": process,
            "partition.size": 100,
            "executor_type": "inline",
            **settings,
        },
        {},
        {},
    )
    return make_executor(config).run(config)


def exported(location: str) -> dict[str, bytes]:
    store = open_store(location)
    return {e.name: store.read(e.path) for e in store.entries(location) if e.kind == "file"}


@pytest.mark.parametrize(
    "settings",
    [{}, {"export_shard_size": 4000}, {"export_type": "parquet"}],
    ids=["one file", "shards", "parquet"],
)
def test_input_and_export_may_be_on_s3(bucket: str, tmp_path: Path, settings: dict[str, Any]) -> None:
    places = {
        "dataset_path": put_input(bucket),
        "export_path": f"{bucket}/out/r.jsonl",
        "work_dir": str(tmp_path / "work"),
    }
    run(places, **settings)
    assert exported(f"{bucket}/out") == local_result(tmp_path, **settings)
    assert run(places, **settings).already_complete


def test_a_changed_object_is_found_and_its_rows_are_processed_again(bucket: str, tmp_path: Path) -> None:
    places = {
        "dataset_path": put_input(bucket),
        "export_path": f"{bucket}/out/r.jsonl",
        "work_dir": str(tmp_path / "work"),
    }
    run(places)
    store, changed = open_store(bucket), rows(40).replace(b"row 3 ", b"row X ")
    store.put(f"{bucket}/in/deep/b.jsonl", changed)  # as large as before, and often within the same second
    assert not run(places).already_complete
    assert b"row X " in store.read(f"{bucket}/out/r.jsonl")
