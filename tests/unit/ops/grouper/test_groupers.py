"""Rows made one, and one row made many again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.base import DatasetOperator, Mapper
from data_juicer.ops.catalog import registry
from data_juicer.testing.dataset_operators import decide, resolve
from data_juicer.testing.rows import batch_of

ROWS = [{"id": n, "kind": f"k{n * n % 7}", "text": "word " * (n % 5)} for n in range(200)]


def grouper(name: str = "key_value_grouper", **parameters: Any) -> DatasetOperator:
    operator = registry.make(name, parameters)
    assert isinstance(operator, DatasetOperator)
    return operator


def reverse() -> Mapper:
    operator = registry.make("naive_reverse_grouper", {})
    assert isinstance(operator, Mapper)
    return operator


def cut(rows: Sequence[dict[str, Any]], size: int) -> list[Any]:
    return [batch_of(rows[start : start + size], ()) for start in range(0, len(rows), size)]


def groups(operator: DatasetOperator, size: int, directory: Path, memory_bytes: int = 1 << 30) -> list[Any]:
    made = resolve(operator, cut(ROWS, size), str(directory), memory_bytes)
    return [batch.raw_row(row) for batch in made for row in range(len(batch))]


def test_groups_do_not_depend_on_partitions_or_memory(tmp_path: Path) -> None:
    operator = grouper(group_by_keys=["kind"])
    expected = groups(operator, 200, tmp_path)
    assert [row["kind"].count(b",") + 1 for row in expected] == [29, 57, 57, 57]
    for size, memory_bytes in ((1, 1 << 30), (7, 1 << 30), (50, 1), (200, 1)):
        assert groups(operator, size, tmp_path, memory_bytes) == expected


def test_partitions_make_groups_of_about_as_many_bytes_each(tmp_path: Path) -> None:
    rows = [{"id": n, "text": "x" * 100} for n in range(1000)]
    decisions = decide(grouper(group_by_keys=["id"]), cut(rows, 100), str(tmp_path))
    assert [table.num_rows for table in decisions] == pytest.approx([100] * 10, abs=3)


def test_all_rows_as_one_group_are_made_by_the_first_partition(tmp_path: Path) -> None:
    decisions = decide(grouper("naive_grouper"), cut(ROWS, 30), str(tmp_path))
    assert [table.num_rows for table in decisions] == [200, 0, 0, 0, 0, 0, 0]


def test_the_text_is_the_key_unless_another_is_named(tmp_path: Path) -> None:
    assert len(groups(grouper(), 20, tmp_path)) == 5


def test_a_field_that_some_members_lack_is_null_there_and_one_that_all_lack_is_left_out() -> None:
    rows = [{"k": 1, "a": 1.0}, {"k": 1, "b": None}, {"k": 2}, {"k": 1.0, "b": 2}]
    (made,) = resolve(grouper(group_by_keys=["k"]), [batch_of(rows, ())])
    assert [made.raw_row(row) for row in range(3)] == [
        {"a": b"[1.0,null]", "b": b"[null,null]", "k": b"[1,1]"},
        {"k": b"[2]"},
        {"b": b"[2]", "k": b"[1.0]"},
    ]


def test_a_missing_key_is_like_null_and_keys_reach_into_objects() -> None:
    rows = [{"m": {"a": "x"}, "n": 0}, {"n": 1}, {"m": {"a": None}, "n": 2}, {"m": {"a": "x"}, "n": 3}]
    (made,) = resolve(grouper(group_by_keys=["m.a"]), [batch_of(rows, ())])
    assert [made.raw_row(row)["n"] for row in range(len(made))] == [b"[0,3]", b"[1,2]"]


def test_a_grouper_is_undone() -> None:
    rows = [{"id": n, "tags": ["a"] * (n % 3), "big": 1 << 70, "m": {"x": 1.0}} for n in range(20)]
    batches = cut(rows, 6)
    for number, batch in enumerate(batches):
        stats = {"words": np.arange(len(batch)) / 3 + number}
        batches[number] = batch.with_stats({name: _array(column) for name, column in stats.items()})
    (made, *_) = resolve(grouper("naive_grouper"), batches)
    undone = reverse().process(made)
    before = [batch.row(row) for batch in batches for row in range(len(batch))]
    assert [undone.row(row) for row in range(len(undone))] == before


def _array(column: Any) -> Any:
    import pyarrow as pa

    return pa.array(column)


@pytest.mark.parametrize("row", [{"a": [1, 2], "b": [1]}, {"a": 1}], ids=["lengths", "no list"])
def test_a_row_that_no_grouper_made_is_an_error(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="lists of one length"):
        reverse().process(batch_of([row], ()))


def test_what_is_no_list_goes_into_every_row_and_what_is_known_of_the_whole_goes() -> None:
    row = {"a": [1, 2], "joined": "1|2", "__dj__batch_meta__": {"k": [1]}}
    made = reverse().process(batch_of([row], ()))
    assert [made.row(number) for number in range(2)] == [{"a": 1, "joined": "1|2"}, {"a": 2, "joined": "1|2"}]


def test_a_path_for_the_meta_is_refused() -> None:
    with pytest.raises(ConfigError, match="batch_meta_export_path"):
        registry.make("naive_reverse_grouper", {"batch_meta_export_path": "meta.jsonl"})
