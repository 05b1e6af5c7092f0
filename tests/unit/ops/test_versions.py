"""An operator whose output changes has its version raised."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

_HERE = runpy.run_path(str(Path(__file__).with_name("output_digests.py")))


def test_an_operator_whose_output_changed_has_a_new_version() -> None:
    recorded = json.loads(_HERE["RECORDED"].read_text())
    current = _HERE["current"]()
    assert len(current) > 40  # fewer without extras
    for name, now in current.items():
        before = recorded.get(name)
        assert before is not None, f"{name} is not recorded: run {_HERE['RECORDED'].stem}.py"
        if now["version"] == before["version"]:
            assert now["digest"] == before["digest"], (
                f"{name} gives something else: raise its version and record it"
            )
        assert now == before, f"{name} has version {now['version']}: run {_HERE['RECORDED'].stem}.py"
