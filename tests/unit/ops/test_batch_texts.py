"""Texts that operators make or overwrite as plain fields."""

import pyarrow as pa
import pytest

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
