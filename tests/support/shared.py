"""Recorded cases, models and documents that lie beside the project, not in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

SHARED: Final = Path(__file__).parents[3] / "shared"
GOLDEN: Final = SHARED / "golden"
ASSETS: Final = GOLDEN / "assets"


def need(path: Path, what: str) -> Path:
    """The path. Where it is absent the test says so and is skipped; on a machine that must have it (`CI=true`) it fails."""
    if not path.exists():
        absent = f"{what} are not here: {path}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(absent)
        pytest.skip(absent)
    return path
