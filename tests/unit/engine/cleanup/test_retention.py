from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from data_juicer.api import run
from data_juicer.engine.cleanup.retention import drop_expired
from data_juicer.job.summary import JobStatus
from data_juicer.storage.posix import PosixStore

DAYS = 7


def _job(tmp_path, name):
    data = tmp_path / "in.jsonl"
    data.write_text('{"text": "one"}\n{"text": "two"}\n')
    return run(
        {"dataset_path": str(data), "process": ["whitespace_normalization_mapper"]},
        executor_type="inline",
        job_id=name,
        work_dir=str(tmp_path / "work"),
        export_path=str(tmp_path / f"{name}.jsonl"),
    )


def test_checkpoints_of_a_job_completed_long_ago_go_and_its_results_stay(tmp_path):
    summary = _job(tmp_path, "old").summary
    later = datetime.now(UTC) + timedelta(days=DAYS, seconds=1)
    store = PosixStore()
    assert drop_expired(store, str(tmp_path / "work"), "new", later, DAYS) == ["old"]
    assert store.list(summary.directories["checkpoints"]) == []
    assert len(store.list(summary.directories["results"])) == 3
    assert drop_expired(store, str(tmp_path / "work"), "new", later, DAYS) == []


def test_what_a_failed_job_or_a_young_one_needs_stays(tmp_path):
    summary = _job(tmp_path, "old").summary
    store = PosixStore()
    soon = datetime.now(UTC) + timedelta(days=DAYS, seconds=-60)
    assert drop_expired(store, str(tmp_path / "work"), "new", soon, DAYS) == []
    path = tmp_path / "work" / "old" / "job_summary.json"
    reported = json.loads(path.read_text())
    path.write_text(json.dumps({**reported, "status": JobStatus.FAILED.value}))
    later = datetime.now(UTC) + timedelta(days=10 * DAYS)
    assert drop_expired(store, str(tmp_path / "work"), "new", later, DAYS) == []
    assert store.list(summary.directories["checkpoints"])
