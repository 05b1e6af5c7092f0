"""One cell that cannot be used costs one row, named; every other row goes through, on every path and to every export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

PATHS: dict[str, Any] = {
    "open_tracer": True,
    "intermediate_storage.preserve_intermediate_data": True,
    "checkpoint.strategy": "every_op",
    "fault_tolerance.max_dead_letter_ratio": 1.0,
    "partition.size": 4,
}
PROCESS = ["whitespace_normalization_mapper", {"text_length_filter": {"min_len": 3}}]
EXPORTS = ["jsonl", "parquet"]


def run(
    folder: Path, *files: Path, process: list[Any] = PROCESS, export: str = "jsonl", **more: Any
) -> JobConfig:
    settings = {**PATHS, "export_path": str(folder / f"out.{export}"), **more}
    config = jobs.recipe(str(folder), [str(file) for file in files], process, settings)
    jobs.run_inline(config, PosixStore())
    return config


def rows_of(config: JobConfig) -> list[dict[str, Any]]:
    if config.export_path.endswith(".parquet"):
        return list(pq.read_table(config.export_path).to_pylist())
    return [json.loads(line) for line in Path(config.export_path).read_bytes().splitlines()]


def strings(*texts: bytes) -> pa.Array:
    """A column of strings that need not be UTF-8."""
    return pa.array(list(texts), pa.binary()).view(pa.string())


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("key", ["text", "other"])
def test_a_cell_that_is_not_utf8_costs_its_row(tmp_path: Path, export: str, key: str) -> None:
    columns = {"text": strings(b"one", b"two", b"three", b"four"), "other": strings(b"a", b"b", b"c", b"d")}
    columns[key] = strings(b"one", b"caf\xe9", b"three", b"four")
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    config = run(tmp_path, tmp_path / "in.parquet", export=export)
    assert [row["text"] for row in rows_of(config)] == ["one", "three", "four"]
    (dead_letter,) = (tmp_path / "job/dead_letter/partition_000000.jsonl").read_text().splitlines()
    reported = json.loads(dead_letter)
    assert (reported["error_type"], reported["row_in_group"]) == ("invalid_utf8", 1)
    assert reported["message"] == f"column {key!r}: a string is not UTF-8"
    assert "row_base64" in reported


ODD = {
    "beyond year 9999": (pa.array([1, 10**18, -(10**18), None], pa.timestamp("us")), "+33658-09-27T01:46:40"),
    "no such zone": (pa.array([1, 0, 2, None], pa.timestamp("ms", "Mars/Phobos")), "1970-01-01T00:00:00+00:00"),
    "date": (pa.array([1, 10**8, -(10**8), None], pa.int32()).view(pa.date32()), "+275760-09-13"),
    "duration": (pa.array([1, 2**62, -(2**62), None], pa.duration("ms")), "4611686018427387.904"),
    "time": (pa.array([1, 90_000_000, -1, None], pa.int32()).view(pa.time32("ms")), "25:00:00"),
    "views in lists": (pa.array([["a"], ["b"], [], None], pa.list_(pa.string_view())), ["b"]),
    "binary views": (pa.array([b"a", b"b", b"", None], pa.binary_view()), "Yg=="),
    "dictionaries in lists": (pa.array([["a"], ["b"], [], None], pa.list_(pa.dictionary(pa.int8(), pa.string()))), ["b"]),
}  # fmt: skip


@pytest.mark.parametrize("group", [1, 4])
@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("odd", ODD)
def test_values_that_python_lacks_cost_no_row(tmp_path: Path, export: str, odd: str, group: int) -> None:
    column, reported = ODD[odd]
    table = pa.table({"text": ["one", "two", "three", "four"], "odd": column})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=group)
    config = run(tmp_path, tmp_path / "in.parquet", export=export)
    if export == "parquet":
        back = pq.read_table(config.export_path)["odd"].combine_chunks()
        assert (
            back.cast(column.type).equals(column) if odd != "views in lists" else back.to_pylist()[1] == ["b"]
        )
    else:
        assert rows_of(config)[1]["odd"] == reported
    assert not list((tmp_path / "job/dead_letter").glob("partition_??????.jsonl"))


@pytest.mark.parametrize("export", EXPORTS)
def test_numbers_that_nothing_holds_are_published(tmp_path: Path, export: str) -> None:
    digits = "9" * 5000
    lines = [f'{{"text":"one","n":{digits},"l":[1e400,1]}}', '{"text":"two","n":1,"l":[2.5]}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    config = run(tmp_path, tmp_path / "in.jsonl", export=export)
    if export == "jsonl":
        assert Path(config.export_path).read_text().splitlines() == lines
    else:
        table = pq.read_table(config.export_path)
        assert table["n"].to_pylist() == [digits, "1"]
        assert table["l"].to_pylist() == [["1e400", "1"], ["2.5"]]


def test_what_is_nested_too_deep_for_a_schema_is_published_as_its_text(tmp_path: Path) -> None:
    deep = "[" * 200 + "]" * 200
    wide = json.dumps({f"k{number}": number for number in range(3000)})
    (tmp_path / "in.jsonl").write_text(f'{{"text":"one","deep":{deep},"wide":{wide}}}\n')
    config = run(tmp_path, tmp_path / "in.jsonl", export="parquet")
    (row,) = rows_of(config)
    assert row["wide"] == wide
    for _ in range(32):
        row["deep"] = row["deep"][0] if isinstance(row["deep"], list) else row["deep"]
    assert row["deep"] == "[" * 168 + "]" * 168


@pytest.mark.parametrize("name", ["in.jsonl", "in.parquet"])
@pytest.mark.parametrize("rows", [4, 0])
def test_an_export_without_rows_has_columns_and_is_the_input_of_the_next_job(
    tmp_path: Path, name: str, rows: int
) -> None:
    table = pa.table({"text": ["a"] * rows, "n": pa.array([1] * rows, pa.int64())})
    if name.endswith(".parquet"):
        pq.write_table(table, tmp_path / name)
    else:
        (tmp_path / name).write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in table.to_pylist()))
    config = run(tmp_path, tmp_path / name, export="parquet")
    schema = pq.read_schema(config.export_path)
    assert "text" in schema.names
    assert ("n" in schema.names) == (rows > 0)
    (tmp_path / "next").mkdir()
    again = run(tmp_path / "next", Path(config.export_path), export="parquet")
    assert pq.read_table(again.export_path).num_rows == 0


def test_two_columns_of_one_name_are_refused_by_name(tmp_path: Path) -> None:
    from data_juicer.errors import InputError

    pq.write_table(
        pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["text", "text"]), tmp_path / "in.parquet"
    )
    with pytest.raises(InputError, match=r"in.parquet: there are two columns 'text'"):
        run(tmp_path, tmp_path / "in.parquet")


@pytest.mark.parametrize("export", EXPORTS)
def test_a_row_of_parquet_that_is_too_long_costs_itself(tmp_path: Path, export: str) -> None:
    pq.write_table(pa.table({"text": ["one", "x" * 1_100_000, "three"]}), tmp_path / "in.parquet")
    config = run(tmp_path, tmp_path / "in.parquet", export=export, **{"partition.max_row_mb": 1})
    assert [row["text"] for row in rows_of(config)] == ["one", "three"]
    (dead_letter,) = (tmp_path / "job/dead_letter/partition_000000.jsonl").read_text().splitlines()
    reported = json.loads(dead_letter)
    assert (reported["error_type"], len(reported["row"])) == ("too_long", 1000)
