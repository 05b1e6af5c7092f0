"""The kernels in C are those of the sources, are used where they were built, and say so."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from data_juicer.kernels.native import loading

ROOT = Path(__file__).parents[4]
FOLDER = Path(loading.__file__).parent
LINES_MAX, LINES_OF_A_FILE_MAX = 1500, 300


@pytest.fixture(scope="module", autouse=True)
def kernels() -> str:
    return "as they are"


def source_files() -> list[Path]:
    return [*sorted(FOLDER.glob("*.c")), *sorted(FOLDER.glob("*.h"))]


def test_the_digest_is_that_of_the_sources() -> None:
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in source_files())).hexdigest()[:16]
    assert digest == loading.SOURCES, "write this digest into kernels/native/loading.py, then install again"


def test_the_sources_stay_small() -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in source_files()}
    assert sum(lines.values()) < LINES_MAX
    assert {name for name, count in lines.items() if count > LINES_OF_A_FILE_MAX} == set()


HAS_COMPILER = shutil.which(str(sysconfig.get_config_var("CC")).split()[0]) is not None


@pytest.mark.skipif(
    not (os.environ.get("CI") and HAS_COMPILER), reason="without a compiler, or in an older installation"
)
def test_they_are_built_where_tests_decide() -> None:
    assert loading.kernels_used == "compiled"


def says(**environment: str) -> str:
    command = [sys.executable, "-m", "data_juicer", "--version"]
    answer = subprocess.run(
        command, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return answer.stdout


def test_the_version_says_which_kernels_are_used() -> None:
    assert says(DATA_JUICER_NATIVE="0").splitlines()[1] == "kernels: numpy (DATA_JUICER_NATIVE is 0)"
    assert says().splitlines()[1] == f"kernels: {loading.kernels_used}"


def test_a_build_of_other_sources_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "SOURCES", "other")
    monkeypatch.delenv(loading.VARIABLE, raising=False)
    functions, used = loading._load()
    assert functions is None
    assert used.startswith("numpy")
