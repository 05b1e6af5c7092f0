"""docs/specification.md names tests that there are, and the specification's own blocks of settings load."""

import re
from pathlib import Path

import pytest
import yaml

from data_juicer.config.config import load_recipe
from tests.support.shared import SHARED, need

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "specification.md"
SEED = SHARED / "docs" / "SEED.md"
ROWS = [line for line in PAGE.read_text().splitlines() if re.match(r"\| (?!statement|---)", line)]


def test_every_statement_names_a_test() -> None:
    assert len(ROWS) > 50
    assert [row for row in ROWS if "::" not in row] == []
    assert "not yet" not in PAGE.read_text()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(tests/[^`]+::test_\w+)`", PAGE.read_text()))))
def test_every_test_that_is_named_is_there(name: str) -> None:
    path, _, function = name.partition("::")
    assert re.search(rf"^\s*def {function}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_the_blocks_of_the_specification_load() -> None:
    need(SEED, "the specification")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", SEED.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        operators = ["clean_links_mapper", "whitespace_normalization_mapper"]  # that op_names names
        load_recipe({**yaml.safe_load(block), "dataset_path": "in.jsonl", "process": operators}, {}, {})
