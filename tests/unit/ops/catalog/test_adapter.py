"""Operators written for DataJuicer's class interface, run over batches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.base import Filter, Mapper, Operator
from data_juicer.ops.catalog import registry
from data_juicer.rows.batch import Batch
from data_juicer.rows.stats import stats_columns
from data_juicer.testing.rows import batch_of

SOURCE = """
from data_juicer.ops.base_op import OPERATORS, Filter, Mapper
from data_juicer.utils.constant import Fields, StatsKeys


@OPERATORS.register_module("inner_mapper")
class InnerMapper(Mapper):
    def __init__(self, word: str = "new", *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.word = word

    def process_single(self, sample):
        sample["meta"]["tags"].append(self.word)
        return sample


@OPERATORS.register_module("fields_mapper")
class FieldsMapper(Mapper):
    def process_single(self, sample):
        del sample["gone"]
        sample["n"] = 1
        sample["size"] = len(sample[self.text_key])
        sample[self.text_key] = sample[self.text_key].upper()
        return sample


@OPERATORS.register_module("twice_mapper")
class TwiceMapper(Mapper):
    _batched_op = True

    def process_batched(self, samples):
        return {key: [value for value in column for _ in range(2)] for key, column in samples.items()}


@OPERATORS.register_module("quiet_mapper")
class QuietMapper(Mapper):
    _batched_op = True

    def process_batched(self, samples):
        return samples


@OPERATORS.register_module("number_mapper")
class NumberMapper(Mapper):
    def process_single(self, sample):
        sample[self.text_key] = 5
        return sample


@OPERATORS.register_module("vowels_filter")
class VowelsFilter(Filter):
    def __init__(self, min_num: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.min_num = min_num

    def compute_stats_single(self, sample, context=False):
        sample[Fields.stats]["vowels"] = sum(letter in "aeiou" for letter in sample[self.text_key])
        return sample

    def process_single(self, sample):
        return self.get_keep_boolean(sample[Fields.stats]["vowels"], self.min_num)


@OPERATORS.register_module("long_filter")
class LongFilter(Filter):
    _batched_op = True

    def compute_stats_batched(self, samples, context=False):
        for text, stats in zip(samples[self.text_key], samples[Fields.stats]):
            stats[StatsKeys.text_len] = len(text)
        return samples

    def process_batched(self, samples):
        return map(lambda stats: stats[StatsKeys.text_len] > 3, samples[Fields.stats])


@OPERATORS.register_module("whole_row_filter")
class WholeRowFilter(Filter):
    def compute_stats_single(self, sample, context=False):
        return sample

    def process_single(self, sample):
        return sample["text"] != "b"
"""


@pytest.fixture(scope="module", autouse=True)
def _loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    file: Path = tmp_path_factory.mktemp("custom") / "theirs.py"
    file.write_text(SOURCE)
    registry.load_custom([str(file)])


def made(name: str, **params: Any) -> Operator:
    operator = registry.make(name, params)
    operator.prepare()
    return operator


def mapped(name: str, rows: list[dict[str, Any]], **params: Any) -> Batch:
    operator = made(name, **params)
    assert isinstance(operator, Mapper)
    return operator.process(batch_of(rows))


def rows_of(batch: Batch) -> list[str]:
    return [json.dumps(batch.row(index)) for index in range(len(batch))]


def test_a_value_changed_in_place_is_written_back_and_no_other() -> None:
    rows = [{"text": "a", "meta": {"tags": []}, "x": 1.0}, {"text": "b", "meta": {"tags": ["t"]}, "x": 2**70}]
    batch = mapped("inner_mapper", rows)
    assert rows_of(batch) == [
        '{"text": "a", "meta": {"tags": ["new"]}, "x": 1.0}',
        '{"text": "b", "meta": {"tags": ["t", "new"]}, "x": 1180591620717411303424}',
    ]
    assert (list(batch.fields), list(batch.texts)) == (["meta"], [])


def test_fields_are_removed_added_and_told_apart_by_type() -> None:
    rows = [
        {"text": "ab", "n": 1.0, "gone": 0},
        {"text": "C", "n": 1, "gone": None},
        {"text": "", "n": True, "gone": []},
    ]
    batch = mapped("fields_mapper", rows)
    assert rows_of(batch) == [
        '{"text": "AB", "n": 1, "size": 2}',
        '{"text": "C", "n": 1, "size": 1}',
        '{"text": "", "n": 1, "size": 0}',
    ]
    assert batch.changed("text").tolist() == [True, False, False]


def test_more_rows_have_no_origin_and_all_their_fields() -> None:
    batch = mapped("twice_mapper", [{"text": "a", "k": 1}, {"text": "b", "k": [2]}])
    assert batch.origin.tolist() == [-1] * 4
    assert [json.loads(row) for row in rows_of(batch)] == [
        {"text": "a", "k": 1},
        {"text": "a", "k": 1},
        {"text": "b", "k": [2]},
        {"text": "b", "k": [2]},
    ]


def test_a_batched_operator_that_changes_nothing_adds_no_field_to_rows_without_it() -> None:
    batch = mapped("quiet_mapper", [{"text": "a", "k": None}, {"text": "b"}])
    assert rows_of(batch) == ['{"text": "a", "k": null}', '{"text": "b"}']
    assert not batch.fields


def test_a_text_that_stops_being_a_string_is_an_error_of_the_operator() -> None:
    with pytest.raises(TypeError, match="must stay a string"):
        mapped("number_mapper", [{"text": "a"}])


@pytest.mark.parametrize(
    ("name", "params", "kept"),
    [
        ("vowels_filter", {}, [False, True, True]),
        ("vowels_filter", {"min_num": 4}, [False, False, True]),
        ("vowels_filter", {"reversed_range": True}, [True, True, False]),
        ("long_filter", {}, [False, True, True]),
        ("whole_row_filter", {}, [False, True, True]),
    ],
)
def test_a_filter_decides_from_its_stats(name: str, params: dict[str, Any], kept: list[bool]) -> None:
    operator = made(name, **params)
    assert isinstance(operator, Filter)
    batch = batch_of([{"text": "b"}, {"text": "aide"[:3] + "x"}, {"text": "aeiou"}])
    assert operator.keep(operator.compute_stats(batch)).tolist() == kept


def test_stats_stand_beside_those_of_earlier_filters() -> None:
    operator = made("vowels_filter")
    assert isinstance(operator, Filter)
    batch = batch_of([{"text": "aa"}]).with_stats({"text_len": pa.array([2])})
    assert {name: column.to_pylist() for name, column in operator.compute_stats(batch).items()} == {
        "vowels": [2]
    }


def test_stats_of_several_types_are_kept_as_raw_json() -> None:
    columns = stats_columns(
        [{"a": 1, "b": 1, "c": [1]}, {"a": 2.5, "b": "x", "c": [2, 3]}, {"a": None, "c": []}]
    )
    assert {name: (str(column.type), column.to_pylist()) for name, column in columns.items()} == {
        "a": ("large_binary", [b"1", b"2.5", b"null"]),
        "b": ("large_binary", [b"1", b'"x"', b"null"]),
        "c": ("list<item: int64>", [[1], [2, 3], []]),
    }


def test_parameters_of_such_an_operator_are_checked_too() -> None:
    with pytest.raises(ConfigError, match="did you mean 'word'"):
        registry.make("inner_mapper", {"wrod": "x"})
    with pytest.raises(ConfigError, match="word = 5"):
        registry.make("inner_mapper", {"word": 5})
    assert json.loads(registry.canonical_params(made("inner_mapper", word="x")))["word"] == "x"


def test_a_file_is_loaded_again_when_it_changed(tmp_path: Path) -> None:
    file = tmp_path / "edited.py"
    text = SOURCE[: SOURCE.index("@OPERATORS", 200)].replace("inner_mapper", "edited_mapper")
    file.write_text(text)
    registry.load_custom([str(file)])
    before = registry.find("edited_mapper").version
    file.write_text(text.replace('"new"', '"newer"'))
    registry.load_custom([str(file)])
    assert registry.find("edited_mapper").version != before
    batch = mapped("edited_mapper", [{"text": "a", "meta": {"tags": []}}])
    assert json.loads(rows_of(batch)[0])["meta"] == {"tags": ["newer"]}
