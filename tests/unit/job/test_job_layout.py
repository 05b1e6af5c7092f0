import os

import pytest

from data_juicer.job.layout import JobLayout, attempt_name, rotated
from data_juicer.job.names import ROWS_SUFFIX, parse_checkpoint_name, parse_result_name, parse_run_name

LAYOUT = JobLayout.of("work", "J", "fast", "large")


def test_files_lie_where_the_specification_says() -> None:
    assert LAYOUT.summary == "work/J/job_summary.json"
    assert LAYOUT.dataset_mapping == "work/J/metadata/dataset_mapping.json"
    assert LAYOUT.final_mapping_report == "work/J/metadata/final_mapping_report.json"
    assert LAYOUT.partitions_dir == "work/J/partitions"
    assert LAYOUT.events_jsonl == "fast/J/event_logs/events.jsonl"
    assert LAYOUT.events_log == "fast/J/event_logs/events.log"
    assert LAYOUT.checkpoint_manifest(7, 2) == "large/J/checkpoint_000007_002.json"
    assert LAYOUT.checkpoint_data(7, 2, "r1a1", "parquet") == "large/J/partition_000007_002.r1a1.parquet"
    assert LAYOUT.result_data(7, "r1a2", "jsonl") == "work/J/results/partition_000007.r1a2.jsonl"
    assert LAYOUT.result_manifest(7) == "work/J/results/partition_000007.json"
    assert LAYOUT.dead_letter(7) == "work/J/dead_letter/partition_000007.jsonl"
    assert (
        LAYOUT.intermediate(0, 0, "clean_links_mapper", "parquet")
        == "work/J/intermediate/partition_000000/op_000_clean_links_mapper.parquet"
    )


def test_without_directories_of_their_own_events_and_checkpoints_lie_with_the_job() -> None:
    layout = JobLayout.of("work", "J")
    assert layout.events_jsonl == "work/J/event_logs/events.jsonl"
    assert layout.checkpoint_manifest(0, 0) == "work/J/checkpoints/checkpoint_000000_000.json"


def test_a_job_id_that_the_work_directory_ends_with_still_gets_a_directory() -> None:
    assert JobLayout.of("out/1", "1").summary == "out/1/1/job_summary.json"


@pytest.mark.parametrize(("partition", "operation"), [(0, 0), (7, 2), (1_234_567, 1000)])
def test_checkpoint_names_are_read_back(partition: int, operation: int) -> None:
    attempt = attempt_name(3, 12)
    manifest = parse_checkpoint_name(os.path.basename(LAYOUT.checkpoint_manifest(partition, operation)))
    data = parse_checkpoint_name(
        os.path.basename(LAYOUT.checkpoint_data(partition, operation, attempt, "jsonl.gz"))
    )
    assert manifest is not None
    assert (manifest.partition_id, manifest.operation_idx, manifest.attempt) == (partition, operation, None)
    assert data is not None
    assert (data.partition_id, data.operation_idx, data.attempt, data.suffix) == (
        partition,
        operation,
        "r3a12",
        "jsonl.gz",
    )


def test_result_names_are_read_back() -> None:
    data = parse_result_name("partition_000007.r1a2.jsonl")
    manifest = parse_result_name("partition_000007.json")
    assert data is not None
    assert (data.partition_id, data.attempt, data.suffix) == (7, "r1a2", "jsonl")
    assert manifest is not None
    assert (manifest.partition_id, manifest.attempt) == (7, None)


@pytest.mark.parametrize(
    "name",
    [
        "checkpoint_7_2.json",
        "checkpoint_000007_002.json.12.aside",
        "partition_000007_002.parquet",
        "partition_000007_002.r1.parquet",
        "checkpoint_٠٠٠٠٠٧_٠٠٢.json",
        "checkpoint_000007_002.json\n",
        "set_aside",
    ],
)
def test_names_of_others_are_not_taken_for_checkpoints(name: str) -> None:
    assert parse_checkpoint_name(name) is None


def test_the_last_manifest_is_not_that_of_a_partition() -> None:
    assert parse_result_name(os.path.basename(LAYOUT.results_manifest)) is None
    assert parse_result_name("partition_000007.jsonl") is None


def test_runs_are_read_back() -> None:
    assert parse_run_name(os.path.basename(LAYOUT.run_claim(12))) == 12
    assert parse_run_name("run_000012.json.aside") is None


def test_rotated_files_are_counted_from_the_youngest() -> None:
    assert [rotated("events.jsonl", number) for number in (0, 1)] == ["events.jsonl", "events.jsonl.1"]


def test_a_job_that_was_moved_is_found_with_what_lay_in_it() -> None:
    directories = JobLayout.of("old", "J", None, "large").directories()
    moved = JobLayout.found("J", "new/J", directories)
    assert moved.events_log == "new/J/event_logs/events.log"
    assert moved.checkpoints_dir == "large/J"


@pytest.mark.parametrize(
    "suffix", ["parquet", "summary.arrow", ROWS_SUFFIX, "summary.before.jsonl", "summary.dead.jsonl"]
)
def test_every_file_that_a_worker_stages_beside_checkpoints_is_known_as_ours(suffix: str) -> None:
    name = os.path.basename(LAYOUT.checkpoint_data(2, 0, "r1a1", suffix))
    parsed = parse_checkpoint_name(name)
    assert parsed is not None
    assert parsed.suffix == suffix
