"""Every module and page that docs/architecture.md names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_every_module_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)`", PAGE))
    assert len(named) > 40
    assert {
        name for name in named if not (ROOT / "data_juicer" / name).exists() and not (ROOT / name).exists()
    } == set()


def test_every_folder_of_the_package_is_in_the_picture() -> None:
    picture = PAGE.split("```")[1]
    folders = {path.name for path in (ROOT / "data_juicer").iterdir() if (path / "__init__.py").exists()}
    beside = {"testing", "utils"}  # what tests and operators of users import
    assert {name for name in folders - beside if not re.search(rf"\b{name}\b", picture)} == set()
