"""Arrow and Parquet files that lie about their offsets, indices and counts: no crash, no traceback, no memory for what is not there."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import data_juicer
from data_juicer.errors import InputError
from data_juicer.formats.arrow.bounds import check_bounds
from tests.support.damaged_tables import columns

COLUMNS = columns("arrow")


def int32(*values: int) -> pa.Buffer:
    return pa.array(values, pa.int32()).buffers()[1]


def lists_of(items: pa.Array) -> pa.Array:
    return pa.Array.from_buffers(pa.list_(items.type), 2, [None, int32(0, 1, 2)], children=[items])


WORDS = pa.array(["aa", "bb"])
LONG = pa.array(["a text that is longer than a view"] * 2, pa.string_view())
LYING_VIEWS = pa.py_buffer(LONG.buffers()[1].to_pybytes()[:8] + int32(9, 0).to_pybytes()[:8] + b"\0" * 16)
LYING_WORDS = pa.Array.from_buffers(pa.string(), 2, [None, int32(0, 2**30, 4), WORDS.buffers()[2]])
CODES = pa.array([0, 1], pa.int8()).buffers()[1]
LIES = {
    "string": LYING_WORDS,
    "list": pa.Array.from_buffers(
        pa.list_(pa.int64()), 2, [None, int32(0, 99, 1)], children=[pa.array([1, 2])]
    ),
    "within a list": lists_of(LYING_WORDS),
    "within a struct": pa.Array.from_buffers(
        pa.struct([("a", pa.string())]), 2, [None], children=[LYING_WORDS]
    ),
    "dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 7], pa.int32()), WORDS, safe=False),
    "negative index": pa.DictionaryArray.from_arrays(pa.array([0, -1], pa.int32()), WORDS, safe=False),
    "words of a dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), LYING_WORDS),
    "view": pa.Array.from_buffers(pa.string_view(), 2, [None, LYING_VIEWS, *LONG.buffers()[2:]]),
    "dense union": pa.Array.from_buffers(
        pa.dense_union([pa.field("a", pa.string()), pa.field("b", pa.string())]),
        2,
        [None, CODES, int32(0, 1 << 20)],
        children=[WORDS, WORDS],
    ),
    "list view": pa.Array.from_buffers(
        pa.list_view(pa.int64()), 2, [None, int32(0, 1 << 20), int32(1, 1)], children=[pa.array([1, 2])]
    ),
    "nulls": pa.Array.from_buffers(pa.int32(), 2, [pa.py_buffer(b"\x03"), int32(1, 2)], null_count=2),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_an_honest_array_of_any_layout_is_taken_whole_and_in_slices(name: str) -> None:
    for array in (COLUMNS[name], COLUMNS[name].slice(3, 9), COLUMNS[name].slice(0, 0)):
        check_bounds(array)


@pytest.mark.parametrize("name", LIES)
def test_an_array_that_points_outside_of_itself_is_found(name: str) -> None:
    with pytest.raises(pa.ArrowException):
        check_bounds(LIES[name])


def test_a_string_that_is_not_utf8_is_left_to_its_row() -> None:
    check_bounds(pa.array([b"\xff", b"a"]).view(pa.string()))


def write(path: Path, table: pa.Table) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path, store_schema=False)
    else:
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
    return path


def run(path: Path) -> data_juicer.JobResult:
    recipe = {
        "dataset_path": str(path),
        "export_path": str(path.parent / "out.jsonl"),
        "executor_type": "inline",
        "fault_tolerance": {"max_dead_letter_ratio": 1},
        "process": ["text_length_filter"],
    }
    return data_juicer.run(recipe)


def test_an_offset_that_lies_ends_in_one_line(tmp_path: Path) -> None:
    table = pa.table({"text": WORDS, "lists": lists_of(LYING_WORDS)})
    with pytest.raises(InputError, match=r"in.arrow: is damaged after row 0 \(Offset invariant failure"):
        run(write(tmp_path / "in.arrow", table))


def test_a_string_of_a_union_that_is_not_utf8_costs_its_row(tmp_path: Path) -> None:
    member = pa.array([b"good", b"\xff"]).view(pa.string())
    union = pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [member])
    table = pa.table({"text": ["a row that is kept"] * 2, "union": union})
    done = run(write(tmp_path / "in.arrow", table))
    counts = done.summary.counts
    assert (counts.rows_out, counts.rows_dead_letter) == (1, 1)


@pytest.mark.parametrize("suffix", ["arrow", "parquet"])
def test_a_name_that_is_not_utf8_ends_in_one_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"in.{suffix}"
    write(path, pa.table({"text": WORDS, "nameXX": WORDS}))
    path.write_bytes(path.read_bytes().replace(b"nameXX", b"name\xff\xff"))
    with pytest.raises(InputError, match="is not UTF-8"):
        run(path)


@pytest.mark.parametrize("kind", ["arrow", "stream", "parquet"])
@pytest.mark.parametrize("count", [15, pytest.param(1000, marks=pytest.mark.slow)])
def test_no_damaged_file_crashes_a_job_or_takes_memory_for_what_is_not_there(kind: str, count: int) -> None:
    words = [sys.executable, "-m", "tests.support.damaged_tables", kind, str(count), str(count)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
