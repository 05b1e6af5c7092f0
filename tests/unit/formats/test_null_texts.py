"""A text that is null or missing means the same in every format: what becomes of its row is one setting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.errors import DataJuicerError
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing import jobs

ROWS: list[dict[str, Any]] = [
    {"text": "one"},
    {"text": None},
    {"text": "three", "n": 1},
    {},
    {"text": "five"},
]


@pytest.fixture(params=["jsonl", "parquet", "nested"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A file of these rows, and the key of the text in it."""
    if request.param == "parquet":
        path = tmp_path / "in.parquet"
        pq.write_table(pa.table({"text": [row.get("text") for row in ROWS]}), path)
        return path, "text"
    path = tmp_path / "in.jsonl"
    rows = [{"d": row} for row in ROWS] if request.param == "nested" else ROWS
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path, "d.text" if request.param == "nested" else "text"


def run(source: tuple[Path, str], **settings: Any) -> tuple[list[Any], Any, int]:
    """The texts of the result, the ledger of `read`, and the number of dead letters."""
    path, key = source
    given = {"text_keys": [key], "fault_tolerance.max_dead_letter_ratio": 1.0, **settings}
    config = jobs.recipe("/disk/jobs", [str(path)], ["clean_links_mapper"], given)
    store = MemoryStore()
    jobs.run_inline(config, store)
    rows = [json.loads(line) for line in jobs.exported(config, store)["result.jsonl"].splitlines()]
    texts = [row.get("d", row).get("text") for row in rows]
    read = jobs.ledgers(config, store)[0][0]
    assert read.balances
    return texts, read, len(jobs.dead_letters(config, store))


def test_by_default_such_rows_are_left_out_and_counted_by_their_own_name(source: tuple[Path, str]) -> None:
    texts, read, dead = run(source)
    assert texts == ["one", "three", "five"]
    assert (read.rows_in, read.rows_out, read.rows_null_text, read.rows_dead_letter, dead) == (5, 3, 2, 0, 0)


def test_they_never_count_against_the_ratio_of_dead_letters(source: tuple[Path, str]) -> None:
    strict = {"fault_tolerance.max_dead_letter_ratio": 0.0, "fault_tolerance.on_bad_row": "fail"}
    assert run(source, **strict)[0] == ["one", "three", "five"]


def test_they_are_dead_letters_where_that_is_asked_for(source: tuple[Path, str]) -> None:
    texts, read, dead = run(source, null_text="dead_letter")
    assert texts == ["one", "three", "five"]
    assert (read.rows_null_text, read.rows_dead_letter, dead) == (0, 2, 2)
    with pytest.raises(DataJuicerError):
        run(source, null_text="dead_letter", **{"fault_tolerance.on_bad_row": "fail"})


def test_they_are_empty_texts_where_that_is_asked_for_and_stay_as_they_came(source: tuple[Path, str]) -> None:
    texts, read, _ = run(source, null_text="empty")
    assert texts == ["one", None, "three", None, "five"]
    assert (read.rows_out, read.rows_null_text, read.rows_dead_letter) == (5, 0, 0)


def test_an_operator_may_write_an_empty_text(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    process = [{"text_length_filter": {"min_len": 0, "max_len": 3}}]
    config = jobs.recipe("/disk/jobs", [str(path)], process, {"null_text": "empty"})
    store = MemoryStore()
    jobs.run_inline(config, store)
    assert jobs.exported(config, store)["result.jsonl"].splitlines() == [
        b'{"text": "one"}',
        b'{"text": null}',
        b"{}",
    ]
