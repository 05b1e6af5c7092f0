"""Whatever changes between two runs: the result is that of a fresh run, and only what had to be was computed again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from data_juicer.testing import jobs
from tests.support.crash_recipes import small_job
from tests.support.rerun_job import RerunJob, every

LINKS, SPACES, EMAILS = "clean_links_mapper", "whitespace_normalization_mapper", "clean_email_mapper"
LENGTH = {"text_length_filter": {"min_len": 9}}
PROCESS: list[Any] = [LINKS, SPACES, LENGTH, EMAILS]


def rows(start: int, stop: int) -> list[bytes]:
    return [
        b'{"text":"row %d of http://x.example/%d  by a%d@b.example","other":"%s"}' % (n, n, n, b"o" * (n % 9))
        for n in range(start, stop)
    ]


@pytest.fixture
def job(tmp_path: Path) -> RerunJob:
    """Three partitions of three rows, all done."""
    (tmp_path / "in").mkdir()
    job = RerunJob(tmp_path / "in", PROCESS)
    job.write("m.jsonl", rows(0, 9))
    assert job.run() == every([0, 1, 2], [0, 1, 2, 3])
    return job


def test_nothing_changed(job: RerunJob) -> None:
    assert job.run() == []


# ---- the recipe


def test_a_changed_parameter_costs_its_operator_and_those_behind(job: RerunJob) -> None:
    assert job.run([LINKS, SPACES, {"text_length_filter": {"min_len": 12}}, EMAILS]) == every(
        [0, 1, 2], [2, 3]
    )


def test_a_parameter_written_out_as_its_default_costs_nothing(job: RerunJob) -> None:
    assert job.run([{LINKS: {"repl": ""}}, SPACES, LENGTH, EMAILS]) == []


CHANGED: list[Any] = [{LINKS: {"repl": "<link>"}}, SPACES, LENGTH, EMAILS]


def test_going_back_to_a_parameter_pays_nothing(job: RerunJob) -> None:
    assert job.run(CHANGED) == every([0, 1, 2], [0, 1, 2, 3])
    assert job.run() == []
    assert job.run(CHANGED) == []


def test_going_back_pays_again_where_nothing_may_be_kept(job: RerunJob) -> None:
    bound = {"intermediate_storage.set_aside_max_mb": 0}
    job.run(CHANGED, **bound)
    assert job.run(**bound) == every([0, 1, 2], [0, 1, 2, 3])


def test_work_that_lost_a_file_is_not_brought_back(job: RerunJob) -> None:
    layout = jobs.layout_of(small_job(sorted(job.folder.glob("*.jsonl")), PROCESS))
    first = {folder: set(job.store.list(folder)) for folder in (layout.results_dir, layout.checkpoints_dir)}
    job.run(CHANGED)
    for folder, names in first.items():
        for name in names:
            if name.startswith("partition_000001") and not name.endswith(".json"):
                job.store.remove(f"{folder}/{name}")
    assert job.run() == every([1], [0, 1, 2, 3])


def test_an_operator_added_at_the_end_costs_itself(job: RerunJob) -> None:
    assert job.run([*PROCESS, "clean_ip_mapper"]) == every([0, 1, 2], [4])


def test_an_operator_added_in_the_middle_costs_what_follows(job: RerunJob) -> None:
    assert job.run([LINKS, "clean_ip_mapper", SPACES, LENGTH, EMAILS]) == every([0, 1, 2], [1, 2, 3, 4])


def test_an_operator_removed_in_the_middle_costs_what_followed(job: RerunJob) -> None:
    assert job.run([LINKS, LENGTH, EMAILS]) == every([0, 1, 2], [1, 2])


def test_an_operator_removed_at_the_end_costs_nothing(job: RerunJob) -> None:
    assert job.run([LINKS, SPACES, LENGTH]) == []


def test_operators_reordered_cost_from_the_first_that_moved(job: RerunJob) -> None:
    assert job.run([LINKS, LENGTH, SPACES, EMAILS]) == every([0, 1, 2], [1, 2, 3])


def test_a_recipe_emptied_costs_no_operator(job: RerunJob) -> None:
    assert job.run([], warned_of=["process is empty"]) == []


# ---- the input


def test_a_changed_row_costs_its_partition(job: RerunJob) -> None:
    changed = rows(0, 9)
    changed[4] = b'{"text":"another text at another length, at last"}'
    job.write("m.jsonl", changed)
    assert job.run() == every([1], [0, 1, 2, 3])


def test_a_changed_field_that_no_operator_reads_costs_its_partition(job: RerunJob) -> None:
    changed = rows(0, 9)
    changed[8] = changed[8].replace(b'"other"', b'"OTHER"')
    job.write("m.jsonl", changed)
    assert job.run() == every([2], [0, 1, 2, 3])


def test_appended_rows_cost_themselves(job: RerunJob) -> None:
    job.write("m.jsonl", rows(0, 14))
    assert job.run() == every([3, 4], [0, 1, 2, 3])


def test_rows_appended_to_a_partition_that_was_not_full_cost_that_partition(job: RerunJob) -> None:
    job.write("m.jsonl", rows(0, 11))
    assert job.run() == every([3], [0, 1, 2, 3])
    job.write("m.jsonl", rows(0, 12))
    assert job.run() == every([3], [0, 1, 2, 3])


def test_removed_rows_cost_nothing_where_whole_partitions_go(job: RerunJob) -> None:
    job.write("m.jsonl", rows(0, 6))
    assert job.run() == []
    job.write("m.jsonl", rows(0, 9))
    assert job.run() == []  # what was set aside is used again


@pytest.mark.parametrize("name", ["a.jsonl", "z.jsonl"], ids=["before", "after"])
def test_an_inserted_file_costs_its_own_partitions(job: RerunJob, name: str) -> None:
    job.write(name, rows(20, 24))
    assert job.run() == every([3, 4], [0, 1, 2, 3])


def test_a_file_moved_to_another_name_costs_nothing(job: RerunJob) -> None:
    job.write("z.jsonl", rows(20, 23))
    job.run()
    os.rename(job.folder / "z.jsonl", job.folder / "a.jsonl")
    assert job.run() == []


def test_equal_partitions_are_told_apart(job: RerunJob) -> None:
    job.write("z.jsonl", rows(0, 9))
    assert job.run() == every([3, 4, 5], [0, 1, 2, 3])
    (job.folder / "m.jsonl").unlink()
    assert job.run() == []


def test_a_file_touched_but_unchanged_costs_nothing(job: RerunJob) -> None:
    os.utime(job.folder / "m.jsonl", ns=(1, 1))
    assert job.run() == []


def test_a_change_under_the_same_size_and_time_is_found_when_asked(job: RerunJob) -> None:
    path = job.folder / "m.jsonl"
    before = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes().replace(b"row 1", b"ROW 1"))
    os.utime(path, ns=(before, before))
    assert job.run(verify_input=True) == every([0], [0, 1, 2, 3])


# ---- code and settings


def custom(folder: Path, word: str) -> dict[str, Any]:
    path = folder / "stamp_mapper.py"
    path.write_text(
        "from data_juicer.ops.base_op import OPERATORS, Mapper\n\n\n"
        '@OPERATORS.register_module("stamp_mapper")\n'
        "class StampMapper(Mapper):\n"
        "    def process_single(self, sample):\n"
        f"        sample['text'] += ' {word}'\n"
        "        return sample\n"
    )
    return {"custom_operator_paths": [str(path)]}


def test_a_changed_source_of_a_custom_operator_costs_from_it_on(job: RerunJob, tmp_path: Path) -> None:
    process = [LINKS, "stamp_mapper", LENGTH]
    assert job.run(process, **custom(tmp_path, "one")) == every([0, 1, 2], [1, 2])
    assert job.run(process, **custom(tmp_path, "one")) == []
    assert job.run(process, **custom(tmp_path, "two")) == every([0, 1, 2], [1, 2])


def test_changed_text_keys_cost_everything(job: RerunJob) -> None:
    assert job.run(text_keys=["other"], warned_of=["no row"]) == every([0, 1, 2], [0, 1, 2, 3])


@pytest.mark.parametrize("suffix", ["jsonl.gz", "jsonl.zst", "parquet"])
def test_another_export_type_costs_no_operator(job: RerunJob, suffix: str) -> None:
    assert job.run(export_path=f"/disk/jobs/result.{suffix}") == []


def test_statistics_in_the_result_cost_no_operator(job: RerunJob) -> None:
    assert job.run(keep_stats_in_res_ds=True) == []


def test_shards_cost_no_operator(job: RerunJob) -> None:
    assert job.run(export_shard_size=100) == []
    assert job.run() == []


@pytest.mark.parametrize(
    "settings",
    [
        {"checkpoint.strategy": "disabled"},
        {"checkpoint.strategy": "every_partition"},
        {"np": 3},
        {"intermediate_storage.format": "jsonl"},
        {"intermediate_storage.compression": "zstd"},
        {"intermediate_storage.arrow_batch_size": 1},
        {"fault_tolerance.max_retries": 7},
        {"export_path": "/disk/jobs/elsewhere/result.jsonl"},
        {"event_logging.backup_count": 1},
    ],
    ids=str,
)
def test_settings_that_cannot_change_a_row_cost_nothing(job: RerunJob, settings: dict[str, Any]) -> None:
    assert job.run(**settings) == []


def test_formats_of_checkpoints_may_change_in_the_middle_of_a_chain(job: RerunJob) -> None:
    for number, file_format in enumerate(["arrow", "jsonl", "parquet"], 1):
        longer = [*PROCESS, *["clean_ip_mapper"] * number]
        started = job.run(longer, **{"intermediate_storage.format": file_format})
        assert started == every([0, 1, 2], [3 + number])


def test_another_partition_size_begins_again_where_there_is_something_to_do(job: RerunJob) -> None:
    longer = [*PROCESS, "clean_ip_mapper"]
    assert job.run(longer, **{"partition.size": 5}) == every([0, 1], [0, 1, 2, 3, 4])
