"""What `export_extra_args` and `load_dataset_kwargs` do, and what they refuse by name."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.errors import ConfigError, DataJuicerError
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

ROWS = [
    {"text": 'a "b", c', "n": 1.50, "meta": {"k": [1]}},
    {"text": "", "n": None},
    {"text": "line\nend;", "more": True},
    {"text": "d", "n": 2**70},
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def export(folder: Path, name: str, source: str = "in.jsonl", **settings: Any) -> Path:
    given = {"export_path": str(folder / name), "partition.size": 2} | settings
    config = jobs.recipe(str(folder / "work"), [str(folder / source)], [], given)
    jobs.run_inline(config, PosixStore())
    return folder / name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in.jsonl").write_text(LINES)
    return tmp_path


def test_csv_holds_strings_as_they_are_and_other_values_as_the_json_that_came_in(folder: Path) -> None:
    assert export(folder, "out.csv").read_text() == (
        f'text,n,meta,more\n"a ""b"", c",1.5,"{{""k"": [1]}}",\n"",,,\n"line\nend;",,,true\nd,{2**70},,\n'
    )
    shown = export(folder, "o.csv", export_extra_args={"delimiter": ";", "header": False}).read_text()
    assert shown.splitlines()[:2] == ['"a ""b"", c";1.5;"{""k"": [1]}";', '"";;;']
    rows = list(csv.reader(io.StringIO(export(folder, "out.tsv").read_text(), newline=""), delimiter="\t"))
    assert rows[3] == ["line\nend;", "", "", "true"]


def test_a_table_of_one_column_has_no_line_that_readers_take_for_none(folder: Path) -> None:
    (folder / "in.jsonl").write_text('{"text":"a"}\n{}\n{"text":null}\n')
    assert export(folder, "out.csv", null_text="empty").read_text() == 'text\na\n""\n""\n'


def test_an_array_holds_the_rows_with_their_bytes(folder: Path) -> None:
    assert export(folder, "out.json").read_text() == "[\n" + LINES[:-1].replace("\n", ",\n") + "\n]\n"
    (folder / "in.jsonl").write_text("")
    assert json.loads(export(folder, "none.json").read_text()) == []


def test_parquet_has_row_groups_and_compression_as_they_are_asked_for(folder: Path) -> None:
    (folder / "in.jsonl").write_text("".join(json.dumps({"text": str(n)}) + "\n" for n in range(25)))
    asked = {"row_group_size": 10, "compression": "gzip", "compression_level": 1}
    made = pq.ParquetFile(export(folder, "out.parquet", export_extra_args=asked, **{"partition.size": 7}))
    groups = [made.metadata.row_group(number) for number in range(made.metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [10, 10, 5]
    assert {group.column(0).compression for group in groups} == {"GZIP"}
    assert made.read()["text"].to_pylist() == [str(n) for n in range(25)]


def test_arrow_keeps_the_types_of_parquet(folder: Path) -> None:
    table = pa.table({"text": ["a", "b"], "n": pa.array([1, 2], pa.int16())})
    pq.write_table(table, folder / "in.parquet")
    made = export(folder, "out.arrow", "in.parquet", export_extra_args={"compression": "zstd"})
    assert pa.ipc.open_file(made.read_bytes()).read_all().equals(table)


def test_options_say_how_files_are_read(folder: Path) -> None:
    (folder / "in.csv").write_bytes("'é;1'|2\n".encode("latin-1"))
    asked = {"encoding": "latin-1", "sep": "|", "quotechar": "'", "names": ["text", "n"], "num_proc": 4}
    made = export(folder, "out.jsonl", "in.csv", load_dataset_kwargs=asked)
    assert json.loads(made.read_text()) == {"text": "é;1", "n": "2"}
    (folder / "in.json").write_text(json.dumps({"v": 1, "items": [{"text": "a"}]}))
    assert (
        export(folder, "o.jsonl", "in.json", load_dataset_kwargs={"field": "items"}).read_text()
        == '{"text": "a"}\n'
    )


def test_other_options_are_another_result(folder: Path) -> None:
    (folder / "in.csv").write_text("text;a,b\n1;2,3\n")
    first = export(folder, "out.jsonl", "in.csv", load_dataset_kwargs={"delimiter": ";"}).read_text()
    again = export(
        folder, "out.jsonl", "in.csv", load_dataset_kwargs={"delimiter": ",", "column_names": ["text", "n"]}
    )
    assert (first, again.read_text()) == (
        '{"text":"1","a,b":"2,3"}\n',
        '{"text":"text;a","n":"b"}\n{"text":"1;2","n":"3"}\n',
    )


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ({"export_extra_args": {"row_group_size": 5}}, r"export_extra_args\.row_group_size: no argument of export_type jsonl"),
        ({"export_path": "o.parquet", "export_extra_args": {"compresion": "gzip"}}, "did you mean compression"),
        ({"export_path": "o.parquet", "export_extra_args": {"compression": "rar"}}, "not one of zstd, snappy"),
        ({"export_path": "o.parquet", "export_extra_args": {"row_group_size": 0}}, "at least 1"),
        ({"export_path": "o.parquet", "export_extra_args": {"row_group_size": "a"}}, "expected `int"),
        ({"export_path": "o.csv", "export_extra_args": {"delimiter": "::"}}, "not one ASCII character"),
        ({"load_dataset_kwargs": {"encoding": "rot13"}}, "not an encoding of text"),
        ({"load_dataset_kwargs": {"delimiter": ","}}, r"load_dataset_kwargs\.delimiter: has no meaning for the files of the input \(jsonl\)"),
        ({"load_dataset_kwargs": {"data_dir": "x"}}, r"load_dataset_kwargs\.data_dir: not available"),
        ({"load_dataset_kwargs": {"sample_by": "line"}}, '"line" is not available; it is "document"'),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused_by_name(
    folder: Path, settings: dict[str, Any], reported: str
) -> None:
    with pytest.raises(DataJuicerError, match=reported) as refusal:
        export(folder, settings.pop("export_path", "out.jsonl"), **settings)
    assert isinstance(refusal.value, ConfigError)
    assert not (folder / "work").exists()
