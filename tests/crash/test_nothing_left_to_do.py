"""A run that has nothing to do, and then finds that a result is not what was committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.core.executor.factory import make_executor
from data_juicer.testing import jobs
from tests.support.crash_recipes import lines


@pytest.mark.timeout(60)
def test_a_worker_is_started_where_nothing_was_left_to_do_and_rows_are_found_to_be_wrong(
    tmp_path: Path,
) -> None:
    """It waited for ever: no worker had been started, since there was nothing to do."""
    (tmp_path / "in.jsonl").write_bytes(lines([b'{"text":"row  %d"}' % number for number in range(9)]))
    given = {"partition.size": 3, "executor_type": "default", "np": 1}
    config = jobs.recipe(
        str(tmp_path / "jobs"), [str(tmp_path / "in.jsonl")], ["whitespace_normalization_mapper"], given
    )
    make_executor(config).run(config)
    export = tmp_path / "jobs/result.jsonl"
    whole = export.read_bytes()
    export.unlink()
    (result,) = (tmp_path / "jobs/job/results").glob("partition_000001.*.jsonl")
    result.write_bytes(result.read_bytes().replace(b"row", b"ROW"))
    make_executor(config).run(config)
    assert export.read_bytes() == whole
