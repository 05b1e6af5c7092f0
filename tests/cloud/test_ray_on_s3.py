"""A Ray cluster whose nodes share no folder but the store."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support import cloud_jobs
from tests.support.cloud_jobs import TWO_BARRIERS, exported, local_result, put_input, recipe
from tests.support.s3_server import SECRET

pytest.importorskip("ray", reason="the extra ray is not installed")

pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.slow]  # one cluster at a time on this machine


def test_three_nodes_that_share_the_store_alone_give_the_bytes_of_a_local_disk(
    bucket: str, tmp_path: Path
) -> None:
    from tests.backend.test_ray_cluster import cluster

    places = {
        "dataset_path": put_input(bucket),
        "export_path": f"{bucket}/out/r.jsonl",
        "work_dir": f"{bucket}/work",
    }
    expected = local_result(tmp_path, TWO_BARRIERS)
    with cluster(3) as three:
        settings = recipe(
            places,
            TWO_BARRIERS,
            executor_type="ray_partitioned",
            ray_address=three.address,
            partition={"size": 20},
        )
        killed = cloud_jobs.kill_until_done(tmp_path, settings, 2, random.Random(7), run_s=15.0)
    assert exported(f"{bucket}/out") == expected
    print(killed, "drivers were killed")
    assert not [path for path, data in cloud_jobs.everything(bucket).items() if SECRET.encode() in data]
