"""`keep_hashes_in_res_ds`: what deduplicators compare rows by, in the result."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

TEXTS = ["One text with words", "one TEXT with words ", "another one"]


def run(folder: Path, process: list[Any], **settings: Any) -> list[dict[str, Any]]:
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    settings = {"partition.size": 2} | settings
    jobs.run_inline(jobs.recipe(str(folder), [str(path)], process, settings), PosixStore())
    return [json.loads(line) for line in (folder / "result.jsonl").read_text().splitlines()]


def test_equal_texts_have_the_md5_that_datajuicer_gives_them(tmp_path: Path) -> None:
    process = [
        {"document_deduplicator": {"lowercase": True}},
        {"remove_specific_chars_mapper": {"chars_to_remove": "w"}},
    ]
    rows = run(tmp_path, process, keep_hashes_in_res_ds=True)
    assert [row["text"] for row in rows] == ["One text ith ords", "another one"], "hashed before"
    assert [row["__dj__hash"] for row in rows] == [
        hashlib.md5(text).hexdigest() for text in (b"one text with words", b"another one")
    ]


@pytest.mark.parametrize("name", ["document_minhash_deduplicator", "document_line_deduplicator"])
def test_deduplicators_whose_columns_datajuicer_drops_leave_nothing(name: str, tmp_path: Path) -> None:
    assert all(set(row) == {"text"} for row in run(tmp_path, [name], keep_hashes_in_res_ds=True))


def test_simhashes_are_decimal_numbers_of_64_bits(tmp_path: Path) -> None:
    rows = run(tmp_path, [{"document_simhash_deduplicator": {"window_size": 2}}], keep_hashes_in_res_ds=True)
    assert all(0 <= int(row["__dj__simhash"]) < 2**64 for row in rows)


def test_switched_on_later_the_deduplicator_runs_again(tmp_path: Path) -> None:
    assert all("__dj__hash" not in row for row in run(tmp_path, ["document_deduplicator"]))
    assert all(
        "__dj__hash" in row for row in run(tmp_path, ["document_deduplicator"], keep_hashes_in_res_ds=True)
    )
    assert all("__dj__hash" not in row for row in run(tmp_path, ["document_deduplicator"]))
