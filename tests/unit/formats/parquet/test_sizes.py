"""A Parquet file that holds much more than it says is found out before it is decoded."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.errors import InputError
from data_juicer.formats.base import FragmentLimits, SourceFile
from data_juicer.formats.parquet.file import open_file
from data_juicer.formats.parquet.pages import PageError, page_sizes
from data_juicer.formats.parquet.read import read_fragment
from data_juicer.formats.parquet.scan import scan_row_groups, unpack_slices
from data_juicer.formats.parquet.sizes import rows_within
from data_juicer.storage.posix import PosixStore

STORE = PosixStore()
KB, MB = 1 << 10, 1 << 20
LIMITS = FragmentLimits(rows_max=1000, size_bytes_max=4 * MB, row_bytes_max=MB)


def source_of(path: Path) -> SourceFile:
    size = path.stat().st_size
    return SourceFile(
        index=0, path=str(path), format="parquet", compression="none", size_bytes=size, mtime_ns=1
    )


def written(path: Path, table: pa.Table, **options: Any) -> SourceFile:
    pq.write_table(table, path, **options)
    return source_of(path)


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip", "lz4", "brotli"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_pages_say_what_the_footer_says(compression: str, version: str) -> None:
    numbers = list(range(9000))
    table = pa.table(
        {
            "text": [f"text {number} " * 20 for number in numbers],
            "n": numbers,
            "list": [[number, None] for number in numbers],
            "struct": [{"a": number, "b": None} for number in numbers],
        }
    )
    sink = io.BytesIO()
    pq.write_table(
        table,
        sink,
        compression=compression,
        data_page_version=version,
        write_page_checksum=version == "2.0",
        row_group_size=4000,
    )
    data = memoryview(sink.getvalue())
    metadata = pq.ParquetFile(sink).metadata
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            start = column.dictionary_page_offset or column.data_page_offset
            pages = page_sizes(data[start : start + column.total_compressed_size])
            assert sum(page.header + page.unpacked for page in pages) == column.total_uncompressed_size


@pytest.mark.parametrize("seed", range(50))
def test_noise_is_no_page(seed: int) -> None:
    noise = bytes((seed * 31 + 97 * at * at + at) % 256 for at in range(400))
    with contextlib.suppress(PageError):
        assert all(page.packed >= 0 and page.unpacked >= 0 for page in page_sizes(memoryview(noise)))


def varint(value: int, length: int = 0) -> bytes:
    """A signed number of the compact protocol, padded to so many bytes."""
    value, found = value << 1, []
    while value or len(found) < max(1, length):
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found[:-1], found[-1] & 127])


def test_a_footer_that_says_less_than_its_pages_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pq.write_table(
        pa.table({"text": ["a" * (512 * KB)] * 16}), path, use_dictionary=False, compression="zstd"
    )
    claimed = pq.ParquetFile(path).metadata.row_group(0).column(0).total_uncompressed_size
    data = path.read_bytes()
    said = varint(claimed)
    footer = data.rindex(said, 0, len(data))
    assert data.count(said) >= 1
    lie = varint(1000, len(said))
    path.write_bytes(data[:footer].replace(said, lie) + lie + data[footer + len(said) :])
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).total_uncompressed_size == 1000
    with pytest.raises(InputError, match=r"column 'text' unpacks to 8,\d+,\d+ bytes, its footer says 1,000"):
        scan_row_groups(STORE, source_of(path), LIMITS)


def test_a_value_that_many_rows_have_counts_for_each_of_them(tmp_path: Path) -> None:
    table = pa.table({"text": ["x" * (100 * KB)] * 400, "kind": ["a", "b"] * 200})
    source = written(tmp_path / "in.parquet", table, compression="zstd", row_group_size=400)
    with open_file(STORE, source.path) as file:
        (rows,) = rows_within(file, 4 * MB)
        assert 35 <= rows <= 41
        assert rows_within(file, 100 * MB)[0] >= 400
    assert scan_row_groups(STORE, source, LIMITS) is None, "40 MB are no fragment of 4 MB"
    copies = list(unpack_slices(STORE, source, LIMITS))
    assert sum(fragment.rows for fragment, _ in copies) == 400
    assert max(fragment.rows for fragment, _ in copies) <= 41


def test_usual_texts_are_read_where_they_are(tmp_path: Path) -> None:
    texts = [f"{number} {'words ' * (number % 200)}" for number in range(1000)]
    source = written(tmp_path / "in.parquet", pa.table({"text": texts}))
    fragments = scan_row_groups(STORE, source, LIMITS)
    assert fragments is not None
    assert [fragment.rows for fragment in fragments] == [1000]


def test_rows_that_take_a_thousand_times_the_file_are_refused(tmp_path: Path) -> None:
    value = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["x" * MB]))
    source = written(
        tmp_path / "in.parquet",
        pa.table({"text": value}),
        store_schema=False,
        compression="zstd",
        dictionary_pagesize_limit=1 << 30,
    )
    assert os.path.getsize(source.path) < KB
    assert scan_row_groups(STORE, source, LIMITS) is None
    fragments: list[int] = []
    with pytest.raises(InputError, match="as no text does"):
        fragments.extend(fragment.rows for fragment, _ in unpack_slices(STORE, source, LIMITS))
    assert sum(fragments) < 300


@pytest.mark.parametrize("value", ["é" * MB, b"\xff" * (2 * MB)], ids=["text", "no UTF-8"])
def test_a_row_that_is_too_long_is_kept_by_its_beginning_and_costs_no_neighbour(
    tmp_path: Path, value: str | bytes
) -> None:
    raw = value.encode() if isinstance(value, str) else value
    texts = pa.array([b"first", raw, b"last"] * 2, pa.binary())
    table = pa.table({"text": pa.Array.from_buffers(pa.string(), 6, texts.buffers()), "n": range(6)})
    source = written(tmp_path / "in.parquet", table)
    found: list[tuple[int, str]] = []
    for fragment, data in unpack_slices(STORE, source, LIMITS):
        path = tmp_path / "copy"
        path.write_bytes(data)
        assert len(data) < 20 * KB
        read = read_fragment(STORE, str(path), fragment, ("text",), row_bytes_max=MB, offset=0)
        found += [(fragment.row_start, text) for text in read.batch.text("text").to_pylist()]
        for bad in read.bad:
            assert (bad.error_type, bad.is_whole) == ("too_long", False)
            assert bad.message.startswith("the row has 2,097,1")
            assert len(bad.raw) <= 1000
            found.append((fragment.row_start, "too long"))
    assert found == [(0, "first"), (1, "too long"), (2, "last"), (2, "first"), (4, "too long"), (5, "last")]


def test_a_source_that_looks_like_a_copy_of_a_long_row_is_read_as_it_is(tmp_path: Path) -> None:
    schema = pa.schema([("text", pa.string())], {b"data_juicer.long_row_bytes": b"99999999"})
    source = written(tmp_path / "in.parquet", pa.table({"text": ["a", "b"]}, schema=schema))
    (fragment,) = scan_row_groups(STORE, source, LIMITS) or []
    there = read_fragment(STORE, source.path, fragment, ("text",), row_bytes_max=MB)
    ((copy, data),) = unpack_slices(STORE, source, LIMITS)
    path = tmp_path / "copy"
    path.write_bytes(data)
    copied = read_fragment(STORE, str(path), copy, ("text",), row_bytes_max=MB, offset=0)
    assert there.bad == copied.bad == ()
    assert copied.batch.text("text").to_pylist() == ["a", "b"]
