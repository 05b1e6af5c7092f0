"""Every directory of a job carries its claim: two jobs of one name never share one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from data_juicer.api import run
from data_juicer.errors import ConfigError
from data_juicer.job.claims import find_claim
from data_juicer.storage.posix import PosixStore

STORE = PosixStore()


def start(home: Path, work: str, **settings: Any) -> Any:
    (home / "in.jsonl").write_text('{"text": "one  two"}\n{"text": "two"}\n')
    return run(
        {"dataset_path": str(home / "in.jsonl"), "process": ["whitespace_normalization_mapper"]},
        executor_type="inline",
        job_id="job",
        work_dir=str(home / work),
        export_path=str(home / f"{work}.jsonl"),
        **{"checkpoint_dir": str(home / "ckpt"), "event_log_dir": str(home / "logs"), **settings},
    )


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "shared", [("checkpoint_dir",), ("event_log_dir",), ("checkpoint_dir", "event_log_dir")]
)
def test_a_job_of_the_same_name_with_another_work_dir_is_refused(
    tmp_path: Path, shared: tuple[str, ...]
) -> None:
    start(tmp_path, "one")
    before = {**files_in(tmp_path / "ckpt"), **files_in(tmp_path / "logs")}
    own = {
        name: str(tmp_path / f"other-{name}")
        for name in ("checkpoint_dir", "event_log_dir")
        if name not in shared
    }
    with pytest.raises(
        ConfigError, match=rf"belongs to the job job in {tmp_path}/one/job on .*another job of the same name"
    ):
        start(tmp_path, "two", **own)
    assert not (tmp_path / "two").exists()
    assert {**files_in(tmp_path / "ckpt"), **files_in(tmp_path / "logs")} == before
    start(tmp_path, "one", verify_input=True)


def test_one_directory_for_checkpoints_and_events_or_the_work_dir_itself_is_fine(tmp_path: Path) -> None:
    for one in ("all", "work"):
        for _ in range(2):
            start(
                tmp_path,
                "work",
                checkpoint_dir=str(tmp_path / one),
                event_log_dir=str(tmp_path / one),
                verify_input=True,
            )
        shutil.rmtree(tmp_path / "work")
        shutil.rmtree(tmp_path / one, ignore_errors=True)


def test_a_job_that_was_moved_resumes(tmp_path: Path) -> None:
    number = find_claim(STORE, start(tmp_path, "one").summary.directories["job"]).job_uuid
    (tmp_path / "one").rename(tmp_path / "two")
    start(tmp_path, "two")
    for directory in ("two/job", "ckpt/job", "logs/job"):
        claim = find_claim(STORE, str(tmp_path / directory))
        assert claim is not None
        assert (claim.job_uuid, claim.job_dir) == (number, str(tmp_path / "two" / "job"))
    with pytest.raises(ConfigError, match=f"belongs to the job job in {tmp_path}/two/job"):
        start(tmp_path, "one")


def test_a_job_that_lies_behind_a_link_is_the_same_by_either_path(tmp_path: Path) -> None:
    start(tmp_path, "one")
    (tmp_path / "alias").symlink_to(tmp_path / "one")
    start(tmp_path, "alias")
    start(tmp_path, "one", verify_input=True)


def test_a_copy_of_a_job_does_not_work_on_the_checkpoints_of_the_first(tmp_path: Path) -> None:
    start(tmp_path, "one")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    with pytest.raises(ConfigError, match=f"belongs to the job job in {tmp_path}/one/job"):
        start(tmp_path, "two")
    start(tmp_path, "two", checkpoint_dir=None, event_log_dir=None)
    start(tmp_path, "one", verify_input=True)


def test_a_job_whose_own_directory_was_lost_takes_up_what_lies_elsewhere(tmp_path: Path) -> None:
    start(tmp_path, "one")
    present = {name for name in os.listdir(tmp_path / "ckpt" / "job") if name.endswith(".json")}
    shutil.rmtree(tmp_path / "one")
    start(tmp_path, "one")
    assert present <= set(os.listdir(tmp_path / "ckpt" / "job"))


@pytest.mark.parametrize(
    "damage", [os.remove, lambda path: Path(path).write_bytes(b"{"), lambda path: os.truncate(path, 0)]
)
@pytest.mark.parametrize("directory", ["one/job", "ckpt/job", "logs/job"])
def test_a_claim_that_is_lost_or_damaged_is_made_again(tmp_path: Path, directory: str, damage: Any) -> None:
    number = find_claim(STORE, start(tmp_path, "one").summary.directories["job"]).job_uuid
    damage(str(tmp_path / directory / "job_claim.json"))
    start(tmp_path, "one", verify_input=True)
    claim = find_claim(STORE, str(tmp_path / directory))
    assert claim is not None
    assert claim.job_uuid == number


def test_a_job_of_an_earlier_version_gets_its_claims(tmp_path: Path) -> None:
    start(tmp_path, "one")
    for directory in ("one/job", "ckpt/job", "logs/job"):
        (tmp_path / directory / "job_claim.json").unlink()
    start(tmp_path, "one", verify_input=True)
    with pytest.raises(ConfigError, match="another job of the same name"):
        start(tmp_path, "two")
