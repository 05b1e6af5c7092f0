from __future__ import annotations

import json

import pytest

from data_juicer.api import run

ROWS = [
    {"text": f"row {n}   " + "x" * (n % 7) + (" see http://a.example/x" if n % 3 else "")} for n in range(60)
]
PROCESS = ["clean_links_mapper", {"text_length_filter": {"min_len": 8, "max_len": 15}}]


@pytest.fixture
def traced(tmp_path):
    data = tmp_path / "in.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def trace(name, **overrides):
        settings = {"dataset_path": str(data), "process": PROCESS, "open_tracer": True, "trace_num": 3}
        result = run(
            {**settings, **overrides},
            executor_type="inline",
            job_id=name,
            work_dir=str(tmp_path / "work"),
            export_path=str(tmp_path / f"{name}.jsonl"),
        )
        folder = tmp_path / "work" / name / "trace"
        assert result.summary.directories["trace"] == str(folder)
        return {
            path.name: [json.loads(line) for line in path.read_text().splitlines()]
            for path in folder.glob("op_*.jsonl")
        }

    return trace


def test_a_trace_shows_rows_before_and_after_and_why_a_filter_dropped_them(traced):
    reported = traced("one")
    changed = reported["op_000_clean_links_mapper.jsonl"]
    assert [record["what"] for record in changed] == ["changed"] * 3
    for record in changed:
        row = ROWS[record["line"] - 1]["text"]
        assert record["before"] == {"text": row}
        assert record["after"] == {"text": row.removesuffix("http://a.example/x")}
    dropped = reported["op_001_text_length_filter.jsonl"]
    assert [record["what"] for record in dropped] == ["dropped"] * 3
    assert all(record["why"].endswith("is outside [8, 15]") for record in dropped)


def test_the_sample_does_not_depend_on_partitions_or_batches(traced):
    whole = traced("whole")
    assert traced("small", partition={"size": 7}) == whole
    assert traced("batches", intermediate_storage={"arrow_batch_size": 4}) == whole


def test_only_the_operators_that_were_asked_for_are_traced(traced):
    assert set(traced("some", op_list_to_trace=["text_length_filter"])) == {"op_001_text_length_filter.jsonl"}
