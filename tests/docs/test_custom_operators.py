"""The operators of docs/custom_operators.md, run as the page has them."""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import yaml

from data_juicer.api import run
from data_juicer.ops.catalog import custom, registry

PAGE = (Path(__file__).parents[2] / "docs" / "custom_operators.md").read_text()
TEXTS = ["my secret is out?", "no question, no secret", "why? why not?"]


@pytest.fixture
def folder(tmp_path):
    blocks = re.findall(r"```python file=my_ops\.py\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "my_ops.py").write_text("\n\n".join(blocks))
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"n": 1.0, "text": text}) + "\n" for text in TEXTS))
    return tmp_path


def test_the_recipe_of_the_page_runs_the_operators_of_the_page(folder):
    recipe = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    run(
        {**recipe, "dataset_path": str(folder / "in.jsonl")},
        custom_operator_paths=[str(folder / "my_ops.py")],
        export_path=str(folder / "out.jsonl"),
        keep_stats_in_res_ds=True,
        executor_type="inline",
    )
    assert (folder / "out.jsonl").read_text() == (
        '{"n":1.0,"text":"MY ****** IS OUT?","__dj__stats__":{"questions":1}}\n'
        '{"n":1.0,"text":"WHY? WHY NOT?","__dj__stats__":{"questions":2}}\n'
    )


def test_an_operator_of_an_installed_package_is_known_by_its_entry_point(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    point = EntryPoint("packaged_shout_mapper", "my_ops:MyShoutMapper", registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "_entry_points", lambda: {point.name: point})
    custom_before = dict(custom.classes())
    operator = registry.make("packaged_shout_mapper", {})
    assert operator.kind == "mapper"
    assert custom.classes() == custom_before
    sys.modules.pop("my_ops", None)
