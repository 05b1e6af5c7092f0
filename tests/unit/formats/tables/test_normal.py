"""Types that Arrow's functions do not know become others that hold the same values; a null list may have items."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from data_juicer.formats.tables.arrow_json import raw_values
from data_juicer.formats.tables.cast import cast
from data_juicer.formats.tables.json_kinds import JSON_TEXT
from data_juicer.formats.tables.normal import find_twice, is_normal, normal_table

ONE, TWO = uuid.UUID(int=1).bytes, uuid.UUID(int=2).bytes
UUIDS = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([ONE, None, TWO, ONE], pa.binary(16)))
BOOLS = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, None, 0, 7], pa.int8()))
MASK = pa.array([False, True, False])


def listed(items: pa.Array) -> pa.Array:
    """[[first, null], null with one item, [last]]"""
    return pa.ListArray.from_arrays(pa.array([0, 2, 3, 4], pa.int32()), items, mask=MASK)


ODD: dict[str, tuple[pa.Array, list[Any]]] = {
    "uuid in lists": (listed(UUIDS), [[str(uuid.UUID(int=1)), None], None, [str(uuid.UUID(int=1))]]),
    "bool8 in lists": (listed(BOOLS), [[True, None], None, [True]]),
    "views in lists": (listed(pa.array(["a", None, "c", "d"], pa.string_view())), [["a", None], None, ["d"]]),
    "dictionaries in lists": (listed(pa.array(["a", None, "c", "a"]).dictionary_encode()), [["a", None], None, ["a"]]),
    "run ends": (pc.run_end_encode(pa.array(["a", "a", None])), ["a", "a", None]),
    "list views": (pa.array([[1], None, [2, 3]], pa.list_view(pa.int8())), [[1], None, [2, 3]]),
    "whole days": (pa.array([0, None, 86_400_000], pa.int64()).view(pa.date64()), [dt.date(1970, 1, 1), None, dt.date(1970, 1, 2)]),
    "parts of days": (pa.array([1, None], pa.int64()).view(pa.date64()), [dt.datetime(1970, 1, 1, 0, 0, 0, 1000), None]),  # noqa: DTZ001
    "intervals": (pa.array([(1, 2, 3), None], pa.month_day_nano_interval()), [{"months": 1, "days": 2, "nanoseconds": 3}, None]),
    "unions": (pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]), ["1", '"b"']),
    "empty structs": (pa.array([{}, None], pa.struct([])), ["{}", None]),
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("start", [0, 1])
def test_values_are_the_same_in_a_type_that_everything_works_with(odd: str, start: int) -> None:
    array, values = ODD[odd]
    table = normal_table(pa.table({"v": array.slice(start)}))
    column = table["v"]
    assert is_normal(column.type)
    assert column.to_pylist() == values[start:]
    indices = pa.array([len(column) - 1, None, 0])
    assert column.take(indices).to_pylist() == [values[-1], None, values[start]]


def test_columns_of_several_chunks_become_one() -> None:
    chunks = [pa.array(["a"]).dictionary_encode(), pa.array(["b", None]).dictionary_encode()]
    column = normal_table(pa.table({"v": pa.chunked_array(chunks)}))["v"]
    assert (column.num_chunks, column.to_pylist()) == (1, ["a", "b", None])
    mixed = pa.chunked_array(
        [pa.array([0], pa.int64()).view(pa.date64()), pa.array([1], pa.int64()).view(pa.date64())]
    )
    assert raw_values(normal_table(pa.table({"v": mixed}))["v"])[1] == b'"1970-01-01T00:00:00.001000"'


def test_a_name_that_is_there_twice_is_found_wherever_it_is() -> None:
    twice = pa.struct([("a", pa.int8()), ("a", pa.int8())])
    assert find_twice(pa.schema([("v", pa.list_(twice))])) == "v.a"
    assert find_twice(pa.schema([("v", pa.map_(pa.string(), pa.struct([("b", twice)])))])) is not None
    assert find_twice(pa.schema([("a", pa.int8()), ("b", pa.struct([("a", pa.int8())]))])) is None


def test_items_become_json_text_where_their_list_says_so_though_the_types_are_equal() -> None:
    plain = pa.field("v", pa.large_list(pa.field("item", pa.large_string())))
    marked = pa.field("v", pa.large_list(pa.field("item", pa.large_string(), metadata=JSON_TEXT)))
    array = pa.array([["b", None]], plain.type)
    assert cast(array, plain, marked).to_pylist() == [['"b"', None]]
    texts = pa.array([['"b"', None]], marked.type)
    assert cast(texts, marked, marked).to_pylist() == [['"b"', None]]
