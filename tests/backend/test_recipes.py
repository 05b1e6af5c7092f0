"""The recipes of configs/recipes over real documents: killed in the middle, resumed, the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.golden.harness import models_home
from tests.support.shared import SHARED, need

ROOT = Path(__file__).parents[2]
RECIPES = sorted(path.stem for path in (ROOT / "configs" / "recipes").glob("*.yaml"))
QUICK = ("redpajama-cc", "bloom-oscar")
ROWS_QUICK = 1500


@pytest.fixture(scope="session")
def documents(tmp_path_factory):
    """A function: number of rows -> JSON Lines file of so many shared documents; `content` is the text once more."""
    need(SHARED, "the shared documents")
    import pyarrow as pa

    with pa.CompressedInputStream(str(SHARED / "data" / "dev.jsonl.zst"), "zstd") as stream:
        rows = [json.loads(line) for line in stream.read().splitlines()]
    folder = tmp_path_factory.mktemp("documents")

    def write(count):
        path = folder / f"{count}.jsonl"
        taken = rows[:: max(1, len(rows) // count)][:count]
        path.write_text("".join(json.dumps(_with_all_fields(row)) + "\n" for row in taken))
        return path

    return write


def _with_all_fields(row):
    """A row with every field that a recipe reads."""
    suffix = os.path.splitext(row["meta"]["path"])[1]
    return {**row, "content": row["text"], "__dj__suffix__": suffix}


def _command(recipe, data, folder, job):
    return [
        sys.executable, "-m", "data_juicer", "--config", str(ROOT / "configs" / "recipes" / f"{recipe}.yaml"),
        "--dataset_path", str(data), "--export_path", str(folder / f"{job}.jsonl"), "--work_dir", str(folder / "work"),
        "--job_id", job, "--np", "2", "--partition.size", "200",
        "--fault_tolerance.max_dead_letter_ratio", "0.05",
    ]  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def models(tmp_path_factory):
    """The shared models where recipes look for them."""
    if SHARED.exists():
        os.environ["RECIPE_TEST_MODELS"] = str(models_home(tmp_path_factory.mktemp("home")))


def _environment():
    models = os.environ["RECIPE_TEST_MODELS"]
    nltk = str(SHARED / "golden" / "assets" / "nltk_data")
    return {**os.environ, "DATA_JUICER_EXTERNAL_MODELS_HOME": models, "NLTK_DATA": nltk}


def _run_and_kill(command, folder, job):
    """Start a job and kill its driver once a third of its partitions are done, or its first checkpoints or summaries are there."""
    process = subprocess.Popen(
        command, env=_environment(), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    checkpoints = folder / "work" / job / "checkpoints"
    while process.poll() is None:
        if checkpoints.exists() and len(list(checkpoints.glob("*.json"))) >= 12:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.02)
    process.wait()
    return process.returncode


def _check(recipe, data, folder):
    whole = subprocess.run(
        _command(recipe, data, folder, "whole"), env=_environment(), cwd=ROOT, capture_output=True, text=True
    )
    assert whole.returncode == 0, whole.stderr[-2000:]
    assert _run_and_kill(_command(recipe, data, folder, "killed"), folder, "killed") == -signal.SIGKILL
    resumed = subprocess.run(
        _command(recipe, data, folder, "killed"), env=_environment(), cwd=ROOT, capture_output=True, text=True
    )
    assert resumed.returncode == 0, resumed.stderr[-2000:]
    expected = (folder / "whole.jsonl").read_bytes()
    assert (folder / "killed.jsonl").read_bytes() == expected
    return expected.count(b"\n")


@pytest.mark.parametrize("recipe", QUICK)
def test_a_recipe_killed_in_the_middle_gives_the_same_bytes(recipe, documents, tmp_path):
    _check(recipe, documents(ROWS_QUICK), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_runs_over_all_documents(recipe, documents, tmp_path):
    print(recipe, _check(recipe, documents(20_000), tmp_path), "rows left")
