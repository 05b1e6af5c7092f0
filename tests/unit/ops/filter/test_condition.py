from __future__ import annotations

import numpy as np
import pytest

from data_juicer.ops.filter._condition import Condition
from data_juicer.rows.field_columns import Distinct


def column(*values: object) -> Distinct:
    return Distinct(list(values), np.arange(len(values)))


def test_a_condition_names_its_fields_by_their_longest_paths() -> None:
    assert Condition.parse("a.b.c > 1 and d in [e.f, 2]").fields == ("a.b.c", "d", "e.f")


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "n.real()", "[x for x in n]", "n + 1 > 2", "n[0] == 1", "lambda: 1", "f'{n}'", "n is None", "n >",
        "(n := 1)", "1 if n else 2", "{**n}", "b'a' == n", "...", "1j < n", "not " * 60 + "n", "(" * 300, "'" * 3,
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no condition"):
        Condition.parse(text)


def test_what_is_not_understood_is_named() -> None:
    with pytest.raises(ValueError, match=r"open\('/etc/passwd'\)\" is not understood"):
        Condition.parse("n > 1 and open('/etc/passwd') != 2")


def test_and_looks_only_at_rows_that_are_still_open() -> None:
    columns = {"kind": column("number", "word", "number"), "value": column(3, "three", 0)}
    condition = Condition.parse("kind == 'number' and value > 1")
    assert condition.holds(columns, 3).tolist() == [True, False, False]
    assert Condition.parse("kind == 'word' or value > 1").holds(columns, 3).tolist() == [True, True, False]


def test_values_that_cannot_be_compared_raise() -> None:
    with pytest.raises(TypeError):
        Condition.parse("value > 1").holds({"value": column("three")}, 1)


def test_a_condition_without_fields_holds_for_every_row_or_none() -> None:
    assert Condition.parse("1 < 2").holds({}, 2).tolist() == [True, True]
    assert Condition.parse("not True").holds({}, 2).tolist() == [False, False]
    assert Condition.parse("True").holds({}, 0).tolist() == []


def test_many_fields_of_many_values_keep_rows_apart() -> None:
    rows = 300
    columns = {name: column(*range(rows)) for name in "abcdefgh"}
    condition = Condition.parse("a == b == c == d == e == f == g == h")
    assert condition.holds(columns, rows).all()
    columns["h"] = column(*[(row + 1) % rows for row in range(rows)])
    assert not condition.holds(columns, rows).any()
