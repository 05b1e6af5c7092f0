"""docs/operators/ is what the operators say of themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "operators"
# In a process of its own: operators that other tests registered are not the package's.
RENDER = "import json; from data_juicer.cli.reference import render; print(json.dumps(dict(render())))"


def test_the_operator_reference_is_current():
    rendered = subprocess.run(
        [sys.executable, "-c", RENDER], capture_output=True, text=True, check=True
    ).stdout
    present = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert present == json.loads(rendered), "run: python -m data_juicer.cli.reference"
