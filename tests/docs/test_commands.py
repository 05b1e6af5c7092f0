"""Runs what README and docs tell a reader to type, as it is written there.

A fence marked `sh run` or `python run` is run; one marked with a file name is put into that file first.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from data_juicer.config.config import load_recipe
from tests.support.shared import SHARED, need

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
SEED = SHARED / "docs" / "SEED.md"
FENCE = re.compile(r"^```(\w+) +(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLAIN_YAML = re.compile(r"^```yaml *\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""Settings that are part of a recipe, not a file of their own."""
DOCUMENTS = "400"
RUNNERS = {"sh": ["sh", "-e", "-c"], "python": [sys.executable, "-c"]}


def marked_blocks(page: Path) -> list[tuple[str, str, str]]:
    """Language, mark and text of each block that is marked."""
    return [match.groups() for match in FENCE.finditer(page.read_text())]


def seed_commands() -> Iterator[str]:
    """The commands of the specification's Quick Start, sections 1 to 3."""
    start = SEED.read_text().partition("Quick Start\n")[2].partition("### 4.")[0]
    return (line for line in start.splitlines() if line.startswith("dj-process "))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone after `make demo`, with less data; what the recipes put under /tmp stays in it."""
    for folder in ("configs", "demos"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    data = tmp_path / "demo-outputs" / "data" / "stdlib.jsonl"
    make = "import sys, make_data; make_data.make_data(sys.argv[1], int(sys.argv[2]))"
    subprocess.run(
        [sys.executable, "-c", make, str(data), DOCUMENTS],
        cwd=ROOT / "demos" / "partition_and_checkpoint",
        check=True,
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))
    monkeypatch.setenv("DJ_EVENT_LOG_DIR", str(tmp_path / "event_logs"))
    monkeypatch.setenv("DJ_CHECKPOINT_DIR", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("DJ_NP", "1")  # starting workers is what these tests would spend their time on
    return tmp_path


def run(program: list[str], text: str) -> None:
    done = subprocess.run([*program, text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", [page for page in PAGES if marked_blocks(page)], ids=lambda page: page.name)
def test_every_block_of_a_page_runs_as_written(page: Path, project: Path) -> None:
    for language, mark, text in marked_blocks(page):
        if mark == "run":
            run(RUNNERS[language], text)
        else:
            (project / mark).write_text(text)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if PLAIN_YAML.search(page.read_text())], ids=lambda page: page.name
)
def test_every_other_block_of_settings_loads(page: Path) -> None:
    for text in PLAIN_YAML.findall(page.read_text()):
        given = yaml.safe_load(text)
        whole = {"process": ["clean_email_mapper"], **given}
        if "dataset" not in given:
            whole = {"dataset_path": "in.jsonl", **whole}
        load_recipe(whole, {}, {"OPENAI_API_KEY": "x"})


def test_the_quick_start_runs_the_commands_of_the_specification() -> None:
    need(SEED, "the specification")
    run_here = "".join(
        text for _, mark, text in marked_blocks(ROOT / "docs" / "quickstart.md") if mark == "run"
    )
    commands = list(seed_commands())
    assert len(commands) == 6
    assert [command for command in commands if command not in run_here.splitlines()] == []


def test_the_example_says_how_to_make_its_data(project: Path) -> None:
    (project / "demo-outputs" / "data" / "stdlib.jsonl").unlink()
    command = ["dj-process", "--config", "configs/demo/checkpoint_config_example.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "make demo" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
