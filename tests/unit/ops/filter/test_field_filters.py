"""Filters by fields and by suffix."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.base import Filter
from data_juicer.ops.catalog import registry
from data_juicer.rows.batch import Batch
from data_juicer.testing.rows import batch_of


def kept(name: str, batch: Batch | list[Any], **params: Any) -> list[bool]:
    operator = registry.make(name, params)
    assert isinstance(operator, Filter)
    assert operator.text_keys_read() == ()
    batch = batch if isinstance(batch, Batch) else batch_of(batch, ())
    return list(operator.keep(operator.compute_stats(batch)).tolist())


def values(*each: Any) -> list[dict[str, Any]]:
    return [{"n": value} for value in each]


def numeric(*each: Any, **params: Any) -> list[bool]:
    return kept("specified_numeric_field_filter", values(*each), field_key="n", **params)


def test_zero_is_a_number() -> None:
    assert numeric(0, 0.0, "0", -0.0, False, min_value=0) == [True] * 5


def test_what_is_no_number_is_dropped_also_outside_the_range() -> None:
    strange = [None, "", "abc", [], [1], {"a": 1}, "nan"]
    assert numeric(*strange) == [False] * 7
    assert numeric(*strange, 4, max_value=3, reversed_range=True) == [False] * 7 + [True]


def test_large_integers_are_compared_exactly() -> None:
    assert numeric(2**53 + 1, 2**53 + 2, 10**400, min_value=2**53 + 2, max_value=float("inf")) == [
        False,
        True,
        True,
    ]


def test_bounds_may_be_left_out_of_the_range() -> None:
    assert numeric(1, 2, 3, min_value=1, max_value=3, min_closed_interval=False) == [False, True, True]
    assert numeric(1, 2, 3, min_value=1, max_value=3, max_closed_interval=False) == [True, True, False]


def test_values_of_any_type_are_compared_with_the_targets() -> None:
    rows = values("a", 1, 1.0, None, [], ["a", 1], ["a", "x"], {"k": 1})
    assert kept("specified_field_filter", rows, field_key="n", target_value=["a", 1, {"k": 1}]) == [
        True, True, True, False, True, True, False, True
    ]  # fmt: skip
    assert kept("specified_field_filter", rows, field_key="n") == [True] * 8
    assert kept("specified_field_filter", rows, field_key="n", target_value=["a"], reversed_range=True)[
        :2
    ] == [False, True]


def test_stats_are_the_values_themselves() -> None:
    operator = registry.make("specified_field_filter", {"field_key": "n", "target_value": [1]})
    assert isinstance(operator, Filter)
    batch = batch_of(values(1, "1", [None], None), ())
    counted = batch.with_stats(operator.compute_stats(batch))
    assert [counted.row_stats(row) for row in range(4)] == values(1, "1", [None], None)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("specified_field_filter", {"field_key": "m.k", "target_value": [1]}),
        ("specified_numeric_field_filter", {"field_key": "m.k"}),
        ("general_field_filter", {"filter_condition": "m.k > 0"}),
        ("suffix_filter", {"suffixes": ".txt"}),
    ],
)
@pytest.mark.parametrize("lacking", [{}, {"m": None}, {"m": {}}, {"m": 3}])
def test_a_row_without_the_field_is_an_error(
    name: str, params: dict[str, Any], lacking: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="1 of 2 rows have no field"):
        kept(name, [{"m": {"k": 1}, "__dj__suffix__": ".txt"}, lacking], **params)


@pytest.mark.parametrize("name", ["specified_field_filter", "specified_numeric_field_filter"])
def test_a_filter_without_field_is_an_error_of_config(name: str) -> None:
    with pytest.raises(ConfigError, match="field_key is empty"):
        registry.make(name, {})


def test_a_condition_sees_what_operators_before_it_wrote() -> None:
    batch = batch_of([{"m": {"k": 1}}, {"m": {"k": 2}}], ()).with_column("m", [{"k": 5}, {"k": 0}])
    batch = batch.with_stats({"text_len": pa.array([3, None])})
    assert kept("general_field_filter", batch, filter_condition="m.k > 2") == [True, False]
    assert kept("general_field_filter", batch, filter_condition="__dj__stats__.text_len == 3") == [
        True,
        False,
    ]
    with pytest.raises(ValueError, match="no filter before gives a stat 'alnum'; there are: text_len"):
        kept("general_field_filter", batch, filter_condition="__dj__stats__.alnum > 0")


def test_an_empty_condition_keeps_every_row() -> None:
    assert kept("general_field_filter", values(1, None), filter_condition="  ") == [True, True]


def test_suffixes_are_compared_letter_by_letter() -> None:
    rows = [{"__dj__suffix__": suffix} for suffix in (".txt", "txt", ".TXT", "")]
    assert kept("suffix_filter", rows, suffixes=".txt") == [True, False, False, False]
    assert kept("suffix_filter", rows, suffixes=["", "txt"]) == [False, True, False, True]
    assert kept("suffix_filter", rows, suffixes=[".txt"], reversed_range=True) == [False, True, True, True]


@pytest.mark.parametrize("suffixes", [[], ""])
def test_without_suffixes_every_row_stays_and_none_needs_the_field(suffixes: Any) -> None:
    assert kept("suffix_filter", [{}, {}], suffixes=suffixes) == [True, True]
