"""The first and the last time that each unit can hold go through a job as they are, into Parquet and into JSON Lines."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

EDGES = [-(2**63), -1, 0, 2**63 - 1]
TEXTS = {
    "ms": ["-292275055-05-16T16:47:04.192000", "+292278994-08-17T07:12:55.807000"],
    "us": ["-290308-12-21T19:59:05.224192", "+294247-01-10T04:00:54.775807"],
    "ns": ["1677-09-21T00:12:43.145224192", "2262-04-11T23:47:16.854775807"],
}


@pytest.mark.parametrize("zone", [None, "UTC"])
@pytest.mark.parametrize("unit", TEXTS)
def test_times_at_the_edge_of_what_parquet_can_hold_keep_their_value(
    tmp_path: Path, unit: str, zone: str | None
) -> None:
    path = tmp_path / "in.parquet"
    times = pa.array(EDGES, pa.int64()).view(pa.timestamp(unit, tz=zone))
    pq.write_table(pa.table({"text": [" a", "b", "c", "d "], "time": times}), path)
    for export_type in ("parquet", "jsonl"):
        folder = tmp_path / export_type
        folder.mkdir()
        config = jobs.recipe(
            str(folder),
            [str(path)],
            ["whitespace_normalization_mapper"],
            {"export_path": str(folder / f"out.{export_type}"), "export_type": export_type},
        )
        jobs.run_inline(config, PosixStore())
    column = pq.read_table(tmp_path / "parquet" / "out.parquet").column("time")
    assert column.type == pa.timestamp(unit, tz=zone)
    assert column.cast(pa.int64()).to_pylist() == EDGES
    lines = (tmp_path / "jsonl" / "out.jsonl").read_text().splitlines()
    first, last = TEXTS[unit]
    offset = "+00:00" if zone else ""
    assert f'"time":"{first}{offset}"' in lines[0]
    assert f'"time":"{last}{offset}"' in lines[-1]
