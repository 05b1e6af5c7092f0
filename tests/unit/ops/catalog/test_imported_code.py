"""The user's code that an operator imports is part of what it was computed from."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.ops.catalog import custom, registry
from data_juicer.ops.catalog.imported_code import imported_code

OPERATOR = """
from data_juicer.ops.base_op import OPERATORS, Mapper
{line}

@OPERATORS.register_module("{name}")
class ImportingMapper(Mapper):
    def process_single(self, sample):
        {inner}
        return {{**sample, "word": {value}}}
"""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(folder: Path, start: str) -> list[str]:
    found = imported_code([str(folder / start)]).files
    return [str(Path(file).relative_to(folder)) for file in found]


def test_files_beside_below_and_further_on_are_found_and_installed_ones_are_not(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "op.py": "import json, numpy, data_juicer.ops.base\nimport beside\nfrom .sibling import x\nfrom pack.inner import y",
            "beside.py": "def f():\n    import late",
            "late.py": "",
            "sibling.py": "from . import third",
            "third.py": "",
            "pack/__init__.py": "",
            "pack/inner.py": "from ..beside import f\nfrom .deep import thing",
            "pack/deep/__init__.py": "",
            "pack/deep/thing.py": "broken (",
            "unused.py": "",
        },
    )
    assert names(tmp_path, "op.py") == [
        "beside.py",
        "late.py",
        "op.py",
        "pack/__init__.py",
        "pack/deep/__init__.py",
        "pack/deep/thing.py",
        "pack/inner.py",
        "sibling.py",
        "third.py",
    ]


def test_modules_on_the_path_of_python_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path, {"ops/op.py": "import elsewhere_module_of_a_test", "lib/elsewhere_module_of_a_test.py": ""}
    )
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    assert names(tmp_path, "ops/op.py") == ["lib/elsewhere_module_of_a_test.py", "ops/op.py"]


def test_imports_that_a_program_computes_are_named_by_their_line(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "op.py": "import importlib\nimportlib.import_module('late')\nimportlib.import_module(name)\nexec(text)",
            "late.py": "",
        },
    )
    code = imported_code([str(tmp_path / "op.py")])
    assert names(tmp_path, "op.py") == ["late.py", "op.py"]
    assert [place.rpartition("/")[2] for place in code.not_followed] == ["op.py:3", "op.py:4"]


@pytest.mark.parametrize(
    ("line", "inner", "value"),
    [
        ("import words_of_a_test", "pass", "words_of_a_test.WORD"),
        ("from .words_of_a_test import WORD", "pass", "WORD"),
        ("", "from words_of_a_test import WORD", "WORD"),
    ],
)
def test_a_changed_module_gives_another_version_and_its_new_code_runs(
    tmp_path: Path, line: str, inner: str, value: str
) -> None:
    versions, words = [], []
    module = f"words_of_{tmp_path.name}"
    line, inner, value = (text.replace("words_of_a_test", module) for text in (line, inner, value))
    for word in ("one", "two"):  # as long, and written within a second of each other
        write(
            tmp_path,
            {
                "op.py": OPERATOR.format(name=tmp_path.name, line=line, inner=inner, value=value),
                f"{module}.py": f"WORD = {word!r}",
            },
        )
        registry.load_custom([str(tmp_path / "op.py")])
        operator = registry.make(tmp_path.name, {})
        versions.append(operator.version)
        words.append(operator.operator.process_single({})["word"])  # type: ignore[attr-defined]
    assert words == ["one", "two"]
    assert versions[0] != versions[1]


def test_what_is_in_no_key_is_reported_once_for_each_operator_file(tmp_path: Path) -> None:
    source = OPERATOR.format(
        name=tmp_path.name, line="import importlib", inner="importlib.import_module(sample['m'])", value="1"
    )
    write(tmp_path, {"op.py": source})
    registry.load_custom([str(tmp_path / "op.py")])
    (notice,) = [notice for notice in custom.notices() if str(tmp_path) in notice]
    assert notice == (
        f"custom operators: {tmp_path}/op.py:8: what is imported or run here is computed by the program, so that a change "
        "of it is not noticed; name such files in assets(), or start a new job after a change"
    )


def test_a_function_file_has_what_it_imports_among_its_assets(tmp_path: Path) -> None:
    write(
        tmp_path, {"fn.py": "import helper_of_fn\ndef process_single(row): return row", "helper_of_fn.py": ""}
    )
    operator = registry.make("python_file_mapper", {"file_path": str(tmp_path / "fn.py")})
    assert operator.assets() == (str(tmp_path / "fn.py"), str(tmp_path / "helper_of_fn.py"))
