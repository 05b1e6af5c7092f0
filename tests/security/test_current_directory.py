"""Whatever modules are in the current folder, none of them is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.second_user import command

THIRD_PARTY = (
    "ftfy",
    "loguru",
    "msgspec",
    "numpy",
    "polars",
    "pyarrow",
    "ray",
    "regex",
    "rich",
    "xxhash",
    "yaml",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recipe and its input, among modules named like every one of Python's and of our dependencies."""
    rows = [json.dumps({"text": f"row {number} <b>bold</b> https://a.b/c"}) for number in range(6)]
    (tmp_path / "in.jsonl").write_text("\n".join(rows) + "\n")
    (tmp_path / "recipe.yaml").write_text(
        f"dataset_path: {tmp_path}/in.jsonl\nexport_path: {tmp_path}/out/r.jsonl\nnp: 1\n"
        "partition: {size: 3}\nprocess: [clean_html_mapper, fix_unicode_mapper, document_minhash_deduplicator]\n"
    )
    for name in {*sys.stdlib_module_names, *THIRD_PARTY, "sitecustomize", "usercustomize", "benchmarks"}:
        plant(tmp_path, f"{name}.py")
    return tmp_path


def plant(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(
        f"import builtins\nwith builtins.open({str(folder / 'RAN')!r}, 'a') as f:\n    f.write({name!r} + '\\n')\n"
    )


def run(folder: Path, words: Sequence[str], variables: Mapping[str, str] | None = None) -> str:
    """The command run there; what it printed, once it is sure that nothing planted was run."""
    done = subprocess.run(
        words,
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **(variables or {})},
        timeout=200,
    )
    ran = (folder / "RAN").read_text().split() if (folder / "RAN").exists() else []
    assert not ran, f"run by {words}: {ran}"
    assert done.returncode == 0, done.stderr
    return done.stdout


JOB = ["--config", "recipe.yaml", "--job_id", "j"]


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_dj_process_and_its_workers_import_nothing_from_where_one_stands(folder: Path, executor: str) -> None:
    plant(folder, "data_juicer/__init__.py")
    run(folder, [command("dj-process"), *JOB, "--executor_type", executor])
    assert (folder / "out" / "r.jsonl").read_bytes()


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_an_empty_part_of_pythonpath_imports_nothing_from_where_one_stands(
    folder: Path, executor: str
) -> None:
    for planted in folder.glob("*.py"):  # Python itself takes many from there, before any program begins
        if planted.stem not in {
            *THIRD_PARTY,
            "dataclasses",
            "queue",
            "random",
            "signal",
            "socket",
            "tempfile",
        }:
            planted.unlink()
    run(folder, [command("dj-process"), *JOB, "--executor_type", executor], {"PYTHONPATH": ":/nowhere"})
    assert (folder / "out" / "r.jsonl").read_bytes()


@pytest.mark.parametrize(
    "words", [["list"], ["show", "j"], ["explain", "j"], ["dead-letters", "j"]], ids=" ".join
)
def test_dj_jobs_imports_nothing_from_where_one_stands(folder: Path, words: list[str]) -> None:
    plant(folder, "data_juicer/__init__.py")
    run(folder, [command("dj-process"), *JOB, "--executor_type", "inline"])
    run(folder, [command("dj-jobs"), *words, "--work_dir", "out"])


def test_the_package_started_as_a_module_imports_nothing_else_from_where_one_stands(folder: Path) -> None:
    run(folder, [sys.executable, "-m", "data_juicer", *JOB])
    assert (folder / "out" / "r.jsonl").read_bytes()


def test_agents_of_a_ray_cluster_import_nothing_from_where_the_driver_stands(folder: Path) -> None:
    pytest.importorskip("ray")
    plant(folder, "data_juicer/__init__.py")
    run(folder, [command("dj-process"), *JOB, "--executor_type", "ray", "--ray_address", "local"])
    assert (folder / "out" / "r.jsonl").read_bytes()
