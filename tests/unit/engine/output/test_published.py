"""What a completed job published, looked at again."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.engine.output import published
from data_juicer.engine.output.published import find_changes
from data_juicer.job.layout import JobLayout
from data_juicer.storage.posix import PosixStore
from data_juicer.store.export.parts import Parts, PublishedPart
from data_juicer.store.export.results_manifest import ResultsManifest, digest_of
from data_juicer.store.results import ExportTarget, publish

PARTS = (b'{"n":1}\n', b"", b'{"n":2}\n{"n":3}\n')


class CountingStore(PosixStore):
    """Knows which files were read."""

    def __init__(self) -> None:
        self.read_paths: list[str] = []

    def map(self, path: str):
        self.read_paths.append(path)
        return super().map(path)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def layout(tmp_path: Path) -> JobLayout:
    return JobLayout.of(str(tmp_path), "j")


@pytest.fixture(params=[("jsonl", 0), ("jsonl", 10), ("parquet", 0)], ids=str)
def results(
    request: pytest.FixtureRequest, store: CountingStore, layout: JobLayout, tmp_path: Path
) -> ResultsManifest:
    for number, data in enumerate(PARTS):
        results_dir = Path(layout.results_dir)
        results_dir.mkdir(parents=True, exist_ok=True)
        (results_dir / f"{number}.part").write_bytes(data)
    parts = Parts(
        PublishedPart(
            partition=number, file=f"{number}.part", rows=1, size_bytes=len(data), digest=digest_of(data)
        )
        for number, data in enumerate(PARTS)
    )
    kind, shard_size_bytes = request.param
    target = ExportTarget(
        path=str(tmp_path / "out"), format=kind, compression="none", shard_size_bytes=shard_size_bytes
    )
    manifest = ResultsManifest(job="j", rows=3)
    done = publish(store, layout.results_manifest, manifest, parts, target, "jsonl")
    store.read_paths.clear()
    return done


def flip(path: str) -> None:
    file = Path(path)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_what_nobody_touched_is_unchanged(
    store: CountingStore, layout: JobLayout, results: ResultsManifest
) -> None:
    assert list(find_changes(store, results, layout)) == []


def test_a_flipped_bit_is_found(store: CountingStore, layout: JobLayout, results: ResultsManifest) -> None:
    changed = results.exports[-1].path
    flip(changed)
    assert list(find_changes(store, results, layout)) == [
        f"{changed} was changed since it was written; the result is published again."
    ]


def test_a_large_export_is_read_only_where_it_was_written_to_since(
    store: CountingStore, layout: JobLayout, results: ResultsManifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "READ_BYTES_MAX", 0)
    assert list(find_changes(store, results, layout)) == []
    assert store.read_paths == []
    flip(results.exports[0].path)
    assert len(list(find_changes(store, results, layout))) == 1
    assert store.read_paths == [results.exports[0].path]


def test_a_missing_and_a_shorter_file_are_reported(
    store: CountingStore, layout: JobLayout, results: ResultsManifest
) -> None:
    path = Path(results.exports[0].path)
    path.write_bytes(path.read_bytes()[:-1])
    assert "were written; the result is published again." in next(find_changes(store, results, layout))
    path.unlink()
    assert next(find_changes(store, results, layout)) == f"{path} is missing; the result is published again."
