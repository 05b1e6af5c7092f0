"""What is imported by whom: start-up is mostly imports, and a module that slips in costs every run its milliseconds.

Modules are counted, not time. A module is forbidden where a run over plain JSON Lines has no use for it.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

_RECORDER: Final = """\
import os, sys
if "IMPORTS_RECORDED" in os.environ:
    name = "worker" if "data_juicer.backends.local.worker_main" in sys.orig_argv else "driver"
    file = open(os.path.join(os.environ["IMPORTS_RECORDED"], name), "a", buffering=1)
    sys.addaudithook(lambda event, args: event == "import" and print(args[0], file=file))
"""
_HELP: Final = {
    "msgspec",
    "typing_extensions",
    "dataclasses",
    "inspect",
    "json",
    "yaml",
    "numpy",
    "pyarrow",
    "polars",
}
_NEITHER: Final = {
    "importlib.metadata",
    "email",
    "polars",
    "rich",
    "psutil",
    "unittest",
    "http",
    "ray",
    "fsspec",
    "obstore",
}
_NO_WORKER: Final = {
    "yaml",
    "loguru",
    "asyncio",
    "argparse",
    "data_juicer.engine.worker.dataset_operator",
    "data_juicer.engine.worker.sampling",
    "data_juicer.engine.worker.shared.run",
    "data_juicer.engine.worker.summary_files",
    "data_juicer.ops.dataset.grouping.grouper",
}


def imports(folder: Path, *words: str) -> dict[str, set[str]]:
    """Process -> what it has asked to be imported, for a command that has succeeded."""
    (folder / "sitecustomize.py").write_text(_RECORDER)
    recorded = folder / "recorded"
    recorded.mkdir()
    search_path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "data_juicer", *words],
        env={**os.environ, "IMPORTS_RECORDED": str(recorded), "PYTHONPATH": search_path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {file.name: set(file.read_text().split()) for file in recorded.iterdir()}


def test_help_imports_neither_the_schema_nor_what_describes_it(tmp_path: Path) -> None:
    found = imports(tmp_path, "--help")
    assert not found["driver"] & (_HELP | _NEITHER)
    assert "data_juicer.config.schema" not in found["driver"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Ten rows of JSON Lines through a mapper and a filter, by one worker."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "in.jsonl").write_text('{"text": "some  words"}\n' * 10)
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        f"dataset_path: {folder / 'in.jsonl'}\nexport_path: {folder / 'out' / 'out.jsonl'}\nnp: 1\nprocess:\n"
        "  - whitespace_normalization_mapper:\n  - words_num_filter:\n"
    )
    return imports(folder, "--config", str(recipe))


def test_a_run_imports_nothing_that_it_has_no_use_for(run: dict[str, set[str]]) -> None:
    assert not run["driver"] & _NEITHER
    assert not run["worker"] & (_NEITHER | _NO_WORKER)


def test_the_first_worker_starts_before_the_driver_imports_arrow(run: dict[str, set[str]]) -> None:
    """Both import it side by side then."""
    program = "import sys, data_juicer.backends.local.backend; print(*{'numpy', 'pyarrow', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
    assert "pyarrow" in run["driver"]
