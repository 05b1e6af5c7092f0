from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.formats.parquet.merge import merges, parquet_file
from data_juicer.formats.tables.encode import parquet_bytes
from data_juicer.formats.tables.json_kinds import JSON_TEXT

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)


def merged(format_of_parts: str, files: dict[str, bytes]) -> pa.Table:
    merge, sink = merges(parquet_file())[format_of_parts], io.BytesIO()
    parts, read = list(files), files.__getitem__
    merge.write(parts, read, merge.survey(parts, read), sink)
    return pq.read_table(io.BytesIO(sink.getvalue()))


def table_of_lines(*parts: bytes) -> pa.Table:
    return merged("jsonl", {f"part_{number}": part for number, part in enumerate(parts)})


def table_of_tables(*parts: pa.Table) -> pa.Table:
    return merged("parquet", {f"part_{number}": parquet_bytes(part) for number, part in enumerate(parts)})


def test_types_hold_the_rows_of_all_parts() -> None:
    table = table_of_lines(
        b'{"text":"a","n":1,"f":1,"l":[],"s":{"x":1}}\n{"text":"b","none":null}\n',
        b"",
        b'{"text":"c","n":9007199254740993,"f":2.5,"l":[{"y":true}],"s":{"z":"q"}}\n',
    )
    assert table.to_pylist() == [
        {"text": "a", "n": 1, "f": 1.0, "l": [], "s": {"x": 1, "z": None}, "none": None},
        {"text": "b", "n": None, "f": None, "l": None, "s": None, "none": None},
        {"text": "c", "n": 2**53 + 1, "f": 2.5, "l": [{"y": True}], "s": {"x": None, "z": "q"}, "none": None},
    ]
    assert table.schema.field("n").type == pa.int64()


def test_values_that_no_type_holds_stay_their_json_text() -> None:
    table = table_of_lines(
        b'{"v":1.0,"big":1}\n{"v":"x"}\n', b'{"v":[1, 2.50],"big":1180591620717411303424}\n{"v":null}\n'
    )
    assert table["v"].to_pylist() == ["1.0", '"x"', "[1, 2.50]", None]
    assert table["big"].to_pylist() == ["1", None, "1180591620717411303424", None]
    assert table.schema.field("v").metadata.items() >= JSON_TEXT.items()


def test_integers_that_a_float_cannot_hold_are_not_rounded() -> None:
    table = table_of_lines(b'{"v":9007199254740993}\n{"v":0.5}\n')
    assert table["v"].to_pylist() == ["9007199254740993", "0.5"]


def test_no_rows_at_all_give_a_file_that_can_be_read() -> None:
    assert table_of_lines(b"").num_rows == 0
    assert table_of_lines().num_rows == 0


def test_parquet_parts_keep_their_schema_and_share_wider_types() -> None:
    first = pa.table({"id": pa.array([1], pa.int32()), "s": [{"a": 1}]}).replace_schema_metadata({"k": "v"})
    second = pa.table({"id": pa.array([2], pa.int32()), "s": [{"a": 1, "b": "x"}], "new": [0.5]})
    table = table_of_tables(first, second)
    assert table.to_pylist() == [
        {"id": 1, "s": {"a": 1, "b": None}, "new": None},
        {"id": 2, "s": {"a": 1, "b": "x"}, "new": 0.5},
    ]
    assert table.schema.field("id").type == pa.int32()


def test_columns_of_parquet_parts_that_conflict_become_json_text() -> None:
    table = table_of_tables(pa.table({"v": [1, None]}), pa.table({"v": ["x"]}))
    assert table["v"].to_pylist() == ["1", None, '"x"']


@given(st.lists(st.dictionaries(st.sampled_from("xyz"), VALUES, max_size=3), max_size=6), st.integers(0, 6))
def test_any_rows_become_a_table_however_they_are_divided(rows: list[dict[str, Any]], cut: int) -> None:
    lines = [json.dumps(row).encode() + b"\n" for row in rows]
    whole = table_of_lines(b"".join(lines))
    assert whole.equals(table_of_lines(b"".join(lines[:cut]), b"".join(lines[cut:])))
    assert whole.num_rows == len(rows)
    for name in whole.column_names:
        if (whole.schema.field(name).metadata or {}).items() >= JSON_TEXT.items():
            texts = whole[name].to_pylist()
            assert [None if text is None else json.loads(text) for text in texts] == [
                row.get(name) for row in rows
            ]
