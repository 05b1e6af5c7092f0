"""Texts that operators make or overwrite as plain fields."""

import pyarrow as pa
import pytest

from data_juicer.formats.jsonl.write import encode_rows
from data_juicer.store.deltas import apply_delta, make_delta
from data_juicer.testing.rows import batch_of

ROWS = [{"id": 1, "text": "old"}, {"id": 2, "text": "b"}]


def test_a_text_written_as_a_field_is_the_text_that_the_next_operator_reads():
    batch = batch_of(ROWS).with_column("text", ["new", "c"])
    assert batch.text("text").to_pylist() == ["new", "c"]


def test_a_field_that_is_no_string_is_refused_as_text():
    batch = batch_of(ROWS).with_column("text", ["new", 3])
    with pytest.raises(ValueError, match="a text must be a string, found 3"):
        batch.text("text")


def test_a_text_that_the_source_lacks_can_be_made():
    batch = batch_of(ROWS).with_text("summary", pa.array(["x", "y"], pa.large_string()))
    assert batch.row(1) == {"id": 2, "text": "b", "summary": "y"}


def test_a_text_replaces_what_was_written_as_a_field_before():
    batch = batch_of(ROWS).with_column("text", ["new", "c"])
    batch = batch.with_text("text", pa.array(["newer", "c"], pa.large_string()))
    assert batch.row(0) == {"id": 1, "text": "newer"}


NESTED = [{"id": 1, "meta": {"text": "old"}}, {"id": 2, "meta": {"text": "b", "tag": 1}}]


def nested(rows=NESTED):
    return batch_of(rows, ["meta.text"])


def texts(*present):
    return pa.array(present, pa.large_string())


def test_a_text_within_a_field_that_was_written_is_what_was_written_there():
    batch = nested()
    assert batch.text("meta.text").to_pylist() == ["old", "b"]
    batch = batch.with_column("meta", [{"text": "new"}, {"text": "c"}])
    assert batch.text("meta.text").to_pylist() == ["new", "c"]


def test_of_a_text_and_the_field_around_it_what_was_written_last_counts():
    batch = (
        nested().with_text("meta.text", texts("x", "y")).with_column("meta", [{"text": "z"}, {"text": "b"}])
    )
    assert [batch.row(row)["meta"] for row in range(2)] == [{"text": "z"}, {"text": "b"}]
    batch = batch.with_text("meta.text", texts("last", "b"))
    assert [batch.row(row)["meta"] for row in range(2)] == [{"text": "last"}, {"text": "b"}]
    assert encode_rows(batch) == b'{"id":1,"meta":{"text":"last"}}\n{"id":2,"meta":{"text":"b"}}\n'


def test_a_field_is_read_with_the_text_that_was_written_within_it():
    batch = nested().with_text("meta.text", texts("x", "b"))
    assert batch.column("meta") == [{"text": "x"}, {"text": "b", "tag": 1}]


def test_a_field_whose_name_has_a_dot_is_no_part_of_another():
    batch = nested([{"meta.text": "own", "meta": {"text": "other"}}]).with_text("meta.text", texts("x"))
    batch = batch.with_column("meta", [{"text": "y"}])
    assert batch.text("meta.text").to_pylist() == ["x"]
    assert batch.row(0) == {"meta.text": "x", "meta": {"text": "y"}}


def test_a_checkpoint_gives_back_a_text_within_a_field_as_it_was_written_last():
    below = nested().with_text("meta.text", texts("x", "y")).rebased()
    batch = below.with_column("meta", [{"text": "z"}, {"text": "y", "tag": 2}])
    for after in (batch, batch.with_text("meta.text", texts("last", "y"))):
        given_back = apply_delta(below, make_delta(below, after))
        assert given_back.text("meta.text").to_pylist() == after.text("meta.text").to_pylist()
        assert encode_rows(given_back) == encode_rows(after)
