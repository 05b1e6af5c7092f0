"""Jobs in a work directory that other users may write into: what they plant there destroys nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from data_juicer.api import run
from data_juicer.errors import ConfigError, DataJuicerError
from data_juicer.job import summary as summaries
from data_juicer.job.layout import JobLayout
from data_juicer.storage.posix import PosixStore
from tests.support.second_user import OTHER_UID, as_other_user, needs_second_user

STORE = PosixStore()
LONG_AGO = "2020-01-01T00:00:00.000000Z"
CHECKPOINT = "partition_000000_000.r1a1.parquet"


@pytest.fixture
def work(shared: Path) -> Path:
    """A work directory for everybody, as /tmp is."""
    (shared / "in.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    (shared / "work").mkdir()
    (shared / "work").chmod(0o1777)
    return shared / "work"


@pytest.fixture
def victim(shared: Path) -> Path:
    """A folder of precious files that have names like those of a job."""
    folder = shared / "victim"
    (folder / "partition_000000").mkdir(parents=True)
    for name in (
        CHECKPOINT,
        "checkpoint_000000_000.json",
        "op_000_x.parquet",
        "resolve_000.json",
        "thesis.tex",
    ):
        (folder / name).write_text("precious")
        (folder / "partition_000000" / name).write_text("precious")
    return folder


def names_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def start(work: Path, job_id: str, **settings: Any) -> Path:
    """A job of ours that runs to its end; its directory."""
    result = run(
        {"dataset_path": str(work.parent / "in.jsonl"), "process": ["whitespace_normalization_mapper"]},
        executor_type="inline",
        job_id=job_id,
        work_dir=str(work),
        export_path=str(work.parent / "out" / f"{job_id}.jsonl"),
        **settings,
    )
    return Path(result.summary.directories["job"])


def age(job: Path) -> None:
    """Make a completed job one of long ago, with the checksum that belongs to it."""
    layout = JobLayout.of(str(job.parent), job.name)
    old = summaries.load(STORE, layout)
    record = {"updated": LONG_AGO}
    (job / "job_summary.json").write_bytes(
        summaries.encode(
            type(old)(**{**{name: getattr(old, name) for name in old.__struct_fields__}, **record})
        )
    )


def plant(work: Path, victim: Path, directories: dict[str, str]) -> Callable[[], None]:
    """Another user's copy of a job that was completed long ago, whose folders lead to the victim's."""
    model = work / "model"
    start(work, "model")
    age(model)
    reported = json.loads((model / "job_summary.json").read_bytes())
    old = summaries.decode((model / "job_summary.json").read_bytes(), "model")
    forged = summaries.encode(
        msgspec.structs.replace(old, job_id="planted", directories={**reported["directories"], **directories})
    )
    shutil.rmtree(model)

    def deed() -> None:
        job = work / "planted"
        job.mkdir(mode=0o777)
        (job / "job_summary.json").write_bytes(forged)
        (job / "checkpoints").symlink_to(victim)
        (job / "intermediate").mkdir()
        (job / "intermediate" / "partition_000000").symlink_to(victim)

    return deed


@needs_second_user
@pytest.mark.parametrize("link_all", [False, True])
def test_a_job_that_another_user_planted_makes_retention_delete_nothing(
    work: Path, victim: Path, link_all: bool
) -> None:
    deed = plant(work, victim, {"job": str(work / "planted"), "checkpoints": str(victim)})
    as_other_user(deed)
    if link_all:
        as_other_user(lambda: (work / "alias").symlink_to(victim.parent))
    before = names_below(victim)
    start(work, "ours")
    assert names_below(victim) == before


@pytest.mark.parametrize("owner", ["same user", "root's file in a folder of another"])
def test_links_in_an_old_job_of_ours_are_not_followed(work: Path, victim: Path, owner: str) -> None:
    job = start(work, "old")
    age(job)
    shutil.rmtree(job / "intermediate")
    (job / "intermediate").mkdir()
    (job / "intermediate" / "partition_000000").symlink_to(victim)
    if owner != "same user":
        (job / "intermediate" / "partition_000001").mkdir()
        (job / "intermediate" / "partition_000001" / "op_000_x.parquet").symlink_to(victim / "thesis.tex")
    before = names_below(victim)
    start(work, "ours")
    assert names_below(victim) == before
    assert (victim / "thesis.tex").read_text() == "precious"
    assert not [name for name in os.listdir(job / "checkpoints") if name.endswith(".parquet")]


def test_a_summary_does_not_say_where_to_delete(work: Path, victim: Path) -> None:
    job = start(work, "old")
    age(job)
    old = summaries.decode((job / "job_summary.json").read_bytes(), "")
    forged = msgspec.structs.replace(old, directories={**old.directories, "checkpoints": str(victim)})
    (job / "job_summary.json").write_bytes(summaries.encode(forged))
    shutil.rmtree(job / "checkpoints")
    before = names_below(victim)
    start(work, "ours")
    assert names_below(victim) == before
    shutil.copy(job / "job_claim.json", victim)
    start(work, "later")
    assert f"victim/{CHECKPOINT}" not in names_below(victim.parent), (
        "the claim of the job lets its checkpoints go"
    )
    assert (victim / "thesis.tex").exists()


def test_files_of_other_names_stay_in_an_old_job(work: Path) -> None:
    job = start(work, "old", intermediate_storage={"preserve_intermediate_data": True})
    age(job)
    kept = [job / "checkpoints" / "notes.txt", job / "intermediate" / "partition_000000" / "notes.txt"]
    for path in kept:
        path.write_text("mine")
    assert (
        job / "intermediate" / "partition_000000" / "op_000_whitespace_normalization_mapper.parquet"
    ).exists()
    start(work, "ours")
    assert all(path.exists() for path in kept)
    assert os.listdir(job / "intermediate" / "partition_000000") == ["notes.txt"]


def test_the_cleaning_up_of_a_job_of_ours_follows_no_link(work: Path, victim: Path) -> None:
    job = start(work, "job", intermediate_storage={"preserve_intermediate_data": True})
    shutil.rmtree(job / "intermediate" / "partition_000000")
    (job / "intermediate" / "partition_000000").symlink_to(victim)
    before = names_below(victim)
    start(work, "job", verify_input=True, intermediate_storage={"cleanup_on_success": True})
    assert not [name for name in os.listdir(job / "checkpoints") if name.endswith(".parquet")]
    assert names_below(victim) == before


def test_no_rows_are_written_into_a_linked_directory(work: Path, victim: Path) -> None:
    (work / "job" / "intermediate").mkdir(parents=True)
    (work / "job" / "intermediate" / "partition_000000").symlink_to(victim)
    before = names_below(victim)
    with pytest.raises(DataJuicerError, match=f"a link to {victim} has its name"):
        start(work, "job", intermediate_storage={"preserve_intermediate_data": True})
    assert names_below(victim) == before


# ---- the job that is started


@needs_second_user
@pytest.mark.parametrize("inside", ["", "checkpoints", "metadata", "runs"])
def test_a_job_in_a_directory_of_another_user_is_refused(work: Path, inside: str) -> None:
    if inside:
        (work / "job").mkdir(mode=0o755)
        (work / "job" / inside).mkdir()
        os.chown(work / "job" / inside, OTHER_UID, OTHER_UID)
    else:
        as_other_user((work / "job").mkdir)
    before = names_below(work)
    with pytest.raises(
        ConfigError, match=rf"{work}/job(/{inside})? belongs to user {OTHER_UID}.*Nothing was changed"
    ):
        start(work, "job")
    assert names_below(work) == before


@pytest.mark.parametrize("inside", ["", "/checkpoints", "/event_logs", "/results", "/tmp", "/runs"])
def test_a_job_s_directory_that_everybody_may_write_into_is_refused(work: Path, inside: str) -> None:
    os.makedirs(f"{work}/job{inside}", mode=0o755)
    os.chmod(f"{work}/job{inside}", 0o777)
    with pytest.raises(ConfigError, match=r"may be written into by everybody \(mode 0777\).*chmod -R go-w"):
        start(work, "job")


@pytest.mark.parametrize("inside", ["", "/checkpoints", "/event_logs", "/dead_letter", "/metadata"])
def test_a_job_s_directory_that_is_a_link_is_refused(work: Path, victim: Path, inside: str) -> None:
    if inside:
        (work / "job").mkdir()
    os.symlink(victim, f"{work}/job{inside}")
    before = names_below(victim)
    with pytest.raises(ConfigError, match=f"is a link to {victim}.*mv {work}/job{inside} "):
        start(work, "job")
    assert names_below(victim) == before


@needs_second_user
@pytest.mark.parametrize("setting", ["checkpoint_dir", "event_log_dir"])
def test_directories_that_lie_elsewhere_are_looked_at_too(work: Path, setting: str) -> None:
    elsewhere = work.parent / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o1777)
    as_other_user((elsewhere / "job").mkdir)
    with pytest.raises(ConfigError, match=f"{elsewhere}/job belongs to user {OTHER_UID}"):
        start(work, "job", **{setting: str(elsewhere)})
    assert not (work / "job").exists()


def test_jobs_work_in_a_shared_work_dir_under_any_umask(work: Path) -> None:
    for umask in (0o002, 0o000, 0o077):
        present = os.umask(umask)
        try:
            settings = {"event_log_dir": str(work / "e"), "checkpoint_dir": str(work / "c")}
            for _ in range(2):
                start(work, f"job{umask}", verify_input=True, **settings)
        finally:
            os.umask(present)


def test_a_work_dir_without_the_sticky_bit_is_reported_of(work: Path) -> None:
    work.chmod(0o777)
    job = start(work, "job")
    reported = (job / "event_logs" / "events.jsonl").read_text()
    assert f"every user can rename what lies in {work} (mode 0777 without the sticky bit)" in reported


def test_a_group_that_is_the_user_s_own_may_write(work: Path) -> None:
    start(work, "job")
    (work / "job").chmod(0o775)
    start(work, "job", verify_input=True)
