"""A file that is no JSON Lines is reported as what it is, with what to do, before anything is created."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.errors import InputError, UnreadableSourceError
from data_juicer.formats.compression import compress
from data_juicer.formats.discover import discover
from data_juicer.formats.partition import check_source
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

STORE = PosixStore()
ROWS = [{"text": f"Grüße {number}", "n": number} for number in range(5)]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
PARQUET = pa.BufferOutputStream()
pq.write_table(pa.table({"text": ["a"]}), PARQUET)
CASES: dict[str, tuple[str, bytes, str]] = {
    "array": ("a.jsonl", json.dumps(ROWS).encode(), "holds one JSON array"),
    "array over lines": ("a.jsonl", json.dumps(ROWS, indent=1).encode(), "holds one JSON array"),
    "rows under another name": ("a.json", json.dumps({"rows": ROWS}).encode(), "its rows under 'rows'"),
    "rows under another name over lines": ("a.json", json.dumps({"rows": ROWS}, indent=2).encode(), "its rows under 'rows'"),
    "rows under a name": ("a.jsonl", json.dumps({"data": ROWS}).encode(), "its rows under 'data'"),
    "object over lines": ("a.json", json.dumps(ROWS[0], indent=2).encode(), "one JSON object over several lines"),
    "gzip": ("a.jsonl", gzip.compress(LINES.encode()), "holds gzip data"),
    "zstd": ("a.jsonl", compress(LINES.encode(), "zstd"), "holds zstd data"),
    "plain named gzip": ("a.jsonl.gz", LINES.encode(), "holds what is not packed"),
    "gzip named zstd": ("a.jsonl.zst", gzip.compress(LINES.encode()), "holds gzip data"),
    "Parquet": ("a.jsonl", PARQUET.getvalue().to_pybytes(), "holds Parquet"),
    "UTF-16 without one": ("a.jsonl", ('{"text":"abc"}\n' * 9).encode("utf-16-be"), "holds text in UTF-16"),
    "LFS": ("a.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", "git lfs pull"),
    "HTML": ("a.jsonl", b"<!DOCTYPE html>\n<html><body>403</body></html>\n", "holds an HTML page"),
    "CSV": ("a.jsonl", b"text,n\nhello,1\nworld,2\n", "holds CSV"),
    "TSV": ("a.jsonl", b"text\tn\nhello\t1\n", "holds TSV"),
    "lone CR": ("a.jsonl", LINES.replace("\n", "\r").encode(), "lines that end in CR alone"),
    "Python dicts": ("a.jsonl", "".join(f"{row}\n" for row in ROWS).encode(), "holds Python dicts"),
    "zeros": ("a.jsonl", b"\0" * 5000, "holds zero bytes only"),
    "a pickle": ("a.jsonl", b"\x80\x04\x95\n", "holds a Python pickle"),
    "something else": ("a.jsonl", b"once upon a time\n", "none of its first rows can be read"),
    "numbers for texts": ("a.jsonl", b'{"text":1}\n{"text":[]}\n', "is no string in any of the rows"),
}  # fmt: skip


def job(folder: Path, name: str, **settings: object) -> None:
    config = jobs.recipe(
        str(folder / "work"), [str(folder / name)], ["whitespace_normalization_mapper"], settings
    )
    jobs.run_inline(config, STORE)


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_read_is_named_and_nothing_is_created(tmp_path: Path, case: str) -> None:
    name, data, reported = CASES[case]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableSourceError) as refusal:
        job(tmp_path, name)
    assert reported in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert refusal.value.exit_code == 2
    assert not (tmp_path / "work").exists()


def test_a_source_without_a_readable_row_is_taken_when_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(CASES["CSV"][1])
    job(tmp_path, "a.jsonl", **{"fault_tolerance.max_dead_letter_ratio": 1.0})
    assert (tmp_path / "work/result.jsonl").read_bytes() == b""


def test_one_row_that_can_be_read_is_enough(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"text,n\n" * 150 + b'{"text":"a"}\n')
    check_source(STORE, *discover(STORE, [str(tmp_path / "a.jsonl")]), ["text"])


ADVISED = [
    "rows under another name over lines",
    "UTF-16 without one",
    "lone CR",
    "Python dicts",
]


@pytest.mark.parametrize("case", ADVISED)
def test_the_advice_works(tmp_path: Path, case: str) -> None:
    name, data, _ = CASES[case]
    path = tmp_path / f"it is {name}"
    path.write_bytes(data)
    with pytest.raises(InputError) as refusal:
        check_source(STORE, *discover(STORE, [str(path)]), ["text"])
    command = str(refusal.value).partition("onvert it: ")[2].removesuffix(". Nothing was changed.")
    tool = shlex.split(command)[0]
    if not any(os.access(f"{folder}/{tool}", os.X_OK) for folder in os.environ["PATH"].split(":")):
        pytest.skip(f"{tool} is not installed here")
    python = f"{os.path.dirname(os.sys.executable)}:{os.environ['PATH']}"  # type: ignore[attr-defined]
    subprocess.run(command, shell=True, check=True, env={**os.environ, "PATH": python})
    (made,) = tmp_path.glob("*.converted.jsonl")
    check_source(STORE, *discover(STORE, [str(made)]), ["text"])
    assert len(made.read_text().splitlines()) >= 1


@pytest.mark.parametrize("case", ["array", "array over lines", "rows under a name"])
def test_an_array_of_another_name_is_read_once_it_is_called_json(tmp_path: Path, case: str) -> None:
    name, data, reported = CASES[case]
    path = tmp_path / f"it is {name}"
    path.write_bytes(data)
    with pytest.raises(InputError, match=reported):
        check_source(STORE, *discover(STORE, [str(path)]), ["text"])
    path.rename(path.with_suffix(".json"))
    check_source(STORE, *discover(STORE, [str(path.with_suffix(".json"))]), ["text"])


def test_an_array_that_is_not_closed_or_is_followed_by_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    for data, reported in (
        (b'[{"text":"a"},{"text":"b"', "is not closed: from row 1 on"),
        (b'[{"text":"a"}]\n[{"text":"b"}]', "more follows the array of its 1 rows"),
    ):
        path.write_bytes(data)
        with pytest.raises(InputError, match=reported):
            job(tmp_path, path.name)
