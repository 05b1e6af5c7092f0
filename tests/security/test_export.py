"""An export replaces an earlier export and nothing else."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from data_juicer.api import run
from data_juicer.cli import process
from data_juicer.errors import ConfigError
from tests.support.second_user import needs_second_user

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "in.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    return tmp_path


def start(home: Path, export: str, dataset: str | None = None, **settings: Any) -> Any:
    return run(
        {"dataset_path": dataset or str(home / "in.jsonl"), "process": ["whitespace_normalization_mapper"]},
        executor_type="inline",
        job_id="job",
        work_dir=str(home / "work"),
        export_path=export,
        **{"export_type": "jsonl", **settings},
    )


def test_a_pipe_a_socket_a_directory_and_a_device_are_not_replaced(home: Path) -> None:
    os.mkfifo(home / "pipe")
    (home / "folder").mkdir()
    (home / "link").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as planted:
        planted.bind(str(home / "socket"))
        kinds = {"pipe": "a pipe", "socket": "a socket", "folder": "a directory", "link": "a device"}
        for name, kind in kinds.items():
            with pytest.raises(
                ConfigError, match=f"export_path: {home}/{name} is {kind}, which is not replaced"
            ):
                start(home, str(home / name))
    assert not (home / "work").exists()


@needs_second_user
def test_a_device_itself_is_not_replaced(home: Path) -> None:
    os.mknod(home / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    with pytest.raises(ConfigError, match="null is a device, which is not replaced"):
        start(home, str(home / "null"))
    assert stat.S_ISCHR(os.stat(home / "null").st_mode)


@pytest.mark.parametrize("name", ["hard", "soft", "other/in.jsonl"])
def test_an_input_is_not_replaced_whatever_its_export_is_called(home: Path, name: str) -> None:
    os.link(home / "in.jsonl", home / "hard")
    (home / "soft").symlink_to(home / "in.jsonl")
    (home / "other").symlink_to(home)
    before = (home / "in.jsonl").read_bytes()
    with pytest.raises(ConfigError, match=r"an input of this job\. Nothing was changed"):
        start(home, str(home / name))
    assert (home / "in.jsonl").read_bytes() == before


def test_a_shard_does_not_replace_an_input(home: Path) -> None:
    (home / "in.jsonl").rename(home / "rows-00-of-01.jsonl")
    with pytest.raises(ConfigError, match=r"would replace .*/rows-00-of-01.jsonl, an input"):
        start(home, str(home / "rows.jsonl"), str(home / "rows-00-of-01.jsonl"), export_shard_size=10)
    start(home, str(home / "other.jsonl"), str(home / "rows-00-of-01.jsonl"), export_shard_size=10)


def test_neither_the_recipe_nor_code_is_replaced(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = (
        f"dataset_path: {home}/in.jsonl\nexport_type: jsonl\nprocess: [whitespace_normalization_mapper]\n"
    )
    (home / "r.yaml").write_text(recipe)
    (home / "alias.yaml").symlink_to(home / "r.yaml")
    for name in ("r.yaml", "alias.yaml"):
        assert process.main(["--config", str(home / "r.yaml"), "--export_path", str(home / name)]) == 2
        assert f"would replace {home}/r.yaml, the recipe" in capsys.readouterr().err
    assert (home / "r.yaml").read_text() == recipe


@pytest.mark.parametrize(
    "name",
    [
        *(
            "job_summary.json",
            "job.lock",
            "job_claim.json",
            "recipe.json",
            "results",
            "metadata",
            "checkpoints",
        ),
        *(
            "results/partition_000000.r1a1.jsonl",
            "event_logs/events.jsonl",
            "metadata/x.jsonl",
            "tmp/x.jsonl",
        ),
    ],
)
@pytest.mark.parametrize("is_there", [False, True])
def test_files_of_the_job_itself_are_not_replaced(home: Path, name: str, is_there: bool) -> None:
    if is_there:
        start(home, str(home / "out.jsonl"))
    with pytest.raises(ConfigError, match=r"where job job has files of its own|is a directory"):
        start(home, str(home / "work" / "job" / name))


def test_the_job_s_directory_itself_may_hold_the_export(home: Path) -> None:
    for _ in range(2):
        start(home, str(home / "work" / "job" / "clean.jsonl"), verify_input=True)
    assert (home / "work" / "job" / "clean.jsonl").read_text().count("\n") == 2


def test_an_earlier_export_that_somebody_changed_stays(home: Path) -> None:
    start(home, str(home / "a.jsonl"))
    (home / "a.jsonl").write_text("mine now\n")
    start(home, str(home / "b.jsonl"))
    assert (home / "a.jsonl").read_text() == "mine now\n"


@pytest.mark.parametrize("job_id", ["-rf", "--help", "-"])
def test_job_ids_that_look_like_options_are_refused(home: Path, job_id: str) -> None:
    with pytest.raises(ConfigError, match="job_id"):
        run(
            {"dataset_path": str(home / "in.jsonl"), "process": []},
            job_id=job_id,
            export_path=str(home / "o.jsonl"),
        )
