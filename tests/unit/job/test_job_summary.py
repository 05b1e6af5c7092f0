import contextlib
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.errors import JobError, JobNotFoundError
from data_juicer.job import summary as summaries
from data_juicer.job.layout import JobLayout
from data_juicer.job.summary import (
    JobStatus,
    JobSummary,
    RunRecord,
    command_in,
    resume_command,
    split_command,
)
from data_juicer.storage.posix import PosixStore

SUMMARY = JobSummary(
    job_id="J",
    status=JobStatus.STOPPED,
    reason="asked to stop by SIGTERM",
    created="2026-03-13T18:09:11.000000Z",
    updated="2026-03-13T18:10:11.000000Z",
    config={"np": 2, "process": [{"text_length_filter": {"min_len": 10}}]},
    config_digest="ab12",
    resume_command="dj-process --config r.yaml --job_id J",
    runs=(RunRecord(number=1, started="2026-03-13T18:09:11.000000Z", host="h", pid=7, resume_command="x"),),
    directories=JobLayout.of("work", "J").directories(),
    versions=summaries.installed_versions(),
)


def test_a_summary_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    store, layout = PosixStore(), JobLayout.of(str(tmp_path), "J")
    store.make_dirs(layout.job_dir)
    summaries.write(store, layout, SUMMARY)
    assert summaries.load(store, layout) == SUMMARY


def test_a_job_without_a_summary_does_not_exist(tmp_path: Path) -> None:
    layout = JobLayout.of(str(tmp_path), "J")
    assert summaries.find(PosixStore(), layout) is None
    with pytest.raises(JobNotFoundError, match="no job J"):
        summaries.load(PosixStore(), layout)


def test_every_part_of_a_summary_is_refused_as_damaged() -> None:
    whole = summaries.encode(SUMMARY).rstrip()
    for size in range(len(whole)):
        with pytest.raises(JobError, match=r"s\.json: damaged"):
            summaries.decode(whole[:size], "s.json")


def test_a_newer_summary_is_refused_with_a_sentence() -> None:
    newer = summaries.encode(SUMMARY).replace(b'"format_version": 2', b'"format_version": 3')
    with pytest.raises(JobError, match=r"format_version 3, this data_juicer .* reads up to 2"):
        summaries.decode(newer, "s.json")


@given(st.binary() | st.text().map(str.encode) | st.just(b"[" * 100_000) | st.just(b'{"a":' * 100_000))
def test_arbitrary_bytes_give_our_error_and_no_other(data: bytes) -> None:
    with pytest.raises(JobError):
        summaries.decode(data, "s.json")


@given(st.integers(0, len(summaries.encode(SUMMARY)) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_a_summary_or_our_error(place: int, byte: int) -> None:
    damaged = bytearray(summaries.encode(SUMMARY))
    damaged[place] = byte
    with contextlib.suppress(JobError):
        assert isinstance(summaries.decode(bytes(damaged), "s.json"), JobSummary)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--config", "r.yaml"], "--config r.yaml --job_id J"),
        (["--job_id", "old", "--config", "r.yaml"], "--config r.yaml --job_id J"),
        (["--config=r.yaml", "--job_id=old"], "--config=r.yaml --job_id J"),
        (["--config", "my recipe.yaml", "--np", "2"], "--config 'my recipe.yaml' --np 2 --job_id J"),
    ],
)
def test_the_resume_command_can_be_pasted_into_a_shell(arguments: list[str], words: str) -> None:
    command = resume_command(arguments, "J", "/my jobs")
    assert command == f"dj-process -C '/my jobs' {words}"
    assert command_in(command, "/elsewhere") == command
    assert command_in(command, "/my jobs") == f"dj-process {words}"
    assert split_command(command) == ("/my jobs", shlex.split(words))


def test_the_command_of_an_earlier_version_names_no_folder() -> None:
    assert split_command("dj-process --config r.yaml --job_id J") == (
        None,
        ["--config", "r.yaml", "--job_id", "J"],
    )
    assert (
        command_in("dj-process --config r.yaml --job_id J", "/x") == "dj-process --config r.yaml --job_id J"
    )
