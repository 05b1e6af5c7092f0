"""What every format of files must do, as tests: a format passes by subclassing these in a test module.

class TestParquet(InputFormatContract):
    name = "parquet"
    def encode(self, rows): ...          # a file of these rows, as another tool writes it
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import pytest
import xxhash

from data_juicer.errors import InputError
from data_juicer.formats.base import ExportOptions, Fragment, FragmentLimits, SourceFile
from data_juicer.formats.compression import compress
from data_juicer.formats.discover import discover
from data_juicer.formats.jsonl.write import encode_rows
from data_juicer.formats.partition import check_source, encode_result, read_partition
from data_juicer.formats.places import resolve
from data_juicer.formats.registry import FORMATS, LINES, result_format
from data_juicer.storage.memory import MemoryStore
from data_juicer.store.export.parts import Parts, PublishedPart
from data_juicer.store.export.results_manifest import ResultsManifest
from data_juicer.store.results import ExportTarget, publish

Row = Mapping[str, Any]

LIMITS = FragmentLimits(rows_max=3, size_bytes_max=1 << 20, row_bytes_max=1 << 20)
ROWS: list[Row] = [
    {"text": text, "n": number, "tags": ["a", str(number)], "meta": {"k": number % 3 == 0}}
    for number, text in enumerate(["one", "two", "", "Grüße", "日本語", 'quo"te', "line\nfeed", "eight", "nine", "ten"])
]  # fmt: skip


class Part(NamedTuple):
    """A fragment and the file that it is read from; a `formats.partition.Readable`."""

    path: str
    format: str
    fragment: Fragment
    is_copy: bool
    more: tuple[Part, ...] = ()


class Bad(NamedTuple):
    """A file of `ROWS` in which one row cannot be read."""

    data: bytes
    row: int
    place: str
    """As people see it, such as `line 4`."""
    error_type: str


class InputFormatContract:
    """A subclass names the format and writes files of it."""

    name: ClassVar[str]
    sample: ClassVar[Sequence[Row]] = ROWS
    """The rows of a file; of a format whose files are one row, that one."""
    no_such_files: ClassVar[Sequence[bytes]] = (
        b"\0" * 5000,
        b"\xff\xfe\x00",
        b"once upon a time\n",
        b"%PDF-1.7",
    )
    """Files that are refused; none where every file is one row."""
    chunk_constants: ClassVar[Sequence[str]] = ()
    """Where the sizes of chunks are that files are read in, such as `package.module.CHUNK_BYTES`."""

    def encode(self, rows: Sequence[Row]) -> bytes:
        """A file of these rows, as another tool writes it, in as many blocks as it has."""
        raise NotImplementedError

    def bad(self) -> Bad:
        raise NotImplementedError

    def meant(self, rows: Sequence[Row]) -> list[Row]:
        """The rows as the format can say them."""
        return list(rows)

    def fields(self) -> list[str]:
        """The first fields of a row, as messages name them."""
        return list(self.meant(self.sample)[0])[:2]

    # ---- what they use

    @pytest.fixture
    def store(self) -> MemoryStore:
        store = MemoryStore()
        store.make_dirs("/in")
        return store

    def source(self, store: MemoryStore, data: bytes, suffix: str | None = None) -> SourceFile:
        suffix = suffix or next(iter(FORMATS[self.name].suffixes))
        packed = compress(data, FORMATS[self.name].suffixes[suffix])
        store.write(f"/in/rows{suffix}", packed)
        (source,) = discover(store, [f"/in/rows{suffix}"])
        assert source.format == self.name
        return source

    def parts(
        self, store: MemoryStore, source: SourceFile, limits: FragmentLimits = LIMITS, *, copied: bool = False
    ) -> list[Part]:
        reader = FORMATS[self.name].reader
        packed = source.compression != "none"
        fragments = None if copied or packed or reader.scan is None else reader.scan(store, source, limits)
        if fragments is not None:
            return [Part(source.path, source.format, fragment, is_copy=False) for fragment in fragments]
        return list(self._copies(store, source, limits))

    def _copies(self, store: MemoryStore, source: SourceFile, limits: FragmentLimits) -> Iterator[Part]:
        reader = FORMATS[self.name].reader
        for number, (fragment, data) in enumerate(reader.unpack(store, source, limits)):
            assert len(data) == fragment.copy_bytes
            path = f"/in/copy{number}"
            store.write(path, data)
            yield Part(path, reader.copies or source.format, fragment, is_copy=True)

    def rows(self, store: MemoryStore, parts: Sequence[Part]) -> list[Row]:
        """Every good row of every part, as its JSON says."""
        lines = []
        for part in parts:
            read = read_partition(store, part, ("text",), LIMITS.row_bytes_max)
            assert read.rows_in == part.fragment.rows == len(read.batch) + len(read.bad)
            lines += encode_rows(read.batch).split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    # ---- what must hold

    def test_every_row_is_read_once_and_in_order(self, store: MemoryStore) -> None:
        for suffix in FORMATS[self.name].suffixes:
            parts = self.parts(store, self.source(store, self.encode(self.sample), suffix))
            assert self.rows(store, parts) == self.meant(self.sample)
            assert [part.fragment.row_start for part in parts[1:]] == [
                part.fragment.row_stop for part in parts[:-1]
            ]
            assert all(1 <= part.fragment.rows <= LIMITS.rows_max for part in parts)

    def test_copies_hold_the_rows_that_the_file_holds(self, store: MemoryStore) -> None:
        assert self.rows(
            store, self.parts(store, self.source(store, self.encode(self.sample)), copied=True)
        ) == self.meant(self.sample)

    def test_fragments_do_not_depend_on_chunk_size(
        self, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for suffix in FORMATS[self.name].suffixes:
            source = self.source(store, self.encode(self.sample), suffix)
            whole = [part.fragment for part in self.parts(store, source)]
            for size in (1, 7, 64):
                with monkeypatch.context() as patch:
                    for constant in self.chunk_constants:
                        module, _, attribute = constant.rpartition(".")
                        patch.setattr(importlib.import_module(module), attribute, size)
                    assert [part.fragment for part in self.parts(store, source)] == whole

    def test_equal_files_have_equal_fragments_and_others_have_others(self, store: MemoryStore) -> None:
        def digests(rows: Sequence[Row]) -> list[str]:
            return [part.fragment.digest for part in self.parts(store, self.source(store, self.encode(rows)))]

        assert digests(self.sample) == digests(self.sample)
        changed = [*self.sample[:-1], {**self.sample[-1], "text": "TEN"}]
        assert digests(changed) != digests(self.sample)

    def test_row_ids_do_not_depend_on_fragments(self, store: MemoryStore) -> None:
        source = self.source(store, self.encode(self.sample))

        def ids(rows_max: int) -> list[int]:
            limits = FragmentLimits(rows_max=rows_max, size_bytes_max=1 << 20)
            found = []
            for part in self.parts(store, source, limits):
                found += read_partition(store, part, ("text",), 1 << 20).batch.row_ids().tolist()
            return found

        assert ids(2) == ids(100) == list(range(len(self.sample)))

    def test_a_bad_row_is_named_with_its_place_and_the_others_are_read(self, store: MemoryStore) -> None:
        bad = self.bad()
        for suffix in FORMATS[self.name].suffixes:
            parts = self.parts(store, self.source(store, bad.data, suffix))
            assert self.rows(store, parts) == [
                row for number, row in enumerate(self.meant(self.sample)) if number != bad.row
            ]
            named = [
                (
                    str(resolve(found.place, part.fragment)),
                    resolve(found.place, part.fragment).row,
                    found.error_type,
                )
                for part in parts
                for found in read_partition(store, part, ("text",), LIMITS.row_bytes_max).bad
            ]
            assert named == [(bad.place, bad.row, bad.error_type)]

    def test_every_row_knows_its_number_in_the_source(self, store: MemoryStore) -> None:
        found = []
        for part in self.parts(store, self.source(store, self.encode(self.sample))):
            batch = read_partition(store, part, ("text",), LIMITS.row_bytes_max).batch
            found += [resolve(batch.source.place(row), part.fragment).row for row in range(len(batch))]
        assert found == list(range(len(self.sample)))

    def test_a_row_that_is_too_long_costs_itself(self, store: MemoryStore) -> None:
        limits = FragmentLimits(rows_max=3, size_bytes_max=20_000, row_bytes_max=10_000)
        long = len(self.sample) // 2
        rows = [
            {**row, "text": "x" * 200_000} if number == long else row
            for number, row in enumerate(self.sample)
        ]
        for suffix in FORMATS[self.name].suffixes:
            good, bad = [], []
            for part in self.parts(store, self.source(store, self.encode(rows), suffix), limits):
                read = read_partition(store, part, ("text",), limits.row_bytes_max)
                good += read.batch.text("text").to_pylist()
                bad += [(found.error_type, len(found.raw) <= 1000) for found in read.bad]
            assert good == [row["text"] for number, row in enumerate(self.sample) if number != long]
            assert bad == [("too_long", True)]

    def test_a_file_that_changed_since_the_scan_is_found(self, store: MemoryStore) -> None:
        source = self.source(store, self.encode(self.sample))
        parts = self.parts(store, source)
        path = parts[-1].path
        data = store.read(path)
        fragment = parts[-1].fragment
        is_copy = parts[-1].is_copy
        middle = len(data) // 2 if is_copy else (fragment.byte_start + fragment.byte_stop) // 2
        store.write(path, data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        with pytest.raises(InputError, match="not those of the scan"):
            read_partition(store, parts[-1], ("text",), LIMITS.row_bytes_max)

    def test_a_file_without_rows_has_no_fragments(self, store: MemoryStore) -> None:
        source = self.source(store, self.encode([]))
        assert self.parts(store, source) == []
        check_source(store, source, ["text"])

    def test_what_is_no_such_file_is_refused_in_one_line(self, store: MemoryStore) -> None:
        for data in self.no_such_files:
            source = self.source(store, data)
            with pytest.raises(InputError) as refusal:
                check_source(store, source, ["text"])
            assert source.path.rpartition("/")[2] in str(refusal.value)
            assert "\n" not in str(refusal.value)

    def test_a_text_key_that_is_not_there_is_refused_with_those_that_are(self, store: MemoryStore) -> None:
        source = self.source(store, self.encode(self.sample))
        check_source(store, source, ["text"])
        with pytest.raises(InputError, match=r"'content'.*found: " + ", ".join(self.fields())):
            check_source(store, source, ["content"])


class OutputFormatContract:
    """A subclass names an `export_type` and reads files of it with another tool."""

    export_type: ClassVar[str]
    options: ClassVar[ExportOptions] = ExportOptions()

    def decode(self, data: bytes) -> list[Row]:
        raise NotImplementedError

    def meant(self, rows: Sequence[Row]) -> list[Row]:
        """The rows as the format can say them."""
        return list(rows)

    def read(self, store: MemoryStore, paths: Sequence[str]) -> list[bytes]:
        """The files of an export, those that belong together as one."""
        return [store.read(path) for path in paths]

    def parts(
        self, store: MemoryStore, rows_max: int, compression: Any, rows: Sequence[Row] = ROWS
    ) -> list[bytes]:
        """Results of partitions of so many rows."""
        store.make_dirs("/in")
        store.write(
            "/in/rows.jsonl", b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
        )
        (source,) = discover(store, ["/in/rows.jsonl"])
        limits = FragmentLimits(rows_max=rows_max, size_bytes_max=1 << 20)
        fragments = FORMATS[LINES].reader.scan(store, source, limits) if FORMATS[LINES].reader.scan else ()
        read = [
            read_partition(
                store, Part(source.path, source.format, fragment, is_copy=False), ("text",), 1 << 20
            )
            for fragment in fragments or ()
        ]
        return [
            encode_result(each.batch, self.part_format, compression, keep_stats=False, options=self.options)
            for each in read
        ]

    @property
    def part_format(self) -> str:
        return result_format(self.format, [LINES])

    @property
    def format(self) -> str:
        return next(name for name, each in FORMATS.items() if self.export_type in each.exports)

    def export(self, rows_max: int = 3, shard_bytes: int = 0, rows: Sequence[Row] = ROWS) -> list[bytes]:
        """The files of an export."""
        store = MemoryStore()
        exports_as = FORMATS[self.format].exports_as
        target = ExportTarget(
            path=f"/out/{exports_as}" if "." in exports_as[1:] else f"/out/result.{self.export_type}",
            is_numbered="." in exports_as[1:],
            format=self.format,
            compression=FORMATS[self.format].exports[self.export_type],
            shard_size_bytes=shard_bytes,
            options=self.options,
        )
        packed: Any = target.compression if target.parts_are_packed else "none"
        parts = self.parts(store, rows_max, packed, rows)
        store.make_dirs("/job/results")
        names = [f"{number}.part" for number in range(len(parts))]
        for name, data in zip(names, parts, strict=True):
            store.write(f"/job/results/{name}", data)
        files = [
            PublishedPart(
                partition=number,
                file=name,
                rows=1,
                size_bytes=len(data),
                digest=xxhash.xxh3_128_hexdigest(data),
            )
            for number, (name, data) in enumerate(zip(names, parts, strict=True))
        ]
        manifest = ResultsManifest(job="job", rows=len(rows))
        done = publish(store, "/job/results/results.json", manifest, Parts(files), target, self.part_format)
        return self.read(store, sorted(file.path for file in done.exports))

    def test_rows_come_out_as_they_went_in(self) -> None:
        (data,) = self.export()
        assert self.decode(data) == self.meant(ROWS)

    def test_an_export_does_not_depend_on_how_rows_were_divided(self) -> None:
        decoded = [self.decode(self.export(rows_max)[0]) for rows_max in (1, 4, 100)]
        assert decoded == [self.meant(ROWS)] * 3

    def test_equal_rows_give_equal_bytes(self) -> None:
        assert self.export() == self.export()

    def test_shards_hold_the_rows_one_after_the_other(self) -> None:
        shards = self.export(rows_max=2, shard_bytes=200)
        assert len(shards) > 1
        assert [row for data in shards for row in self.decode(data)] == self.meant(ROWS)

    def test_an_export_without_rows_can_be_read(self) -> None:
        (data,) = self.export(rows=[])
        assert self.decode(data) == []
