from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.formats.base import FragmentLimits
from data_juicer.formats.compression import compress
from data_juicer.formats.discover import discover
from data_juicer.formats.partition import read_partition
from data_juicer.formats.places import resolve
from data_juicer.plan.mapping import DatasetMapping, Materialize
from data_juicer.plan.scan.scan import scan
from data_juicer.rows.field_columns import SUFFIX_FIELD
from data_juicer.rows.json_values import MISSING
from data_juicer.storage.posix import PosixStore

LIMITS = FragmentLimits(rows_max=10, size_bytes_max=1 << 20)


def lines(*numbers: int) -> bytes:
    return b"".join(b'{"text":"%d"}\n' % number for number in numbers)


class CountingStore(PosixStore):
    """Counts what is written, and remembers what was synced."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.synced: set[str] = set()

    def write(self, path: str, data: bytes | bytearray | memoryview) -> None:
        self.written.append(path)
        super().write(path, data)

    def sync(self, path: str) -> None:
        self.synced.add(path)
        super().sync(path)

    def replace(self, source: str, target: str) -> None:
        assert source in self.synced, "a name may be given only to bytes that are durable"
        super().replace(source, target)

    def sync_dir(self, path: str) -> None:
        self.synced.add(path)
        super().sync_dir(path)


class Dataset:
    """A folder of input files that is scanned again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "input"
        self.folder.mkdir()
        self.copies = folder / "job" / "partitions"
        self.store = CountingStore()

    def write(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def scan(
        self,
        previous: DatasetMapping | None = None,
        *,
        limits: FragmentLimits = LIMITS,
        verify: bool = False,
        materialize: Materialize = "auto",
        with_suffix: bool = False,
    ) -> DatasetMapping:
        sources = discover(PosixStore(), [str(self.folder)])
        copies_dir = str(self.copies)
        return scan(
            sources,
            limits,
            previous,
            self.store,
            copies_dir=copies_dir,
            materialize=materialize,
            with_suffix=with_suffix,
            verify=verify,
        )


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path)


def texts(mapping: DatasetMapping) -> list[str]:
    read_rows = [read_partition(PosixStore(), spec, ("text",), 1 << 20) for spec in mapping.partitions]
    return [text for rows in read_rows for text in rows.batch.text("text").to_pylist()]


def ids(mapping: DatasetMapping) -> list[int]:
    return [spec.partition_id for spec in mapping.partitions]


def test_partitions_are_the_rows_of_all_sources_in_order(dataset: Dataset) -> None:
    dataset.write("a.jsonl", lines(*range(25)))
    dataset.write("b.jsonl", b"")
    dataset.write("c.jsonl.gz", compress(lines(*range(25, 40)), "gzip"))
    pq.write_table(pa.table({"text": ["40", "41"]}), dataset.folder / "d.parquet")
    mapping = dataset.scan()
    assert texts(mapping) == [str(number) for number in range(42)]
    assert [spec.rows for spec in mapping.partitions] == [10, 10, 5, 10, 5, 2]
    assert [os.path.basename(source.path) for source in mapping.empty_sources()] == ["b.jsonl"]


def test_copies_are_named_after_their_content_and_are_durable(dataset: Dataset) -> None:
    dataset.write("a.jsonl.zst", compress(lines(*range(15)), "zstd"))
    mapping = dataset.scan()
    names = [f"rows_{spec.digest}.jsonl" for spec in mapping.partitions]
    assert sorted(os.listdir(dataset.copies)) == sorted(names)
    assert {*dataset.store.written, str(dataset.copies)} <= dataset.store.synced
    place = read_partition(PosixStore(), mapping.partitions[1], ("text",), 100).batch.source.place(0)
    found = resolve(place, mapping.partitions[1].fragment)
    assert (found.line, found.byte_offset) == (11, len(lines(*range(10))))


def test_what_is_known_is_not_read_again(dataset: Dataset) -> None:
    dataset.write("a.jsonl", lines(*range(15)))
    dataset.write("b.jsonl.gz", compress(lines(*range(15)), "gzip"))
    first = dataset.scan()
    dataset.store.written.clear()
    status = os.stat(dataset.folder / "a.jsonl")
    dataset.write("a.jsonl", b"x" * status.st_size)  # of the same size and time: it is trusted
    os.utime(dataset.folder / "a.jsonl", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert dataset.scan(first) == first
    assert dataset.store.written == []


def test_verify_reads_everything_again(dataset: Dataset) -> None:
    dataset.write("a.jsonl", lines(*range(15)))
    first = dataset.scan()
    path = dataset.folder / "a.jsonl"
    status = os.stat(path)
    dataset.write("a.jsonl", lines(*range(10)) + lines(*range(20, 25)))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    again = dataset.scan(first, verify=True)
    assert [
        spec.digest == old.digest for spec, old in zip(again.partitions, first.partitions, strict=True)
    ] == [True, False]


def test_a_touched_file_keeps_all_ids_and_digests(dataset: Dataset) -> None:
    dataset.write("a.jsonl", lines(*range(25)))
    first = dataset.scan()
    os.utime(dataset.folder / "a.jsonl", ns=(1, 1))
    assert dataset.scan(first).partitions == first.partitions


def test_a_new_file_in_front_leaves_ids_to_those_that_had_them(dataset: Dataset) -> None:
    dataset.write("b.jsonl", lines(*range(25)))
    first = dataset.scan()
    dataset.write("a.jsonl", lines(99))
    second = dataset.scan(first)
    assert (ids(first), ids(second)) == ([0, 1, 2], [3, 0, 1, 2])
    assert texts(second) == ["99", *map(str, range(25))]
    assert [spec.fragment.source for spec in second.partitions] == [0, 1, 1, 1]


@pytest.mark.parametrize("damage", ["missing", "cut off"])
def test_a_lost_copy_is_made_again(dataset: Dataset, damage: str) -> None:
    dataset.write("a.jsonl.gz", compress(lines(*range(15)), "gzip"))
    first = dataset.scan()
    copy = Path(first.partitions[1].path)
    copy.unlink() if damage == "missing" else copy.write_bytes(b"{")
    second = dataset.scan(first)
    assert second == first
    assert texts(second) == [str(number) for number in range(15)]


def test_other_limits_cut_anew(dataset: Dataset) -> None:
    dataset.write("a.jsonl", lines(*range(15)))
    first = dataset.scan()
    second = dataset.scan(first, limits=FragmentLimits(rows_max=5, size_bytes_max=1 << 20))
    assert [spec.rows for spec in second.partitions] == [5, 5, 5]


def test_everything_is_copied_when_asked(dataset: Dataset) -> None:
    dataset.write("a.jsonl", lines(*range(15)))
    pq.write_table(pa.table({"text": ["x"] * 25}), dataset.folder / "b.parquet")
    mapping = dataset.scan(materialize="always")
    assert all(spec.is_copy for spec in mapping.partitions)
    dataset.write("a.jsonl", b"gone")
    assert texts(mapping) == [*map(str, range(15)), *["x"] * 25]


def test_parquet_with_row_groups_that_are_too_large_is_copied(dataset: Dataset) -> None:
    pq.write_table(pa.table({"text": [str(number) for number in range(25)]}), dataset.folder / "b.parquet")
    mapping = dataset.scan()
    assert [(spec.is_copy, spec.rows) for spec in mapping.partitions] == [(True, 10), (True, 10), (True, 5)]
    assert texts(mapping) == [str(number) for number in range(25)]
    assert dataset.scan(mapping) == mapping


def suffixes(mapping: DatasetMapping) -> list[object]:
    batches = [read_partition(PosixStore(), spec, ("text",), 1 << 20).batch for spec in mapping.partitions]
    return [value for batch in batches for value in batch.column(SUFFIX_FIELD)]


def test_rows_know_the_suffix_of_their_file_where_it_is_wanted(dataset: Dataset) -> None:
    dataset.write("a.jsonl", lines(1) + b'{"text":"2","__dj__suffix__":".own"}\n')
    dataset.write("b.x.jsonl.gz", compress(lines(3), "gzip"))
    pq.write_table(pa.table({"text": ["4"]}), dataset.folder / "d.PARQUET")
    plain = dataset.scan()
    assert suffixes(plain) == [MISSING, ".own", MISSING, MISSING]
    named = dataset.scan(plain, with_suffix=True)
    assert suffixes(named) == [".jsonl", ".own", ".jsonl.gz", ".parquet"]
    assert texts(named) == texts(plain)
    assert dataset.scan(named, with_suffix=True) is named
    assert dataset.scan(named) == plain


def test_rows_of_another_suffix_are_other_rows(dataset: Dataset) -> None:
    dataset.write("a.jsonl", lines(*range(5)))
    before = {wanted: dataset.scan(with_suffix=wanted).partitions[0].digest for wanted in (False, True)}
    (dataset.folder / "a.jsonl").rename(dataset.folder / "a.json")
    after = {wanted: dataset.scan(with_suffix=wanted).partitions[0].digest for wanted in (False, True)}
    assert before[False] == after[False]
    assert before[True] != after[True]
