"""A result without rows is explained by the operator that let none pass."""

from __future__ import annotations

from data_juicer.engine.output.mapping_report import find_emptying
from data_juicer.store.ledger import READ, OperatorLedger


def test_rows_without_text_are_named_with_the_setting_that_says_where_the_text_is() -> None:
    read = OperatorLedger(index=-1, name=READ, rows_in=7, rows_null_text=5, rows_dead_letter=2, rows_out=0)
    assert find_emptying([read]) == (
        "the result has no rows: read let none of the 7 rows pass that reached it (2 dead letters, 5 without text). "
        "Look at text_keys, and at the rows: dj-jobs dead-letters."
    )


def test_an_operator_that_drops_every_row_is_named_with_its_bounds() -> None:
    read = OperatorLedger(index=-1, name=READ, rows_in=3, rows_out=3)
    strict = OperatorLedger(index=0, name="text_length_filter", rows_in=3, rows_filtered=3, rows_out=0)
    assert "(3 filtered). Look at its bounds" in str(find_emptying([strict, read]))
    assert find_emptying([read]) is None
