"""Jobs whose files are on a server that speaks S3: the bytes are those of a local disk."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from data_juicer.storage import open_store
from tests.support import cloud_jobs
from tests.support.cloud_jobs import TWO_BARRIERS, exported, local_result, put_input, recipe, rows, run
from tests.support.s3_server import KEY, SECRET

SEED = 20261126


def on_s3(bucket: str) -> dict[str, str]:
    return {
        "dataset_path": put_input(bucket),
        "export_path": f"{bucket}/out/r.jsonl",
        "work_dir": f"{bucket}/work",
    }


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="one file", marks=pytest.mark.slow),
        pytest.param({"export_shard_size": 4000}, id="shards", marks=pytest.mark.slow),
        pytest.param({"export_type": "parquet"}, id="parquet", marks=pytest.mark.slow),
    ],
)
def test_input_and_export_may_be_on_s3(bucket: str, tmp_path: Path, settings: dict[str, Any]) -> None:
    places = {**on_s3(bucket), "work_dir": str(tmp_path / "work")}
    run(places, **settings)
    assert exported(f"{bucket}/out") == local_result(tmp_path, **settings)
    assert run(places, **settings).already_complete


@pytest.mark.slow
def test_a_changed_object_is_found_and_its_rows_are_processed_again(bucket: str, tmp_path: Path) -> None:
    places = {**on_s3(bucket), "work_dir": str(tmp_path / "work")}
    run(places)
    store, changed = open_store(bucket), rows(40).replace(b"row 3 ", b"row X ")
    store.put(f"{bucket}/in/deep/b.jsonl", changed)  # as large as before, and often within the same second
    assert not run(places).already_complete
    assert b"row X " in store.read(f"{bucket}/out/r.jsonl")


@pytest.mark.parametrize(
    "apart",
    [
        "checkpoint_dir",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("work_dir", "event_log_dir", "export_path", "dataset_path")
        ),
    ],
)
def test_each_place_may_be_another_one(bucket: str, tmp_path: Path, apart: str) -> None:
    """One place on S3 and the others on the disk."""
    expected = local_result(tmp_path)
    disk = {
        "dataset_path": str(tmp_path / "in"),
        "export_path": str(tmp_path / "out/r.jsonl"),
        "work_dir": str(tmp_path / "work"),
        "checkpoint_dir": str(tmp_path / "checkpoints"),
        "event_log_dir": str(tmp_path / "events"),
    }
    places = {
        **disk,
        apart: {**on_s3(bucket), "checkpoint_dir": f"{bucket}/c", "event_log_dir": f"{bucket}/e"}[apart],
    }
    run(places)
    assert exported(places["export_path"].rpartition("/")[0]) == expected
    assert run(places).already_complete


def test_local_workers_leave_the_same_bytes_and_no_secret_on_s3(bucket: str, tmp_path: Path) -> None:
    settings = recipe(on_s3(bucket), TWO_BARRIERS, executor_type="default", np=2)
    cloud_jobs.run_to_end(tmp_path, settings)
    assert exported(f"{bucket}/out") == local_result(tmp_path, TWO_BARRIERS)
    files = cloud_jobs.everything(bucket)
    assert any("event_logs/events.jsonl/" in path for path in files)
    assert [path for path, data in files.items() if SECRET.encode() in data or KEY.encode() in data] == []
    local = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in data or KEY.encode() in data for data in local)


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("kills", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_a_job_on_s3_that_is_killed_at_random_gives_the_bytes_of_a_local_disk(
    bucket: str, tmp_path: Path, kills: int
) -> None:
    rng = random.Random(SEED)
    places = on_s3(bucket)
    settings = recipe(places, TWO_BARRIERS, executor_type="default", np=2)
    run_s = 2.5
    if kills > 2:
        run_s = cloud_jobs.run_to_end(tmp_path, {**settings, "job_id": "undisturbed"})
    expected = local_result(tmp_path, TWO_BARRIERS)
    done = 0
    for number in range(max(1, kills // 4)):
        job = {**settings, "job_id": f"job{number}", "export_path": f"{bucket}/out{number}/r.jsonl"}
        done += cloud_jobs.kill_until_done(tmp_path, job, min(kills, 4), rng, run_s)
        assert exported(f"{bucket}/out{number}") == expected, f"seed {SEED}, job {number}"
    print(f"seed {SEED}: {done} drivers were killed")
    assert done
