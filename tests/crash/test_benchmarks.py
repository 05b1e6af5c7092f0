"""A job that looks for benchmarks: in every format, anew when one changes, and with words for people."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.cli import jobs as cli
from data_juicer.testing import jobs
from tests.support.small_job import STORE, SmallJob

SENTENCE = "the quick brown fox jumps over the lazy dog near the old river bank"
OTHER = "one two three four five six seven eight nine ten eleven twelve thirteen"
ROWS = [{"text": "nothing"}, {"text": f"They say: {SENTENCE.upper()}!"}, {"text": f"({OTHER})"}]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_JUICER_CACHE_HOME", str(tmp_path / "cache"))


def job_of(folder: Path, *against: str) -> SmallJob:
    job = SmallJob(folder, [{"ngram_overlap_filter": {"against": list(against)}}])
    job.write(ROWS)
    return job


def texts(job: SmallJob) -> list[str]:
    data = jobs.exported(job.config(), STORE)["result.jsonl"]
    return [json.loads(line)["text"] for line in data.splitlines()]


def test_benchmarks_of_every_kind_of_file_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    folder.mkdir()
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(json.dumps({"q": SENTENCE}).encode() + b"\n"))
    pq.write_table(pa.table({"choices": [["x", OTHER]]}), folder / "b.parquet")
    job = job_of(tmp_path, str(folder))
    job.run()
    assert texts(job) == ["nothing"]


def test_a_benchmark_that_changes_is_looked_for_anew(tmp_path: Path) -> None:
    bench = tmp_path / "bench.txt"
    bench.write_text(SENTENCE)
    job = job_of(tmp_path, str(bench))
    job.run()
    assert texts(job) == ["nothing", f"({OTHER})"]
    assert job.run().already_complete
    bench.write_text(OTHER)
    assert not job.run().already_complete
    assert texts(job) == ["nothing", f"They say: {SENTENCE.upper()}!"]


def test_people_are_told_what_was_found_and_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = tmp_path / "bench.txt"
    bench.write_text(SENTENCE)
    job = job_of(tmp_path, str(bench))
    job.run()
    assert cli.main(["dropped", job.layout.job_dir]) == 0
    reported = capsys.readouterr().out
    assert (
        f"2 n-grams are in benchmarks, the first in {bench}, row 1; 87.5% of its words are inside" in reported
    )


def test_n_grams_that_were_made_before_are_shown_and_find_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bench.txt").write_text(SENTENCE)
    ngrams = str(tmp_path / "made" / "bench.ngrams")
    assert cli.main(["index", str(tmp_path / "bench.txt"), "--write", ngrams]) == 0
    assert cli.main(["index", ngrams]) == 0
    reported = capsys.readouterr().out.splitlines()
    assert reported[0] == reported[1]
    assert f"{ngrams}: 2 n-grams of 13 words, of 1 text in 1 file" in reported[0]
    job = job_of(tmp_path, ngrams)
    job.run()
    assert texts(job) == ["nothing", f"({OTHER})"]
