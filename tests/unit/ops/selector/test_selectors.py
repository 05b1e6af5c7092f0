"""What a selector keeps: never more than there is, in the order of the input, however rows are partitioned."""

from __future__ import annotations

from typing import Any

import pytest

from data_juicer.errors import ConfigError, OperatorError
from data_juicer.ops.base import DatasetOperator
from data_juicer.ops.catalog import registry
from data_juicer.testing.dataset_operators import resolve
from data_juicer.testing.rows import batch_of

ROWS = [{"id": n, "tag": "abbcccdddd"[n % 10], "score": None if n == 7 else (n * 37) % 11} for n in range(40)]
FREQUENCY, TOPK = "frequency_specified_field_selector", "topk_specified_field_selector"
RANGE, RANDOM = "range_specified_field_selector", "random_selector"


def kept(name: str, params: dict[str, Any], rows: list[dict[str, Any]] = ROWS, size: int = 7) -> list[int]:
    operator = registry.make(name, params)
    assert isinstance(operator, DatasetOperator)
    batches = [batch_of(rows[start : start + size], ()) for start in range(0, len(rows), size)]
    return [batch.row(index)["id"] for batch in resolve(operator, batches) for index in range(len(batch))]


@pytest.mark.parametrize(
    ("name", "params"),
    [
        (RANDOM, {"select_num": 9}),
        (RANDOM, {"select_ratio": 0.4}),
        (TOPK, {"field_key": "score", "topk": 9}),
        (RANGE, {"field_key": "score", "lower_percentile": 0.2, "upper_rank": 30}),
        (FREQUENCY, {"field_key": "tag", "topk": 2}),
    ],
)
def test_partitions_change_nothing_and_rows_stay_in_order(name: str, params: dict[str, Any]) -> None:
    found = kept(name, params)
    assert found
    assert found == sorted(found)
    assert all(kept(name, params, size=size) == found for size in (1, 10, 40))


def test_a_random_selection_has_the_size_that_was_asked_for() -> None:
    assert [len(kept(RANDOM, {"select_num": number})) for number in (0, 4, 40, 100)] == [0, 4, 40, 40]
    assert [len(kept(RANDOM, {"select_ratio": ratio})) for ratio in (0.0, 0.01, 0.5, 1.0)] == [0, 0, 20, 40]
    assert len(kept(RANDOM, {"select_ratio": 0.5, "select_num": 3})) == 3
    assert len(kept(RANDOM, {})) == 40


def test_a_random_selection_is_drawn_by_the_seed_of_the_job() -> None:
    drawn = []
    for seed in (42, 42, 7):
        operator = registry.make(RANDOM, {"select_num": 20}, seed=seed)
        assert isinstance(operator, DatasetOperator)
        assert str(seed).encode() in operator.canonical
        (after,) = resolve(operator, [batch_of(ROWS, ())])
        drawn.append(after.origin.tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] == kept(RANDOM, {"select_num": 20})


def test_a_row_without_a_number_comes_last_whatever_the_order() -> None:
    assert 7 not in kept(TOPK, {"field_key": "score", "topk": 39})
    assert 7 not in kept(TOPK, {"field_key": "score", "topk": 39, "reverse": False})
    assert len(kept(TOPK, {"field_key": "score", "topk": 40})) == 40
    assert kept(TOPK, {"field_key": "score", "top_ratio": 0.01}) == []


MIXED: list[Any] = [
    1,
    "9",
    None,
    True,
    [7, 8],
    10**400,
    -2.5,
    "no number",
    {"a": 1},
    "nan",
    [],
    " 2.25 ",
]


def test_texts_and_lists_count_as_their_numbers_as_datajuicer_takes_them() -> None:
    rows = [{"id": number, "score": score} for number, score in enumerate(MIXED)]
    assert kept(TOPK, {"field_key": "score", "topk": 3}, rows) == [1, 4, 5]
    assert kept(TOPK, {"field_key": "score", "topk": 2, "reverse": False}, rows) == [0, 6]
    assert kept(TOPK, {"field_key": "score", "topk": 7}, rows) == [
        0,
        1,
        3,
        4,
        5,
        6,
        11,
    ]  # all that are numbers


def test_a_range_counts_rows_without_a_number_below_all_others() -> None:
    rows = [{"id": number, "score": score} for number, score in enumerate([3, None, "1", "x", [2]])]
    assert kept(RANGE, {"field_key": "score", "lower_rank": 2, "upper_rank": 4}, rows) == [2, 4]
    assert kept(RANGE, {"field_key": "score", "lower_percentile": 0.0, "upper_percentile": 0.4}, rows) == [
        1,
        3,
    ]


def test_a_selector_by_tags_adds_no_stat() -> None:
    operator = registry.make("tags_specified_field_selector", {"field_key": "tag", "target_tags": ["a"]})
    after = operator.process(batch_of([{"text": "x", "tag": "a"}, {"text": "y", "tag": "b"}]))  # type: ignore[attr-defined]
    assert (len(after), dict(after.stats)) == (1, {})


def test_a_rare_or_frequent_value_is_found() -> None:
    assert kept(FREQUENCY, {"field_key": "tag", "topk": 1, "reverse": False}) == [0, 10, 20, 30]
    assert len(kept(FREQUENCY, {"field_key": "tag", "topk": 1})) == 16
    assert kept(FREQUENCY, {"field_key": "tag", "top_ratio": 0.1}) == []


@pytest.mark.parametrize("name", [FREQUENCY, TOPK])
def test_a_field_that_no_row_has_is_an_error(name: str) -> None:
    with pytest.raises(OperatorError, match="no row has a value to select by in the field 'scroe'"):
        kept(name, {"field_key": "scroe", "topk": 3})


def test_wrong_parameters_are_refused() -> None:
    with pytest.raises(ConfigError, match="a share lies between 0 and 1"):
        registry.make(RANDOM, {"select_ratio": 1.5})
    with pytest.raises(ConfigError, match="target_tags is missing"):
        registry.make("tags_specified_field_selector", {"field_key": "tag"})
