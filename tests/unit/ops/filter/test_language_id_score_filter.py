from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.base import Filter
from data_juicer.ops.catalog import registry
from data_juicer.testing.rows import batch_of

ROWS = [
    {"text": "This is a sentence in English, and it is long enough."},
    {"text": "Das ist ein deutscher Satz, und er ist lang genug."},
    {"text": "这是一个中文句子，足够长了。"},
]


def made(**params: Any) -> Filter:
    operator = registry.make("language_id_score_filter", params)
    assert isinstance(operator, Filter)
    operator.prepare()
    return operator


@pytest.mark.parametrize(
    ("lang", "expected"),
    [("", [True, True, True]), ("en", [True, False, False]), (["zh", "de"], [False, True, True])],
)
def test_rows_of_the_given_languages_stay(lang: Any, expected: list[bool]) -> None:
    operator = made(lang=lang, min_score=0.5)
    stats = operator.compute_stats(batch_of(ROWS))
    assert stats["lang"].to_pylist() == ["en", "de", "zh"]
    assert operator.keep(stats).tolist() == expected


def test_the_score_is_compared_unrounded() -> None:
    stats = {"lang": pa.array(["en", "en"], pa.large_string()), "lang_score": pa.array([0.8, 0.79999999999])}
    assert made().keep(stats).tolist() == [True, False]


@pytest.mark.parametrize("lang", ["english", ["en", "xx"]])
def test_a_language_that_the_model_does_not_know_is_refused(lang: Any) -> None:
    with pytest.raises(ConfigError, match=r"is no language of its model. Allowed: af, als"):
        registry.make("language_id_score_filter", {"lang": lang})


def test_an_empty_batch_has_empty_stats() -> None:
    operator = made()
    stats = operator.compute_stats(batch_of([]))
    assert operator.keep(stats).tolist() == []
