"""What is said of a row names the place that it has now, also where its partition was computed when it was elsewhere."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.engine.output.dead_letters import committed_dead_letters, example_dead_letters
from data_juicer.storage.memory import MemoryStore
from data_juicer.store.dead_letters import DeadLetter, decode_dead_letter
from data_juicer.testing import jobs, poison

GOOD = [f"row {number}  with a text of its own" for number in range(16)]
TEXTS = [*GOOD[:8], "!raise", *GOOD[9:]]
NEW = [f"new {number}" for number in range(4)]
PROCESS = ["whitespace_normalization_mapper", "poison_mapper", "document_deduplicator"]

Write = Callable[[Path, Sequence[str]], None]


def lines(path: Path, texts: Sequence[str]) -> None:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


def packed(path: Path, texts: Sequence[str]) -> None:
    lines(path, texts)
    path.write_bytes(gzip.compress(path.read_bytes(), mtime=0))


def table(path: Path, texts: Sequence[str]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["text"], *([text] for text in texts)])


def parquet(path: Path, texts: Sequence[str]) -> None:
    pq.write_table(pa.table({"text": list(texts)}), path, row_group_size=4)


FORMATS: dict[str, Write] = {
    "in.jsonl": lines,
    "in.jsonl.gz": packed,
    "in.csv": table,
    "in.parquet": parquet,
}


def recipe(paths: Sequence[Path], work_dir: str = "/disk", process: Sequence[Any] = PROCESS) -> JobConfig:
    return jobs.recipe(
        work_dir,
        [str(path) for path in paths],
        process,
        {
            "custom_operator_paths": [poison.__file__],
            "fault_tolerance.max_dead_letter_ratio": 1.0,
            "partition.size": 4,
            "open_tracer": True,
            "trace_num": 100,
        },
    )


def reported(config: JobConfig, store: MemoryStore) -> dict[str, Any]:
    """Everything that names a row of the input, but for the attempt that made it."""
    layout = jobs.layout_of(config)
    shown = [
        msgspec.json.decode(line, type=DeadLetter)
        for name in store.list(layout.dead_letter_dir)
        if name.count(".") == 1
        for line in store.read(os.path.join(layout.dead_letter_dir, name)).splitlines()
    ]
    traces = [
        {**json.loads(line), "rank": ""}
        for name in store.list(layout.trace_dir)
        if name.startswith("op_")
        for line in store.read(os.path.join(layout.trace_dir, name)).splitlines()
    ]
    report = json.loads(store.read(layout.final_mapping_report))
    return {
        "dead letters": [timeless(each) for each in committed_dead_letters(store, layout)],
        "shown": sorted((timeless(each) for each in shown), key=str),
        "examples": example_dead_letters(store, layout),
        "samples": sorted(traces, key=str),
        "removed": pq.read_table(pa.BufferReader(store.read(layout.dedup_report))).to_pylist(),
        "rows": [(each["source"], each["row_start"], each["row_stop"]) for each in report["partitions"]],
    }


def timeless(dead_letter: DeadLetter) -> DeadLetter:
    return msgspec.structs.replace(dead_letter, attempt="", partition=0)


def assert_as_a_new_job_says_it(config: JobConfig, store: MemoryStore) -> dict[str, Any]:
    new = MemoryStore()
    jobs.run_inline(config, new)
    found = reported(config, store)
    assert found == reported(config, new)
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_rows_that_were_put_before_a_bad_one_move_its_place(tmp_path: Path, name: str) -> None:
    path, write, store = tmp_path / name, FORMATS[name], MemoryStore()
    texts = [*TEXTS, "row 0  with a text of its own"]
    write(path, texts)
    jobs.run_inline(recipe([path]), store)
    write(path, [*NEW, *texts])
    watch = jobs.Watch()
    jobs.run_inline(recipe([path]), store, watch)
    assert 2 not in {partition for partition, operator in watch.started if operator == 1}, "it is not reused"
    found = assert_as_a_new_job_says_it(recipe([path]), store)
    (dead_letter,) = found["dead letters"]
    if name == "in.jsonl":
        start = path.read_bytes().index(b'{"text": "!raise"}')
        assert (dead_letter.line, dead_letter.byte_offset) == (13, start)
    assert [row["row"] for row in found["removed"]] == [20]


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_before_another_and_a_new_name_move_the_places_of_its_rows(tmp_path: Path, name: str) -> None:
    path, write, store = tmp_path / name, FORMATS[name], MemoryStore()
    write(path, TEXTS)
    jobs.run_inline(recipe([path]), store)
    first = tmp_path / f"a_{name}"
    write(first, NEW)
    renamed = path.rename(tmp_path / f"b_{name}")
    jobs.run_inline(recipe([first, renamed]), store)
    (dead_letter,) = assert_as_a_new_job_says_it(recipe([first, renamed]), store)["dead letters"]
    assert dead_letter.source == str(renamed)


def test_a_file_of_another_name_alone_is_published_anew(tmp_path: Path) -> None:
    """Not a byte of the export differs; all that names places does."""
    path, store = tmp_path / "in.jsonl", MemoryStore()
    lines(path, TEXTS)
    jobs.run_inline(recipe([path]), store)
    renamed = path.rename(tmp_path / "other.jsonl")
    jobs.run_inline(recipe([renamed]), store)
    assert_as_a_new_job_says_it(recipe([renamed]), store)


def test_committed_letters_of_rows_that_the_input_has_no_more_are_not_reported(tmp_path: Path) -> None:
    """The scan of a run that was stopped behind it has given their partition to other rows."""
    path, store = tmp_path / "in.jsonl", MemoryStore()
    lines(path, TEXTS)
    config = recipe([path])
    jobs.run_inline(config, store)
    layout = jobs.layout_of(config)
    before = store.read(layout.dataset_mapping)
    other = MemoryStore()
    lines(path, GOOD)
    jobs.run_inline(config, other)
    store.put(layout.dataset_mapping, other.read(layout.dataset_mapping))
    assert committed_dead_letters(store, layout) == []
    store.put(layout.dataset_mapping, before)
    assert [each.line for each in committed_dead_letters(store, layout)] == [9]
    store.remove(layout.dataset_mapping)
    (nowhere,) = committed_dead_letters(store, layout)
    assert (nowhere.named_place, nowhere.raw) == ("partition 2", b'{"text": "!raise"}')


def test_a_letter_of_an_earlier_version_keeps_the_place_that_it_names() -> None:
    line = (
        b'{"partition":2,"operator":"read","operator_index":-1,"error_type":"text_not_string","message":"no string",'
        b'"attempt":"r1a1","source":"/data/in.jsonl","line":9,"byte_offset":264,"source_row":8,"row":"{}"}'
    )
    found = decode_dead_letter(line).resolve(2, None)
    assert (found.named_place, found.byte_offset, found.raw) == ("in.jsonl, line 9", 264, b"{}")
