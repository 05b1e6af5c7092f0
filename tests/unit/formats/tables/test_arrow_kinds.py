"""Columns of one name and several types: no value changes, whatever the types are."""

from __future__ import annotations

import decimal
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.formats.parquet.merge import merges, parquet_file
from data_juicer.formats.tables.encode import parquet_bytes
from data_juicer.formats.tables.json_kinds import JSON_TEXT

FAR = 253_402_300_799_000  # 9999-12-31T23:59:59 in ms


def merged(*parts: pa.Table) -> pa.Table:
    files = {f"part_{number}": parquet_bytes(part) for number, part in enumerate(parts)}
    sink = io.BytesIO()
    merge, parts, read = merges(parquet_file())["parquet"], list(files), files.__getitem__
    merge.write(parts, read, merge.survey(parts, read), sink)
    return pq.read_table(io.BytesIO(sink.getvalue()))


def column(*arrays: pa.Array) -> tuple[pa.DataType, list[Any], bool]:
    table = merged(*(pa.table({"v": array}) for array in arrays))
    field = table.schema.field("v")
    values = table["v"]
    if pa.types.is_temporal(field.type):
        values = values.cast(pa.int64() if field.type.bit_width == 64 else pa.int32())
    return field.type, values.to_pylist(), (field.metadata or {}).items() >= JSON_TEXT.items()


@pytest.mark.parametrize(
    ("one", "other", "kind", "values"),
    [
        (pa.array([2**53 + 1]), pa.array([0.5]), None, ["9007199254740993", "0.5"]),
        (pa.array([2**53]), pa.array([0.5]), pa.float64(), [2.0**53, 0.5]),
        (pa.array([2**64 - 6], pa.uint64()), pa.array([-6]), None, ["18446744073709551610", "-6"]),
        (pa.array([7], pa.uint64()), pa.array([-6]), pa.int64(), [7, -6]),
        (pa.array([2**64 - 6], pa.uint64()), pa.array([6]), pa.uint64(), [2**64 - 6, 6]),
        (pa.array([255], pa.uint8()), pa.array([-128], pa.int8()), pa.int16(), [255, -128]),
        (
            pa.array([decimal.Decimal("0.1")], pa.decimal128(3, 1)),
            pa.array([0.1]),
            None,
            ['"0.1"', "0.1"],
        ),
        (
            pa.array([decimal.Decimal("0.1")], pa.decimal128(3, 1)),
            pa.array([12345], pa.int32()),
            pa.decimal128(11, 1),
            [decimal.Decimal("0.1"), decimal.Decimal("12345.0")],
        ),
        (
            pa.array([FAR], pa.timestamp("ms")),
            pa.array([1], pa.timestamp("ns")),
            None,
            ['"9999-12-31T23:59:59"', '"1970-01-01T00:00:00.000000001"'],
        ),
        (
            pa.array([1000], pa.timestamp("ms")),
            pa.array([1], pa.timestamp("ns")),
            pa.timestamp("ns"),
            [10**9, 1],
        ),
        (
            pa.array([1], pa.timestamp("ms", "UTC")),
            pa.array([1], pa.timestamp("ms")),
            None,
            ['"1970-01-01T00:00:00.001000+00:00"', '"1970-01-01T00:00:00.001000"'],
        ),
        (pa.array([2**62], pa.duration("s")), pa.array([1], pa.duration("ns")), None, ['"4611686018427387904"', "1e-09"]),
        (pa.array(["a"]), pa.array(["a"], pa.dictionary(pa.int8(), pa.string())), pa.large_string(), ["a", "a"]),
        (pa.array(["a"]), pa.array([b"a"]), None, ['"a"', '"YQ=="']),
        (pa.array([True]), pa.array([1]), None, ["true", "1"]),
        (pa.array([None, None]), pa.array([1]), pa.int64(), [None, None, 1]),
    ],
    ids=str,
)  # fmt: skip
def test_a_type_holds_every_value_or_the_column_is_json_text(
    one: pa.Array, other: pa.Array, kind: pa.DataType | None, values: list[Any]
) -> None:
    for parts, expected in (((one, other), values), ((other, one), values[len(one) :] + values[: len(one)])):
        found, there, is_json = column(*parts)
        assert there == expected
        assert (found, is_json) == ((pa.large_string(), True) if kind is None else (kind, False))


def test_values_within_lists_structs_and_maps_are_as_exact() -> None:
    big, half = pa.array([2**53 + 1]), pa.array([0.5])
    assert column(pa.array([[2**53 + 1]]), pa.array([[0.5]]))[1] == [["9007199254740993"], ["0.5"]]
    structs = [pa.StructArray.from_arrays([each], ["x"]) for each in (big, half)]
    assert column(*structs)[1] == [{"x": "9007199254740993"}, {"x": "0.5"}]
    maps = [pa.MapArray.from_arrays([0, 1], pa.array(["k"]), each) for each in (big, half)]
    assert column(*maps)[1:] == (['[["k",9007199254740993]]', '[["k",0.5]]'], True)
    fixed = pa.array([[1, 2], None], pa.list_(pa.int8(), 2))
    assert column(fixed, pa.array([[0.5]]))[1] == [[1.0, 2.0], None, [0.5]]


def test_columns_that_are_one_keep_their_type_and_notes_of_other_libraries_go_with_what_they_describe() -> (
    None
):
    one = pa.table({"v": pa.array([1], pa.int16())}).replace_schema_metadata({"pandas": "{}", "k": "v"})
    assert merged(one, one).schema.metadata == {b"pandas": b"{}", b"k": b"v"}
    wider = merged(one, pa.table({"v": pa.array([70000], pa.int32())}))
    assert wider.schema.metadata == {b"k": b"v"}
    assert wider.schema.field("v").type == pa.int32()


def test_a_column_that_may_not_be_null_may_be_where_a_part_lacks_it() -> None:
    strict = pa.table([pa.array([1])], schema=pa.schema([pa.field("v", pa.int64(), nullable=False)]))
    assert merged(strict, pa.table({"w": [2]})).to_pylist() == [{"v": 1, "w": None}, {"v": None, "w": 2}]
