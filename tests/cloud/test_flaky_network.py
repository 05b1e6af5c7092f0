"""A network that delays, cuts, loses and throttles requests: the bytes are those of a local disk, and nothing is given up."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from pathlib import Path

import pytest

from data_juicer.engine.driver.outside import Outside
from data_juicer.engine.protocol import messages as m
from data_juicer.events import types as t
from data_juicer.events.history import read_records
from data_juicer.job.layout import JobLayout
from data_juicer.storage import open_store
from tests.support import cloud_jobs
from tests.support.cloud_jobs import DEDUPLICATED, TWO_BARRIERS, exported, local_result, put_input, recipe
from tests.support.flaky_proxy import flaky_proxy
from tests.support.s3_server import S3Server

SEED = 20261126


RUNS = 3
"""Of the larger job, undisturbed and disturbed in turn."""


def given_up(bucket: str, job_id: str) -> list[object]:
    """Partitions that a job gave up."""
    records = read_records(open_store(bucket), JobLayout.of(f"{bucket}/work", job_id))
    return [record.event for record in records if isinstance(record.event, t.PartitionFailed)]


@pytest.mark.slow  # the table of failures has a short one
def test_a_network_of_which_one_request_in_seven_goes_wrong_costs_time_alone(
    server: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {
        "dataset_path": put_input(bucket),
        "export_path": f"{bucket}/out/r.jsonl",
        "work_dir": f"{bucket}/work",
    }
    expected = local_result(tmp_path, DEDUPLICATED)
    with flaky_proxy((server.host, server.port), 0.15, SEED) as (address, reported):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        cloud_jobs.run_to_end(tmp_path, recipe(places, DEDUPLICATED, executor_type="default", np=2))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{server.host}:{server.port}")
    print(f"seed {SEED}:", dict(reported))
    assert sum(reported.values()) - reported["passed"] > 3
    assert exported(f"{bucket}/out") == expected
    assert given_up(bucket, "job") == []


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_of_a_larger_job_one_request_in_twenty_may_go_wrong(
    server: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prints how much longer it takes: medians of runs in turn, through the same proxy with and without disturbance."""
    expected, source = local_result(tmp_path, TWO_BARRIERS, 10), put_input(bucket, 10)
    took_s: dict[float, list[float]] = {0.0: [], 0.05: []}
    disturbed: Counter[str] = Counter()
    for number in range(RUNS):
        for ratio, times in took_s.items():
            job = f"job{number}-{ratio * 100:.0f}"
            places = {
                "dataset_path": source,
                "export_path": f"{bucket}/{job}/r.jsonl",
                "work_dir": f"{bucket}/work",
            }
            settings = recipe(places, TWO_BARRIERS, executor_type="default", np=2, job_id=job)
            with flaky_proxy((server.host, server.port), ratio, SEED + number) as (address, reported):
                monkeypatch.setenv("AWS_ENDPOINT_URL", address)
                times.append(cloud_jobs.run_to_end(tmp_path, settings))
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{server.host}:{server.port}")
            disturbed += reported if ratio else Counter()
            assert exported(f"{bucket}/{job}") == expected
            assert given_up(bucket, job) == []
    calm_s, disturbed_s = map(statistics.median, took_s.values())
    print(
        f"seed {SEED}: {dict(disturbed)}; {disturbed_s:.1f} s against {calm_s:.1f} s: {disturbed_s / calm_s:.2f} times"
    )
    print({f"{ratio:.0%}": [round(each, 1) for each in times] for ratio, times in took_s.items()})
    assert sum(disturbed.values()) - disturbed["passed"] > 50


@pytest.mark.slow
def test_workers_report_that_a_store_throttles_them(
    server: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver hears of it and gives out fewer attempts, see tests/unit/engine/driver/test_outside.py."""
    heard: list[int] = []
    take_in = Outside.attempt_done

    def attempt_done(self: Outside, message: m.AttemptDone) -> None:
        heard.append(message.throttled)
        take_in(self, message)

    monkeypatch.setattr(Outside, "attempt_done", attempt_done)
    rng = random.Random(SEED)
    places = {
        "dataset_path": put_input(bucket),
        "export_path": f"{bucket}/r.jsonl",
        "work_dir": f"{bucket}/work",
    }

    def slow_down(method: str, path: str) -> tuple[int, str] | None:
        return (503, "SlowDown") if "/partition_" in path and rng.random() < 0.3 else None

    with flaky_proxy((server.host, server.port), 0.0, SEED, slow_down) as (address, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        cloud_jobs.run(places, DEDUPLICATED, executor_type="default", np=2)
    assert sum(heard) > 0
