"""A network that delays, cuts, loses and throttles requests: the bytes are those of a local disk, and nothing is given up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data_juicer.events import types as t
from data_juicer.events.history import read_records
from data_juicer.job.layout import JobLayout
from data_juicer.storage import open_store
from tests.support import cloud_jobs
from tests.support.cloud_jobs import DEDUPLICATED, TWO_BARRIERS, exported, local_result, put_input, recipe
from tests.support.flaky_proxy import flaky_proxy
from tests.support.s3_server import S3Server

SEED = 20261126


@pytest.mark.slow  # the table of failures has a short one
@pytest.mark.parametrize(
    ("process", "scale", "ratio"),
    [(DEDUPLICATED, 1, 0.15), (TWO_BARRIERS, 10, 0.05)],
    ids=["15 %", "5 % of a larger job"],
)
def test_a_flaky_network_costs_time_alone(
    server: S3Server,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    process: list[Any],
    scale: int,
    ratio: float,
) -> None:
    places = {
        "dataset_path": put_input(bucket, scale),
        "export_path": f"{bucket}/out/r.jsonl",
        "work_dir": f"{bucket}/work",
    }
    expected = local_result(tmp_path, process, scale)
    with flaky_proxy((server.host, server.port), ratio, SEED) as (address, reported):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        cloud_jobs.run_to_end(tmp_path, recipe(places, process, executor_type="default", np=2))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{server.host}:{server.port}")
    print(f"seed {SEED}:", dict(reported))
    assert sum(reported.values()) - reported["passed"] > 3
    assert exported(f"{bucket}/out") == expected
    store, layout = open_store(bucket), JobLayout.of(f"{bucket}/work", "job")
    events = [record.event for record in read_records(store, layout)]
    assert not [event for event in events if isinstance(event, t.PartitionFailed)]
