"""Functions of the user's over rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.errors import OperatorError
from data_juicer.ops.catalog import registry
from data_juicer.rows.batch import Batch
from data_juicer.testing.rows import batch_of

ROWS = [{"text": "a", "n": 1.0, "big": 2**70}, {"text": "b"}]


def after(name: str, params: dict[str, object]) -> Batch:
    operator = registry.make(name, params)
    operator.prepare()
    return operator.process(batch_of(ROWS))


def test_fields_that_are_not_returned_stay() -> None:
    batch = after("python_lambda_mapper", {"lambda_str": "lambda row: {'text': row['text'] * 2}"})
    assert [batch.row(row) for row in range(2)] == [{"text": "aa", "n": 1.0, "big": 2**70}, {"text": "bb"}]
    assert batch.text("text").to_pylist() == ["aa", "bb"]


def test_fields_that_are_returned_unchanged_keep_their_bytes() -> None:
    batch = after("python_lambda_mapper", {"lambda_str": "lambda row: {**row, 'new': len(row)}"})
    assert batch.raw_row(0) == {"text": b'"a"', "n": b"1.0", "big": str(2**70).encode(), "new": b"3"}


def test_a_batched_function_sees_null_for_a_field_that_a_row_lacks_and_leaves_it_lacking() -> None:
    source = "lambda rows: {**rows, 'seen': [str(n) for n in rows['n']]}"
    batch = after("python_lambda_mapper", {"lambda_str": source, "batched": True})
    assert [batch.row(row)["seen"] for row in range(2)] == ["1.0", "None"]
    assert "n" not in batch.row(1)


def test_a_batched_function_must_keep_the_number_of_rows() -> None:
    source = "lambda rows: {'text': rows['text'][:1]}"
    with pytest.raises(ValueError, match="1 values for 2 rows"):
        after("python_lambda_mapper", {"lambda_str": source, "batched": True})


def test_what_is_no_dict_is_an_error() -> None:
    with pytest.raises(ValueError, match="must return a dict, it returned str"):
        after("python_lambda_mapper", {"lambda_str": "lambda row: row['text']"})


def test_the_source_of_a_function_is_part_of_the_key(tmp_path: Path) -> None:
    path = tmp_path / "ops.py"
    path.write_text("def process_single(row):\n    row['text'] += '!'\n    return row\n")
    operator = registry.make("python_file_mapper", {"file_path": str(path)})
    assert operator.assets() == (str(path),)
    operator.prepare()
    assert operator.process(batch_of(ROWS)).row(1) == {"text": "b!"}
    one, other = (
        registry.canonical_params(registry.make("python_lambda_mapper", {"lambda_str": source}))
        for source in ("lambda row: row", "lambda row: {}")
    )
    assert one != other


def test_a_file_without_the_function_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ops.py"
    path.write_text("def other(row):\n    return row\n")
    with pytest.raises(OperatorError, match="no function process_single of one argument"):
        registry.make("python_file_mapper", {"file_path": str(path)}).prepare()


def test_without_a_function_rows_stay_as_they_are() -> None:
    assert after("python_file_mapper", {}).row(0) == ROWS[0]
