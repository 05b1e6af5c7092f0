"""Random files of every format and type through random recipes into each export: no traceback, no value changed, every
row accounted for.

A case is a number: `FUZZ_SEED=4711 FUZZ_CASES=1 pytest tests/property/test_format_fuzz.py` runs case 4711 again. The values
are read back and compared by tests/support/arrow_values.py, which uses nothing of the package.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.storage.memory import MemoryStore
from data_juicer.testing import jobs
from tests.support import arrow_values as values

NAMES = ["n", "n", "v", "v", "a.b", "", 'q"', "ключ", "__dj__stats__", "new\nline", "__dj__meta__x"]
LONG_TEXT = 12
JSON_VALUES = [
    "null", "true", "0", "-1", "1.0", "1.50", "0.1", "-0.0", "1e400", "-1e999", "9007199254740993", "18446744073709551616",
    "9" * 4400, '"x"', '""', '"\\u00e9\\n"', "[]", "{}", "[1,2.5,null]", '[[1],["a"]]', '{"a":1}', '{"a":{"b":[1]}}', '{"":null}',
    "[9007199254740993,0.5]", "[1e400]", "[" * 70 + "]" * 70, '{"a":[{"b":1e400},{"c":"9"}]}', "123456789012345678901234567890.5",
]  # fmt: skip
BAD_LINES = [
    b"no json",
    b"{",
    b"[1]",
    b"7",
    b'{"text":"\xff"}',
    b'{"text":1}',
    b'{"a":1}',
    b"NaN",
    b'{"text":"\\ud800"}',
]


@dataclass
class File:
    path: str
    data: bytes
    rows: list[dict[str, Any] | None] = field(default_factory=list)
    """What each row means; None: it must become a dead letter."""


@dataclass
class Case:
    files: list[File]
    process: list[Any]
    settings: dict[str, Any]


def make_case(seed: int) -> Case:
    rng = random.Random(seed)
    kinds = rng.choice(
        [
            ["parquet"],
            ["arrow"],
            ["jsonl"],
            ["csv"],
            ["json"],
            ["parquet", "arrow"],
            ["parquet", "jsonl", "jsonl.gz", "arrow", "csv", "json"],
        ]
    )
    types = [values.random_type(rng) for _ in range(3)]
    files = []
    for number in range(rng.choice([1, 1, 2, 3])):
        kind = rng.choice(kinds)
        path = f"/in/{number}.{kind}"
        make = {"parquet": _columns, "arrow": _columns, "csv": _csv, "json": _array}.get(kind, _lines)
        files.append(make(rng, path, types))
    return Case(files, _process(rng), _settings(rng))


def _process(rng: random.Random) -> list[Any]:
    known = [
        "whitespace_normalization_mapper",
        {"text_length_filter": {"min_len": 1, "max_len": LONG_TEXT}},
        "document_deduplicator",
    ]
    return rng.sample(known, rng.randrange(1, 4))


def _settings(rng: random.Random) -> dict[str, Any]:
    export = rng.choice(["jsonl", "jsonl.gz", "parquet", "parquet", "arrow", "json"])
    return {
        "export_path": f"/out/result.{export}",
        "export_shard_size": rng.choice([0, 0, 0, 200]),
        "partition.size": rng.choice([1, 2, 3, 100]),
        "checkpoint.strategy": rng.choice(["every_op", "every_partition", "disabled"]),
        "intermediate_storage.format": rng.choice(["parquet", "arrow", "jsonl"]),
        "intermediate_storage.preserve_intermediate_data": rng.random() < 0.3,
        "open_tracer": rng.random() < 0.3,
        "keep_stats_in_res_ds": rng.random() < 0.2,
        "null_text": "dead_letter",
        "fault_tolerance.max_dead_letter_ratio": 1.0,
    }


def _columns(rng: random.Random, path: str, types: list[pa.DataType]) -> File:
    while True:
        try:
            return _some_columns(rng, path, types)
        except (
            pa.ArrowNotImplementedError,
            pa.ArrowInvalid,
        ):  # of the writer, which lacks some types and values
            types = [pa.int64(), pa.float64(), pa.string()]


def _some_columns(rng: random.Random, path: str, types: list[pa.DataType]) -> File:
    size = rng.choice([0, 1, 2, 3, 5, 8])
    text = pa.array([_text(rng) for _ in range(size)], pa.string())
    text = text.cast(rng.choice([pa.string(), pa.large_string(), pa.string_view()]))
    columns: dict[str, pa.Array] = {}
    for name in rng.sample(NAMES, rng.randrange(4)):
        columns[name] = values.random_array(
            rng, rng.choice(types) if rng.random() < 0.7 else values.random_type(rng), size
        )
    place = rng.randrange(len(columns) + 1)
    names = [*list(columns)[:place], "text", *list(columns)[place:]]
    table = pa.table({name: text if name == "text" else columns[name] for name in names})
    bad: set[int] = set()
    if size and rng.random() < 0.15:
        row = rng.randrange(size)
        raw = [b"fine"] * size
        raw[row] = b"caf\xe9"
        table = table.append_column("latin", pa.array(raw, pa.binary()).view(pa.string()))
        bad.add(row)
    data = _arrow_file(rng, table) if path.endswith(".arrow") else _parquet_file(rng, table)
    columns_meant = {
        name: [values.meaning(value, table.schema.field(name)) for value in column]
        for name, column in zip(table.column_names, table.columns, strict=True)
        if name != "latin"
    }
    rows: list[dict[str, Any] | None] = [
        {name: column[row] for name, column in columns_meant.items()}
        | ({"latin": "fine"} if "latin" in table.column_names else {})
        for row in range(size)
    ]
    return File(path, data, [None if row in bad else meant for row, meant in enumerate(rows)])


def _parquet_file(rng: random.Random, table: pa.Table) -> bytes:
    sink = io.BytesIO()
    packed = rng.choice(["none", "zstd", "snappy"])
    pq.write_table(table, sink, row_group_size=rng.choice([1, 2, 3, 100]), compression=packed)
    return sink.getvalue()


def _arrow_file(rng: random.Random, table: pa.Table) -> bytes:
    sink = io.BytesIO()
    make = rng.choice([pa.ipc.new_file, pa.ipc.new_stream])
    with make(
        sink,
        table.schema,
        options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=False, unify_dictionaries=True),
    ) as writer:
        writer.write_table(table, max_chunksize=rng.choice([1, 2, 100]))
    return sink.getvalue()


def _csv(rng: random.Random, path: str, _types: list[pa.DataType]) -> File:
    names = ["text", *rng.sample(["n", "a.b", "quote", "ключ"], rng.randrange(3))]
    rng.shuffle(names)
    rows = [
        {
            name: _text(rng) if name == "text" else rng.choice(["1", 'q"q', "a,b", "x\ny", "é", " s "])
            for name in names
        }
        for _ in range(rng.choice([0, 1, 3, 8]))
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, quoting=rng.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
    writer.writeheader()
    writer.writerows(rows)
    return File(path, text.getvalue().encode(rng.choice(["utf-8", "utf-8-sig", "utf-16"])), list(rows))


def _text(rng: random.Random) -> str:
    return rng.choice(
        ["one", "two", " three ", "four four", "", "a text that is too long", "é\tü", str(rng.randrange(30))]
    )


def _lines(rng: random.Random, path: str, _types: list[pa.DataType]) -> File:
    lines: list[bytes] = []
    rows: list[dict[str, Any] | None] = []
    for _ in range(rng.choice([0, 1, 2, 5, 9])):
        if rng.random() < 0.15:
            lines.append(rng.choice(BAD_LINES))
            rows.append(None)
            continue
        members = [
            f"{json.dumps(name)}:{rng.choice(JSON_VALUES)}"
            for name in dict.fromkeys(rng.sample(NAMES, rng.randrange(4)))
        ]
        members.insert(rng.randrange(len(members) + 1), f'"text":{json.dumps(_text(rng))}')
        lines.append(("{" + ",".join(members) + "}").encode())
        rows.append(values.parse(lines[-1]))
    end = rng.choice([b"\n", b"\r\n", b"\n\n"])
    data = end.join(lines) + (end if rng.random() < 0.8 else b"")
    return File(path, gzip.compress(data) if path.endswith(".gz") else data, rows)


def _array(rng: random.Random, path: str, types: list[pa.DataType]) -> File:
    """The same rows, but those that would end no element, as one array, over lines or not, in some encoding."""
    rows, lines = [], []
    made = _lines(rng, "rows.jsonl", types)
    for line, row in zip([line for line in made.data.splitlines() if line.strip()], made.rows, strict=True):
        if row is not None or line not in {b"{", b'{"text":"\xff"}'}:
            lines.append(
                line.replace(b",", rng.choice([b",", b" ,\n  ", b",\r\n"])) if row is not None else line
            )
            rows.append(row)
    between = rng.choice([b",", b", ", b"\n,\t", b",\n\n"])
    data = b"[" + rng.choice([b"", b"\n"]) + between.join(lines) + rng.choice([b"", b" \n"]) + b"]"
    if rng.random() < 0.4:
        data = b'{"v": {"data": [1, "]"]}, "data": ' + data + b', "more": 1}'
    if rng.random() < 0.3:
        data = data.decode().encode("utf-16")
    return File(path, data, rows)


# ---- what must come out


def expected_rows(case: Case) -> list[dict[str, Any]]:
    rows = [row for file in case.files for row in file.rows if row is not None]
    for operator in case.process:
        if operator == "whitespace_normalization_mapper":
            rows = [{**row, "text": row["text"].strip().replace("\t", " ")} for row in rows]
        elif operator == "document_deduplicator":
            seen: set[str] = set()
            rows = [row for row in rows if not (row["text"] in seen or seen.add(row["text"]))]  # type: ignore[func-returns-value]
        else:
            rows = [row for row in rows if 1 <= len(row["text"]) <= LONG_TEXT]
    return rows


def found_rows(files: dict[str, bytes]) -> Iterator[dict[str, Any]]:
    for name in sorted(files):
        data = files[name]
        if "_stats.jsonl" in name:  # beside the export
            continue
        if name.endswith(".json"):
            yield from (values.parse(line.removesuffix(b",")) for line in data.split(b"\n")[1:-2])
        elif name.endswith((".parquet", ".arrow")):
            buffer = pa.BufferReader(data)
            table = (
                pq.read_table(buffer) if name.endswith(".parquet") else pa.ipc.open_file(buffer).read_all()
            )
            columns = [
                [values.meaning(value, given) for value in column]
                for given, column in zip(table.schema, table.columns, strict=True)
            ]
            yield from (dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True))
        else:
            text = gzip.decompress(data) if name.endswith(".gz") else data
            yield from (values.parse(line) for line in text.split(b"\n")[:-1])


def check_case(seed: int) -> None:
    case = make_case(seed)
    store = MemoryStore()
    store.make_dirs("/in")
    store.make_dirs("/out")
    for file in case.files:
        store.write(file.path, file.data)
    config = jobs.recipe("/jobs", [file.path for file in case.files], case.process, case.settings)
    jobs.run_inline(config, store)
    found = list(found_rows(jobs.exported(config, store)))
    expected = expected_rows(case)
    if config.keep_stats_in_res_ds:
        found, expected = _without_stats(found), _without_stats(expected)
    assert [row["text"] for row in found] == [row["text"] for row in expected]
    for one, other in zip(expected, found, strict=True):
        for name in {**one, **other}:
            assert values.is_meant(one.get(name), other.get(name)), (name, one.get(name), other.get(name))
    total, *_ = jobs.ledgers(config, store)
    if not total:  # no row in any file
        assert not any(file.rows for file in case.files)
        return
    read = total[0]
    assert (read.rows_in, read.rows_dead_letter) == (
        sum(len(file.rows) for file in case.files),
        sum(row is None for file in case.files for row in file.rows),
    )
    assert total[-1].rows_out == len(expected)


def _without_stats(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "__dj__stats__"} for row in rows]


SEED = int(os.environ.get("FUZZ_SEED", "1"))


def run_cases(first: int, cases: int) -> None:
    failed: list[str] = []
    for seed in range(first, first + cases):
        try:
            check_case(seed)
        except Exception as error:
            failed.append(f"FUZZ_SEED={seed} FUZZ_CASES=1: {type(error).__name__}: {str(error)[:300]}")
            if os.environ.get("FUZZ_CASES") == "1":
                raise
    assert not failed, "\n".join([f"{len(failed)} of {cases} cases from seed {first}", *failed[:20]])


def test_some_random_files_go_through() -> None:
    run_cases(SEED, int(os.environ.get("FUZZ_CASES", "300")))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(40))
def test_many_random_files_go_through(part: int) -> None:
    run_cases(SEED + 1_000_000 + 500 * part, 500)
