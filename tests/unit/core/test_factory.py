"""Which executor runs a job, and what is said where its extra is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from data_juicer.core.executor.factory import make_executor
from data_juicer.core.executor.local_executor import LocalExecutor
from data_juicer.core.executor.ray_executor_partitioned import PartitionedRayExecutor
from data_juicer.engine.run_context import Observer, RunControl, WatchedJob
from data_juicer.events.types import InfoNotice
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

WITHOUT_RAY = "import sys; sys.modules['ray'] = None; "


@pytest.mark.parametrize(
    ("executor_type", "kind"),
    [
        ("default", LocalExecutor),
        ("local", LocalExecutor),
        ("inline", LocalExecutor),
        ("ray", PartitionedRayExecutor),
        ("ray_partitioned", PartitionedRayExecutor),
    ],
)
def test_each_executor_type_has_its_executor(tmp_path: Path, executor_type: str, kind: type) -> None:
    config = jobs.recipe(str(tmp_path), ["in.jsonl"], [], {"executor_type": executor_type})
    assert type(make_executor(config)) is kind


def test_without_the_extra_one_line_says_what_to_install_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    drive = WITHOUT_RAY + "from data_juicer.cli.process import main; sys.exit(main())"
    words = [
        "--dataset_path",
        "in.jsonl",
        "--export_path",
        "out/o.jsonl",
        "--executor_type",
        "ray_partitioned",
    ]
    done = subprocess.run(
        [sys.executable, "-c", drive, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'data-juicer[ray]'" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_every_public_name_is_there_without_ray() -> None:
    names = "data_juicer.api, data_juicer.core.executor.ray_executor_partitioned, data_juicer.core.executor.factory"
    code = f"{WITHOUT_RAY}import data_juicer, {names}; [getattr(data_juicer, n) for n in data_juicer.__all__]"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_executor_tells_the_log_what_only_it_knows(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    config = jobs.recipe(str(tmp_path), [str(tmp_path / "in.jsonl")], [])

    class Informing(Observer):
        def job_opened(self, job: WatchedJob) -> None:
            executor.inform(f"opened {job.layout.job_id}")

    executor = LocalExecutor(RunControl(observers=(Informing(),)))
    executor.inform("nobody hears this")
    executor.run(config)
    reported = [record.event for record in jobs.logged(config, PosixStore())]
    assert [event.message for event in reported if isinstance(event, InfoNotice)] == ["opened job"]
