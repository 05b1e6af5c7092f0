"""What is shipped gives nobody else a place to plant something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = [
    path
    for folder in ("configs", "demos", "docs", "data_juicer")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".yaml", ".py", ".md", ".sh"} and "__pycache__" not in path.parts
]


@pytest.mark.parametrize("path", [ROOT / "README.md", *SHIPPED], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_fixed_name_below_tmp_is_shipped(path: Path) -> None:
    assert re.findall(r"(?:/var)?/tmp/[\w.-]+", path.read_text()) == []
