"""A scan that workers share finds what one process finds, in whatever order its tasks end."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.formats.base import FragmentLimits
from data_juicer.formats.compression import compress
from data_juicer.formats.discover import discover
from data_juicer.plan.mapping import DatasetMapping
from data_juicer.plan.scan import shared
from data_juicer.plan.scan.scan import Share, scan
from data_juicer.plan.scan.shared import SharedScan, do_scan
from data_juicer.storage.posix import PosixStore

LIMITS = FragmentLimits(rows_max=7, size_bytes_max=400)
STORE = PosixStore()


def lines(start: int, stop: int) -> bytes:
    return b"".join(b'{"text":"%s"}\n' % (b"x" * (number % 40)) for number in range(start, stop))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that can be cut and files that cannot, small and large."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(lines(0, 200))
    (folder / "b.jsonl").write_bytes(b"")
    (folder / "c.jsonl").write_bytes(lines(200, 203))
    (folder / "d.jsonl.gz").write_bytes(compress(lines(203, 260), "gzip"))
    (folder / "e.jsonl").write_bytes(lines(260, 400) + b"\n\n" + b"y" * 900)
    texts = pa.table({"text": [f"row {number}" for number in range(40)]})
    pq.write_table(texts, folder / "f.parquet", row_group_size=5)
    pq.write_table(texts, folder / "g.parquet", row_group_size=20)
    (folder / "h.csv").write_bytes(b"text,n\n" + b"".join(b"some,%d\n" % number for number in range(30)))
    return folder


class Pool:
    """Executes tasks as workers might: several at once, which end in any order."""

    def __init__(self, seed: int, copies_dir: str) -> None:
        self.draw = random.Random(seed)
        self.copies_dir = copies_dir
        self.tasks = 0

    def __call__(self, work: SharedScan) -> None:
        running = []
        while True:
            while len(running) < 4 and (offer := work.next()) is not None:
                running.append(offer)
                self.tasks += 1
            if not running:
                return
            number, task = running.pop(self.draw.randrange(len(running)))
            found = list(do_scan(task, STORE, self.copies_dir))
            for part in found:
                work.hear(number, part)
            work.take(number, found)


def scan_all(folder: Path, copies_dir: str, share: Share | None, **how: object) -> DatasetMapping:
    sources = discover(STORE, [str(folder)])
    return scan(sources, LIMITS, None, STORE, copies_dir=copies_dir, share=share, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("range_bytes", "materialize"), [(20, "auto"), (700, "auto"), (100_000, "auto"), (700, "always")]
)
def test_fragments_and_ids_are_those_of_one_process(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, range_bytes: int, materialize: str
) -> None:
    monkeypatch.setattr(shared, "LARGE_BYTES", 0)
    monkeypatch.setattr(shared, "RANGE_BYTES", range_bytes)
    copies_dir = str(tmp_path / "partitions")
    expected = scan_all(folder, copies_dir, None, materialize=materialize)
    for seed in range(2):
        pool = Pool(seed, copies_dir)

        watched: list[int] = []
        found = scan_all(
            folder,
            copies_dir,
            pool,
            materialize=materialize,
            watch=lambda fragment, watched=watched: watched.append(fragment.rows),
        )
        assert found == expected
        assert sum(watched) == expected.rows
        assert pool.tasks >= (50 if range_bytes == 20 else 1)


def test_a_small_scan_is_not_shared(folder: Path, tmp_path: Path) -> None:
    def share(work: SharedScan) -> None:
        raise AssertionError("it would cost more than it brings")

    assert scan_all(folder, str(tmp_path / "partitions"), share).rows


def test_a_source_that_is_known_is_not_read_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "LARGE_BYTES", 0)
    copies_dir = str(tmp_path / "partitions")
    before = scan_all(folder, copies_dir, Pool(0, copies_dir))
    (folder / "i.jsonl").write_bytes(lines(0, 5))
    sources, pool = discover(STORE, [str(folder)]), Pool(1, copies_dir)
    after = scan(sources, LIMITS, before, STORE, copies_dir=copies_dir, share=pool)
    assert pool.tasks == 1
    assert after.partitions[: len(before.partitions)] == before.partitions


def test_a_copy_that_a_killed_run_left_torn_is_written_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "LARGE_BYTES", 0)
    copies_dir = tmp_path / "partitions"
    expected = scan_all(folder, str(copies_dir), None)
    copies = {path: path.read_bytes() for path in copies_dir.iterdir()}
    for path, data in copies.items():
        path.write_bytes(b"\0" * len(data))
    assert scan_all(folder, str(copies_dir), Pool(0, str(copies_dir))) == expected
    assert {path: path.read_bytes() for path in copies_dir.iterdir()} == copies
