"""A directory under the name of a file that the job does not need costs no job, and what somebody renamed is theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.job.layout import JobLayout
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs
from data_juicer.testing.jobs import Watch
from tests.support.crash_recipes import CUSTOM, PROCESS, ROWS, lines

STORE = PosixStore()


@pytest.fixture
def config(tmp_path: Path) -> JobConfig:
    data = tmp_path / "in.jsonl"
    data.write_bytes(lines(ROWS))
    settings = {"partition.size": 3, "custom_operator_paths": [CUSTOM]}
    return jobs.recipe(str(tmp_path / "work"), [str(data)], PROCESS, settings)


def orphans(layout: JobLayout) -> list[str]:
    """A name of each kind that a killed run leaves."""
    return [
        layout.checkpoint_data(0, 1, "r7a9", "parquet"),
        layout.checkpoint_data(0, 1, "r7a9", "dead.jsonl"),
        layout.checkpoint_manifest(0, 0) + ".123.aside",
        layout.decisions(3, 7),
        layout.result_data(1, "r7a9", "jsonl"),
        layout.dead_letter_data(0, "r7a9"),
        layout.trace_data(1, "r7a9"),
        layout.summary + ".123.aside",
        os.path.join(layout.partitions_dir, "source_000000_000003.staged"),
        os.path.join(layout.partitions_dir, "partition_000000.0123abcd.jsonl"),
    ]


def again(config: JobConfig) -> Watch:
    """One more run, which has a partition to do."""
    layout = jobs.layout_of(config)
    os.remove(layout.result_manifest(2))
    os.remove(layout.summary)
    watch = Watch()
    assert not jobs.run_inline(config, STORE, watch).already_complete
    return watch


def test_directories_under_the_names_of_orphans_are_left_and_reported(config: JobConfig) -> None:
    jobs.run_inline(config, STORE)
    expected = Path(config.export_path).read_bytes()
    in_the_way = orphans(jobs.layout_of(config))
    for path in in_the_way:
        os.makedirs(f"{path}/inside")
    for _ in range(2):
        watch = again(config)
        assert Path(config.export_path).read_bytes() == expected
        for path in in_the_way:
            assert os.path.isdir(f"{path}/inside")
            assert any(f"{path}: " in reported and "left there" in reported for reported in watch.warnings), (
                path
            )


def test_a_file_that_was_moved_away_is_not_swept(config: JobConfig) -> None:
    """As the advice of an error says: mv X X.away."""
    jobs.run_inline(config, STORE)
    layout = jobs.layout_of(config)
    renamed = [f"{path}.away" for path in orphans(layout)]
    for directory in (layout.checkpoints_dir, layout.results_dir):
        renamed += [f"{directory}/{name}.away" for name in os.listdir(directory) if "." in name]
    for path in renamed:
        Path(path).write_bytes(b"kept by somebody")
    assert again(config).warnings == []
    assert [path for path in renamed if not os.path.exists(path)] == []


@pytest.mark.parametrize("retention", ["keep_failed_only", "cleanup_all"])
def test_a_directory_in_place_of_a_checkpoint_that_retention_drops_is_left(
    config: JobConfig, retention: str, tmp_path: Path
) -> None:
    jobs.run_inline(config, STORE)
    layout = jobs.layout_of(config)
    (name,) = [
        name for name in os.listdir(layout.checkpoints_dir) if name.startswith("partition_000001_003")
    ][:1]
    os.remove(f"{layout.checkpoints_dir}/{name}")
    os.makedirs(f"{layout.checkpoints_dir}/{name}/inside")
    settings = {
        "partition.size": 3,
        "custom_operator_paths": [CUSTOM],
        "intermediate_storage.retention_policy": retention,
    }
    dropping = jobs.recipe(config.work_dir, [str(tmp_path / "in.jsonl")], PROCESS, settings)
    watch = again(dropping)
    assert os.path.isdir(f"{layout.checkpoints_dir}/{name}/inside")
    assert any(name in reported for reported in watch.warnings)
