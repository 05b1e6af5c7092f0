"""DataJuicer's class interface: operators of every kind run unchanged, and what they lack is named in one line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from data_juicer.errors import ConfigError, DataJuicerError
from data_juicer.ops.catalog import custom
from data_juicer.rows.batch import STATS_FIELD
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing import jobs

OPERATORS = str(Path(__file__).parent / "class_interface_operators.py")
TEXTS = ["listen to me", "why not?", "<__dj__image> no", "silent to me"]
ROWS = [{"text": text, "mark": mark} for text, mark in zip(TEXTS, ["7", [9, 9], None, 9], strict=True)]


def run(
    folder: Path, *process: Any, rows: Sequence[dict[str, Any]] = ROWS, **settings: Any
) -> list[dict[str, Any]]:
    """The rows that a job of these operators exports, in partitions of two rows."""
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {"custom_operator_paths": [OPERATORS], "partition.size": 2, **settings}
    config = jobs.recipe("/disk/jobs", [str(path)], process, given)
    store = MemoryStore()
    jobs.run_inline(config, store)
    return [json.loads(line) for line in jobs.exported(config, store)["result.jsonl"].splitlines()]


def test_an_instance_says_that_it_takes_batches_and_has_its_own_names_of_fields(tmp_path: Path) -> None:
    rows = run(tmp_path, "written_on_instance_mapper")
    assert [(row["n"], row["key"]) for row in rows] == [(2, "dialog")] * 4
    (row, *_) = run(tmp_path, {"written_on_instance_mapper": {"history_key": "history"}})
    assert row["key"] == "history"


def test_tags_are_written_where_the_row_had_none_and_rows_without_tags_stay_as_they_were(
    tmp_path: Path,
) -> None:
    rows = run(tmp_path, "written_tags_mapper")
    assert rows[1]["__dj__meta__"] == {"query_intent_label": [1, 2], "seen": True}
    assert [row for row in rows if "__dj__meta__" in row] == [rows[1]]
    assert rows[0] == ROWS[0]


def test_a_filter_of_batches_gives_stats_and_decides_from_them(tmp_path: Path) -> None:
    rows = run(tmp_path, "written_words_filter", keep_stats_in_res_ds=True)
    assert [row[STATS_FIELD]["num_words"] for row in rows] == [3, 2, 2, 3]


def test_a_filter_without_stats_decides_from_the_row(tmp_path: Path) -> None:
    assert [row["text"] for row in run(tmp_path, "written_plain_filter")] == [TEXTS[0], TEXTS[1], TEXTS[3]]


def test_a_deduplicator_compares_the_rows_of_all_partitions(tmp_path: Path) -> None:
    rows = run(tmp_path, "written_near_deduplicator")
    assert [row["text"] for row in rows] == TEXTS[:3]
    assert rows[0] == ROWS[0]  # without the hash


def test_a_selector_is_given_the_whole_dataset(tmp_path: Path) -> None:
    assert [row["text"] for row in run(tmp_path, "written_best_selector")] == [TEXTS[1], TEXTS[3]]


def test_a_grouper_makes_rows_of_lists(tmp_path: Path) -> None:
    rows = run(tmp_path, "written_initial_grouper", rows=[{"text": text} for text in ["ab", "b", "a"]])
    assert rows == [{"text": ["ab", "a"]}, {"text": ["b"]}]


def test_a_module_is_imported_when_it_is_used(tmp_path: Path) -> None:
    assert run(tmp_path, "written_lazy_mapper")[0]["hsv"] == pytest.approx([0.5, 0.5, 0.4])


def test_a_module_that_is_not_installed_is_named_with_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(
        DataJuicerError, match=r"a_module_that_nobody_has is not installed.*pip install 'its-package'"
    ):
        run(tmp_path, {"written_lazy_mapper": {"there": False}})


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        (
            "import a_module_that_nobody_has",
            "it needs the module a_module_that_nobody_has, which is not installed",
        ),
        (
            "from ..base_op import Pipelines",
            "it needs 'Pipelines' of data_juicer.ops.base_op, which is not here",
        ),
        (
            "from data_juicer.utils.video_utils import x",
            "it needs data_juicer.utils.video_utils, which is not here",
        ),
        (
            "from data_juicer.utils.mm_utils import load_image",
            "it needs 'load_image' of data_juicer.utils.mm_utils",
        ),
    ],
)
def test_what_an_operator_lacks_is_one_line_with_its_place(tmp_path: Path, line: str, reported: str) -> None:
    file = tmp_path / "lacking.py"
    file.write_text(f"import os\n{line}\n")
    with pytest.raises(ConfigError) as refused:
        custom.load_custom([str(file)], taken=list)
    message = str(refused.value)
    assert f"lacking.py:2: {reported}" in message
    assert "\n" not in message


def test_a_deduplicator_that_changes_rows_is_refused_rather_than_half_obeyed(tmp_path: Path) -> None:
    own = tmp_path / "changing.py"
    own.write_text(
        "from data_juicer.ops.base_op import OPERATORS, Deduplicator\n"
        "@OPERATORS.register_module('changing_deduplicator')\n"
        "class Changing(Deduplicator):\n"
        "    def compute_hash(self, sample):\n"
        "        return {**sample, 'text': ''}\n"
        "    def process(self, dataset, show_num=0):\n"
        "        return dataset, {}\n"
    )
    with pytest.raises(DataJuicerError, match="changing_deduplicator changes rows"):
        run(tmp_path, "changing_deduplicator", custom_operator_paths=[str(own)])
