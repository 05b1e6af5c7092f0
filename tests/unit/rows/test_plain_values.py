"""Values of other types than JSON's: what has one meaning there is taken, the rest is named by field and type."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pytest

from data_juicer.ops.catalog import registry
from data_juicer.rows import json_values
from data_juicer.testing.rows import batch_of

LIST: list[Any] = []
LIST.append(LIST)


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        (np.int64(3), "3"),
        (np.uint64(2**64 - 1), "18446744073709551615"),
        (np.float32(0.5), "0.5"),
        (np.float64(1.0), "1.0"),
        (np.bool_(True), "true"),
        (np.str_("é"), '"é"'),
        (np.array([[1, 2], [3, 4]]), "[[1,2],[3,4]]"),
        (np.array(["a", None], dtype=object), '["a",null]'),
        ({np.int64(1): {"deep": [np.float16(0.5)]}}, '{"1":{"deep":[0.5]}}'),
        ((1, "b"), '[1,"b"]'),
        (dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC), '"2024-05-01T12:00:00+00:00"'),
        (dt.date(2024, 5, 1), '"2024-05-01"'),
        (dt.timedelta(minutes=1), "60.0"),
        (np.datetime64("2024-05-01T12:00:00"), '"2024-05-01T12:00:00"'),
        (decimal.Decimal("1.10"), '"1.10"'),
        (b"\x00\xff", '"AP8="'),
    ],
)
def test_what_has_one_meaning_is_taken(value: Any, raw: str) -> None:
    assert json_values.encode_field("f", value).decode() == raw


@pytest.mark.parametrize(
    ("value", "reported"),
    [
        ({1, 2}, "'f': set"),
        (float("nan"), "'f': nan"),
        (np.array([1.0, np.inf]), "'f': ndarray"),
        ({"a": [1, {"b": frozenset()}]}, "'f.a.1.b': frozenset"),
        ({("x", 1): 2}, "'f': a key of type tuple"),
        ({"x": complex(1, 2)}, "'f.x': complex"),
        (["\ud800"], "'f.0': a text with a lone surrogate"),
        (decimal.Decimal("NaN"), "'f': Decimal"),
        (np.datetime64("2024-05-01T12:00:00.000000001"), "'f': datetime64"),
        (LIST, ": list"),
    ],
)
def test_the_rest_is_refused_with_its_field_and_type(value: Any, reported: str) -> None:
    with pytest.raises(ValueError, match="JSON has no such value") as refused:
        json_values.encode_field("f", value)
    assert reported in str(refused.value)


@pytest.mark.parametrize("batched", [False, True])
def test_lambdas_may_return_values_of_numpy(batched: bool) -> None:
    source = "lambda r: {'n': __import__('numpy').int64(2)}"
    many = "lambda r: {'n': __import__('numpy').arange(2)}"
    operator = registry.make(
        "python_lambda_mapper", {"lambda_str": many if batched else source, "batched": batched}
    )
    operator.prepare()
    after = operator.process(batch_of([{"text": "a"}, {"text": "b"}]))  # type: ignore[attr-defined]
    assert after.column("n") == ([0, 1] if batched else [2, 2])


def test_a_set_that_a_lambda_returns_is_named() -> None:
    operator = registry.make("python_lambda_mapper", {"lambda_str": "lambda r: {'tags': {1}}"})
    operator.prepare()
    with pytest.raises(ValueError, match="field 'tags': set: JSON has no such value"):
        operator.process(batch_of([{"text": "a"}]))  # type: ignore[attr-defined]
