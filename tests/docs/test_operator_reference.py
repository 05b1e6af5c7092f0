"""docs/operators/ is what the operators say of themselves."""

from __future__ import annotations

from pathlib import Path

from data_juicer.cli.reference import render

FOLDER = Path(__file__).parents[2] / "docs" / "operators"


def test_the_operator_reference_is_current():
    held = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert held == dict(render()), "run: python -m data_juicer.cli.reference"
