"""dj-jobs partitions, events, timeline, verify and stop on small jobs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import data_juicer
from data_juicer.cli import jobs

RECIPE = ["whitespace_normalization_mapper", {"text_length_filter": {"min_len": 2}}]


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    data = tmp_path / "in.jsonl"
    data.write_text("".join(f'{{"text": "row  {n}"}}\n' for n in range(30)))
    data_juicer.run(
        {"dataset_path": str(data), "process": RECIPE, "partition": {"size": 10}},
        executor_type="inline",
        job_id="mine",
        export_path=str(tmp_path / "work" / "out.jsonl"),
        checkpoint={"strategy": "every_op"},
    )
    return tmp_path / "work"


def _reported(capsys, work_dir: Path, *words: str, code: int = 0) -> str:
    assert jobs.main([*words, "--work_dir", str(work_dir)]) == code
    return capsys.readouterr().out


def test_partitions_shows_states_and_the_slowest_first(work_dir, capsys):
    reported = _reported(capsys, work_dir, "partitions", "mine", "--slowest", "2")
    assert "partitions  3 done" in reported
    assert "95th percentile" in reported
    report = json.loads(_reported(capsys, work_dir, "partitions", "mine", "--output", "json"))
    spent_s = [line["busy_s"] for line in report["partitions"]]
    assert len(spent_s) == 3
    assert spent_s == sorted(spent_s, reverse=True)
    assert {line["rows_in"] for line in report["partitions"]} == {10}


def test_events_are_chosen_by_type_partition_and_level(work_dir, capsys):
    saves = json.loads(
        _reported(capsys, work_dir, "events", "mine", "--type", "checkpoint_save", "--output", "json")
    )
    assert {line["event_type"] for line in saves["lines"]} == {"CHECKPOINT_SAVE"}
    one = json.loads(_reported(capsys, work_dir, "events", "mine", "--partition", "1", "--output", "json"))
    assert {line["partition_id"] for line in one["lines"]} == {1}
    last = _reported(capsys, work_dir, "events", "mine", "--last", "1").splitlines()
    assert len(last) == 1
    assert " INFO " in last[0]


def test_following_the_events_of_an_ended_job_ends_after_its_last_event(work_dir, capsys):
    reported = _reported(capsys, work_dir, "events", "mine", "--follow", "--type", "JOB_COMPLETE")
    assert len(reported.splitlines()) == 1


def test_a_timeline_has_a_span_for_each_attempt_and_operator(work_dir, capsys, tmp_path):
    path = tmp_path / "trace.json"
    reported = _reported(capsys, work_dir, "timeline", "mine", "-o", str(path))
    events = json.loads(path.read_text())
    assert f"{len(events):,} events" in reported
    spans = [event for event in events if event["ph"] == "X"]
    assert sum(event["name"].startswith("partition ") for event in spans) == 3
    assert sum(event["name"] == "text_length_filter" for event in spans) == 3
    assert all(event["dur"] >= 0 for event in spans)


def test_verify_finds_nothing_in_a_healthy_job(work_dir, capsys):
    assert "nothing is wrong" in _reported(capsys, work_dir, "verify", "mine")


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _damages(work_dir: Path) -> list[Path]:
    job = work_dir / "mine"
    return sorted(
        path
        for pattern in ("results/*", "checkpoints/*", "job_summary.json", "metadata/dataset_mapping.json")
        for path in job.glob(pattern)
        if path.is_file()
    )


def test_verify_finds_a_changed_bit_in_every_file_that_counts(work_dir, capsys):
    paths = [*_damages(work_dir), work_dir / "out.jsonl"]
    assert len(paths) >= 20
    for path in paths:
        whole = path.read_bytes()
        _flip(path)
        reported = (
            _reported(capsys, work_dir, "verify", "mine", code=1)
            if path.name != "job_summary.json"
            else "damaged"
        )
        assert "damaged" in reported, path
        path.write_bytes(whole)
        os.utime(path)


def test_verify_finds_each_missing_file(work_dir, capsys):
    paths = [
        path for path in _damages(work_dir) if path.name not in {"job_summary.json", "dataset_mapping.json"}
    ]
    for path in paths:
        whole = path.read_bytes()
        path.unlink()
        code = jobs.main(["verify", "mine", "--work_dir", str(work_dir)])
        path.write_bytes(whole)
        reported = capsys.readouterr().out
        is_manifest_of_checkpoint = path.name.startswith(
            "checkpoint_"
        )  # without its manifest it never was one
        assert code == (0 if is_manifest_of_checkpoint else 1), (path, reported)


def test_a_damage_is_reported_once_and_its_path_once(work_dir, capsys):
    path = work_dir / "mine" / "results" / "partition_000001.json"
    path.write_bytes(path.read_bytes()[:50])
    lines = _reported(capsys, work_dir, "verify", "mine", code=1).splitlines()
    assert "1 problem was found" in lines[0]
    assert sum(str(path) in line for line in lines) == 1
    assert len(lines) == 3


def test_partitions_of_a_run_that_ended_are_not_called_running(work_dir, capsys):
    log = work_dir / "mine" / "event_logs" / "events.jsonl"
    kept = [line for line in log.read_text().splitlines(keepends=True) if '"PARTITION_COMPLETE"' not in line]
    log.write_text("".join(kept))
    (work_dir / "mine" / "results" / "partition_000001.json").unlink()
    assert "2 done, 1 unfinished" in _reported(capsys, work_dir, "partitions", "mine")
    log.write_text("")
    assert "2 done that the log does not mention" in _reported(capsys, work_dir, "partitions", "mine")


def test_stop_refuses_a_job_that_nobody_works_on(work_dir, capsys):
    assert jobs.main(["stop", "mine", "--work_dir", str(work_dir)]) == 1
    assert "nothing to stop" in capsys.readouterr().err


def test_stop_ends_the_driver_of_a_running_job(tmp_path):
    data = tmp_path / "in.jsonl"
    data.write_text("".join(f'{{"text": "row  {n}"}}\n' for n in range(400)))
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import time\nfrom data_juicer.ops.base_op import OPERATORS, Mapper\n\n\n"
        "@OPERATORS.register_module('slow_mapper')\nclass SlowMapper(Mapper):\n"
        "    def process_single(self, sample):\n        time.sleep(0.05)\n        return sample\n"
    )
    work = tmp_path / "work"
    words = [
        "--dataset_path", str(data), "--export_path", str(work / "out.jsonl"), "--job_id", "long", "--np", "1",
        "--custom_operator_paths", str(slow), "--process", "[slow_mapper]", "--partition.size", "10",
    ]  # fmt: skip
    driver = subprocess.Popen(
        [sys.executable, "-m", "data_juicer", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert driver.stderr is not None
    while not (work / "long" / "results" / "partition_000000.json").exists():
        assert driver.poll() is None, driver.stderr.read()
    assert jobs.main(["stop", "long", "--work_dir", str(work)]) == 0
    assert driver.wait() == 128 + signal.SIGTERM
    driver.stderr.close()
