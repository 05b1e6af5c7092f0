from __future__ import annotations

import datetime as dt
import decimal
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.errors import InputError
from data_juicer.formats.base import FragmentLimits, ReadRows, SourceFile
from data_juicer.formats.discover import discover
from data_juicer.formats.jsonl.write import encode_rows
from data_juicer.formats.parquet import file as parquet_file
from data_juicer.formats.parquet import read as parquet_read
from data_juicer.formats.parquet import sizes
from data_juicer.formats.parquet.file import InputFile
from data_juicer.formats.parquet.read import read_fragment
from data_juicer.formats.parquet.scan import scan_row_groups, unpack_slices
from data_juicer.formats.places import resolve
from data_juicer.formats.tables.encode import encode_table, parquet_bytes
from data_juicer.rows import json_values
from data_juicer.rows.batch import Batch
from data_juicer.rows.place import Place
from data_juicer.storage.posix import PosixStore

STORE = PosixStore()
LIMITS = FragmentLimits(rows_max=4, size_bytes_max=1 << 20)
TABLE = pa.table(
    {
        "text": pa.array(["a", None, "c", "d", "e"], pa.string()),
        "n": pa.array([1, 2, None, 4, 5], pa.int16()),
        "m": pa.array([{"t": f"t{row}", "k": row} for row in range(5)]),
        "when": pa.array([dt.datetime(2026, 3, 13, 18, 9, tzinfo=dt.UTC)] * 5, pa.timestamp("us", "UTC")),
        "price": pa.array([decimal.Decimal("1.50")] * 5, pa.decimal128(5, 2)),
        "blob": pa.array([b"\xff\x00"] * 5),
        "f": pa.array([1.0, float("nan"), 2.5, None, 1e300]),
    }
)


def source_of(tmp_path: Path, table: pa.Table, row_group_size: int) -> SourceFile:
    path = tmp_path / "corpus.parquet"
    pq.write_table(table, path, row_group_size=row_group_size)
    (source,) = discover(PosixStore(), [str(path)])
    return source


def read(tmp_path: Path, *text_keys: str, table: pa.Table = TABLE) -> ReadRows:
    source = source_of(tmp_path, table, 100)
    (fragment,) = (
        scan_row_groups(PosixStore(), source, FragmentLimits(rows_max=100, size_bytes_max=1 << 20)) or ()
    )
    return read_fragment(PosixStore(), source.path, fragment, text_keys or ("text",), row_bytes_max=100)


def with_text(batch: Batch, key: str, *texts: str) -> Batch:
    return batch.with_text(key, pa.array(texts, pa.large_string()))


@pytest.mark.parametrize("rows_max", [2, 3, 7])
def test_a_row_knows_its_row_group_whether_it_is_read_in_place_or_from_a_slice(
    tmp_path: Path, rows_max: int
) -> None:
    table = pa.table({"text": [str(row) for row in range(10)]})
    source = source_of(tmp_path, table, 3)
    limits = FragmentLimits(rows_max=rows_max, size_bytes_max=1 << 20)
    places = [
        resolve(Place(row=row), fragment)
        for fragment in scan_row_groups(PosixStore(), source, limits)
        or [each for each, _ in unpack_slices(PosixStore(), source, limits)]
        for row in range(fragment.rows)
    ]
    assert [(place.row_group, place.row_in_group) for place in places] == [
        (row // 3, row % 3) for row in range(10)
    ]
    assert [place.row for place in places] == list(range(10))
    assert str(places[7]) == "row group 2, row 1"


def test_whole_row_groups_are_gathered_into_fragments(tmp_path: Path) -> None:
    source = source_of(tmp_path, TABLE, 2)
    fragments = scan_row_groups(PosixStore(), source, LIMITS)
    assert fragments is not None
    assert [(each.row_start, each.row_stop) for each in fragments] == [(0, 4), (4, 5)]
    read_rows = [
        read_fragment(PosixStore(), source.path, each, ("text",), row_bytes_max=1 << 20) for each in fragments
    ]
    assert [rows.batch.text("text").to_pylist() for rows in read_rows] == [["a", "c", "d"], ["e"]]
    assert [rows.batch.row_ids().tolist() for rows in read_rows] == [[0, 2, 3], [4]]
    assert [rows.rows_in for rows in read_rows] == [4, 1]


def test_a_row_group_that_is_too_large_is_unpacked_in_slices(tmp_path: Path) -> None:
    source = source_of(tmp_path, TABLE, 5)
    assert scan_row_groups(PosixStore(), source, LIMITS) is None
    rows = []
    for fragment, data in unpack_slices(PosixStore(), source, LIMITS):
        path = tmp_path / f"copy_{fragment.row_start}.parquet"
        path.write_bytes(data)
        assert fragment.byte_stop == len(data)
        rows.append(
            read_fragment(PosixStore(), str(path), fragment, ("text",), row_bytes_max=1 << 20, offset=0).batch
        )
    assert [batch.row_ids().tolist() for batch in rows] == [[0, 2, 3], [4]]
    assert all(batch.source.table.schema.equals(TABLE.schema) for batch in rows)


def test_equal_pages_under_other_names_are_other_rows(tmp_path: Path) -> None:
    table = pa.table({"a": ["x"], "b": ["y"]})
    digests = []
    for names in (["a", "b"], ["b", "a"]):
        (fragment,) = (
            scan_row_groups(PosixStore(), source_of(tmp_path, table.rename_columns(names), 1), LIMITS) or ()
        )
        digests.append(fragment.digest)
    assert digests[0] != digests[1]


def test_a_null_text_is_a_bad_row(tmp_path: Path) -> None:
    (bad,) = read(tmp_path).bad
    assert (bad.place.row, bad.message) == (1, "field 'text' is null, expected a string")
    assert json.loads(bad.raw)["n"] == 2


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_text_may_be_held_in_any_type_of_strings(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({"text": pa.array(["a", None, "a"], pa.string()).cast(kind)})
    batch = read(tmp_path, table=table).batch
    assert batch.text("text").to_pylist() == ["a", "a"]
    changed = encode_table(with_text(batch, "text", "a", "b"))
    assert changed["text"].to_pylist() == ["a", "b"]
    assert changed.schema == batch.source.table.schema


def test_a_text_key_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"column 'n' is of type int16, expected string"):
        read(tmp_path, "n")
    with pytest.raises(InputError, match=r"there is no column 'txt' \(found: text, n, m"):
        read(tmp_path, "txt")


def test_arrow_values_have_a_json_form(tmp_path: Path) -> None:
    row = read(tmp_path).batch.source.fields(0)
    assert json_values.join_object(row).decode() == (
        '{"text":"a","n":1,"m":{"t":"t0","k":0},"when":"2026-03-13T18:09:00+00:00","price":"1.50","blob":"/wA=","f":1.0}'
    )
    assert read(tmp_path).batch.source.field("m.k").to_pylist() == [b"0", b"2", b"3", b"4"]
    assert read(tmp_path).batch.source.field("f").to_pylist() == [b"1.0", b"2.5", b"null", b"1e+300"]


def test_rows_of_parquet_can_leave_as_json_lines(tmp_path: Path) -> None:
    batch = with_text(read(tmp_path).batch, "text", "A", "c", "d", "e")
    lines = encode_rows(batch).splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["A", "c", "d", "e"]


def test_parquet_keeps_its_schema_and_what_nothing_touched(tmp_path: Path) -> None:
    batch = with_text(read(tmp_path).batch, "text", "A", "c", "d", "e").take(np.array([3, 0]))
    table = encode_table(batch)
    assert table.schema.equals(TABLE.schema)
    assert table.drop_columns("text").equals(TABLE.drop_columns("text").take([4, 0]))
    assert table["text"].to_pylist() == ["e", "A"]
    assert parquet_bytes(table) == parquet_bytes(table)


def test_a_text_inside_a_struct_is_changed_there(tmp_path: Path) -> None:
    batch = read(tmp_path, "m.t").batch
    table = encode_table(with_text(batch, "m.t", "x", "t1", "t2", "t3", "t4"))
    assert table["m"].to_pylist() == [{"t": "x" if row == 0 else f"t{row}", "k": row} for row in range(5)]
    assert table.schema.equals(TABLE.schema)


def test_new_fields_and_stats_are_appended(tmp_path: Path) -> None:
    batch = (
        read(tmp_path)
        .batch.with_column("n", [7, 8, None, 9])
        .with_column("new", [1, "x", json_values.MISSING, [1.0]])
    )
    batch = batch.with_stats({"len": pa.array([1, 2, 3, 4])})
    table = encode_table(batch, keep_stats=True)
    assert table.schema.field("n").type == pa.int16()
    assert table["n"].to_pylist() == [7, 8, None, 9]
    assert table["new"].to_pylist() == ["1", '"x"', None, "[1.0]"]
    assert table["__dj__stats__"].to_pylist() == [{"len": number} for number in (1, 2, 3, 4)]
    assert "__dj__stats__" not in encode_table(batch).column_names


def test_a_column_that_gets_values_of_another_kind_takes_their_type(tmp_path: Path) -> None:
    table = encode_table(read(tmp_path).batch.with_column("n", [70_000, 1, 2, 3]))
    assert table.schema.field("n").type == pa.int64()


def test_a_row_that_an_operator_made_has_nulls_where_it_wrote_nothing(tmp_path: Path) -> None:
    source = read(tmp_path).batch.source
    batch = Batch(source, np.array([-1], np.int32), texts={"text": pa.array(["new"], pa.large_string())})
    (row,) = encode_table(batch).to_pylist()
    assert row == {**dict.fromkeys(TABLE.column_names), "text": "new"}


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    pq.write_table(TABLE, whole)
    path = tmp_path / "torn.parquet"
    path.write_bytes(whole.getvalue()[:-10])
    (source,) = discover(PosixStore(), [str(path)])
    with pytest.raises(InputError, match=r"torn\.parquet: not a whole Parquet file"):
        scan_row_groups(PosixStore(), source, LIMITS)


def test_a_parquet_file_that_changed_after_the_scan_is_refused(tmp_path: Path) -> None:
    source = source_of(tmp_path, TABLE, 2)
    fragments = scan_row_groups(PosixStore(), source, LIMITS) or []
    source_of(tmp_path, TABLE.set_column(1, "n", pa.array([9] * 5, pa.int16())), 2)
    with pytest.raises(InputError, match="changed while the job was running"):
        read_fragment(PosixStore(), source.path, fragments[0], ("text",), row_bytes_max=1 << 20)


NANOSECONDS = 1_700_000_000_123_456_789
STAMP = "2023-11-14T22:13:20.123456789"


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        (pa.array([NANOSECONDS], pa.timestamp("ns")), STAMP),
        (pa.array([NANOSECONDS], pa.timestamp("ns", "UTC")), f"{STAMP}+00:00"),
        (pa.array([NANOSECONDS - 789], pa.timestamp("ns")), STAMP[:-3]),
        (pa.array([1], pa.time64("ns")), "00:00:00.000000001"),
        (pa.array([1_500_000_001], pa.duration("ns")), 1.500000001),
        (pa.array([[NANOSECONDS, None]], pa.list_(pa.timestamp("ns"))), [STAMP, None]),
        (pa.array([{"a": NANOSECONDS}], pa.struct([("a", pa.timestamp("ns"))])), {"a": STAMP}),
        (pa.array([[("k", NANOSECONDS)]], pa.map_(pa.string(), pa.timestamp("ns"))), [["k", STAMP]]),
    ],
)
def test_times_between_two_microseconds_are_reported_to_the_nanosecond(
    tmp_path: Path, column: pa.Array, shown: object
) -> None:
    batch = read(tmp_path, table=pa.table({"text": ["a"], "when": column})).batch
    assert json.loads(encode_rows(batch)) == {"text": "a", "when": shown}


def test_a_row_group_of_one_row_that_says_it_is_too_long_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(tmp_path, pa.table({"text": ["a", "x" * 100_000, "c"]}), 1)
    limits = FragmentLimits(rows_max=1, size_bytes_max=1 << 20)
    fragments = scan_row_groups(STORE, source, limits) or ()
    decoded: list[int] = []
    whole = parquet_file.read_groups

    def watched(file: InputFile, groups: Sequence[int]) -> pa.Table:
        decoded.extend(groups)
        return whole(file, groups)

    monkeypatch.setattr(parquet_read, "read_groups", watched)
    read_rows = [
        read_fragment(STORE, source.path, each, ("text",), row_bytes_max=10_000) for each in fragments
    ]
    assert [rows.batch.text("text").to_pylist() for rows in read_rows] == [["a"], [], ["c"]]
    assert [(bad.error_type, bad.is_whole) for bad in read_rows[1].bad] == [("too_long", False)]
    assert decoded == [0, 2]


def test_a_column_that_says_it_unpacks_to_more_than_any_text_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"text": ["x" * 8_000_000]})
    pq.write_table(table, tmp_path / "bomb.parquet", compression="zstd")
    (source,) = discover(STORE, [str(tmp_path / "bomb.parquet")])
    monkeypatch.setattr(sizes, "FREE_BYTES", 1 << 20)
    for scan in (scan_row_groups, unpack_slices):
        with pytest.raises(InputError, match="row group 0, column 'text' unpacks to more than 1,000 times"):
            list(scan(STORE, source, LIMITS) or ())
