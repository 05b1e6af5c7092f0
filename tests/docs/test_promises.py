"""The tests that docs/promises.md names exist, and every promise of the README has some."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text()


def _named() -> list[tuple[str, str]]:
    """(file, test) for each test that the page names; a test without a file belongs to the file before it."""
    named, file = [], ""
    for word in re.findall(r"`([^`]+)`", PAGE):
        if "::" in word:
            file, _, name = word.partition("::")
            named.append((file, name))
        elif re.fullmatch(r"test_\w+", word):
            named.append((file, word))
    return named


def _tests_of(file: str) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse((ROOT / file).read_text()))
        if isinstance(node, ast.FunctionDef)
    }


def test_every_test_that_is_named_exists() -> None:
    named = _named()
    assert len(named) > 40
    assert [(file, name) for file, name in named if name not in _tests_of(file)] == []


def test_every_promise_of_the_readme_has_a_section() -> None:
    readme = (ROOT / "README.md").read_text()
    promises = readme.partition("## What it promises")[2].partition("\n## ")[0]
    numbers = re.findall(r"^(\d)\. ", promises, re.MULTILINE)
    assert numbers == re.findall(r"^## (\d)\. ", PAGE, re.MULTILINE) != []
