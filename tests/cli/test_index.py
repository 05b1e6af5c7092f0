"""dj-jobs index: what an index holds, which job added it, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_juicer.cli import jobs as cli
from tests.support.small_job import SmallJob

EXACT = "document_deduplicator"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Two jobs over inputs that share one of their texts."""
    path = tmp_path / "texts.index"
    for name, texts in (("first", "aab"), ("second", "bcd")):
        job = SmallJob(
            tmp_path, [{EXACT: {"dedup_index": str(path), "update": True}}], {"job_id": name}, name
        )
        job.write({"text": text} for text in texts)
        job.run()
    return path


def test_the_jobs_of_an_index_are_listed(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["index", str(index)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"version 2 of {index}: 4 rows of 2 jobs, ")
    assert lines[1] == "keys of document_deduplicator: lowercase false, ignore_non_character false"
    assert [line.split()[:4] for line in lines[5:7]] == [["first", "1", "2", "3"], ["second", "2", "2", "3"]]
    assert lines[6].endswith("version 1")


def test_what_is_damaged_is_named(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    segment = min((index / "segments").iterdir())
    data = bytearray(segment.read_bytes())
    data[50] ^= 1
    segment.write_bytes(bytes(data))
    assert cli.main(["index", str(index)]) == 0
    assert cli.main(["index", str(index), "--verify", "--output", "json"]) == 1
    out = capsys.readouterr().out
    report = json.loads(out[out.index("\n{") + 1 :])
    assert report["files_read"] == 2
    assert len(report["damaged"]) == 1
    assert str(segment) in report["damaged"][0]


def test_files_that_no_version_names_are_counted(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (index / "segments" / "other.parquet").write_bytes(b"x")
    assert cli.main(["index", str(index)]) == 0
    assert "1 file in " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/no/index"], "there is no index in /no/index"),
        (["/no/x.ngrams"], "there is no file /no/x.ngrams"),
        (["a", "b"], "name one index"),
        (["a", "--write", "b.txt"], "the name must end in .ngrams"),
        (["a", "--write", "b.ngrams", "--n", "65"], "expected a number from 1 to 64"),
        (["/no/file", "--write", "b.ngrams"], "no such file or folder"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["index", *words]) in {1, 2}
    reported = capsys.readouterr().err
    assert expected in reported
    assert reported.count("\n") == 1
