from __future__ import annotations

import pytest

from data_juicer.plan.resume.cause import find_change
from data_juicer.store.manifest import OperatorIdentity


def op(
    name: str, version: str = "1", assets: dict[str, str] | None = None, **parameters: object
) -> OperatorIdentity:
    return OperatorIdentity(name=name, version=version, parameters=parameters, assets=assets or {})


ABC = (op("a"), op("b", low=20, high=90), op("c"))


@pytest.mark.parametrize(
    ("now", "index", "cause"),
    [
        ((op("a"), op("b", low=50, high=90), op("c")), 1, "b: low 20 -> 50"),
        ((op("a"), op("b", low=1, high=2), op("c")), 1, "b: high 90 -> 2, low 20 -> 1"),
        ((op("a"), op("b", low=20), op("c")), 1, "b: high 90 -> nothing"),
        ((op("a"), op("b", low=20, high=90, more="x"), op("c")), 1, 'b: more nothing -> "x"'),
        ((op("a", "2"), op("b", low=20, high=90), op("c")), 0, "a: its version 1 -> 2"),
        ((op("a", "0f3e"), op("b", low=20, high=90), op("c")), 0, "a: its code was changed"),
        ((op("a", assets={"/w": "d"}), *ABC[1:]), 0, "a: its file /w was changed"),
        ((ABC[0], ABC[2]), 1, "b was taken out before c"),
        ((ABC[0], op("x"), *ABC[1:]), 1, "x was put in before b"),
        ((ABC[1], ABC[0], ABC[2]), 0, "b now comes before a"),
        ((op("a"), op("x"), op("c")), 1, "x is in the place of b"),
    ],
)
def test_the_cause_is_the_first_operator_that_is_another_one(now, index, cause) -> None:
    change = find_change(ABC, now)
    assert change is not None
    assert (change.operator_index, change.cause) == (index, cause)


@pytest.mark.parametrize("now", [ABC, ABC[:2], (*ABC, op("d"))])
def test_equal_operators_have_no_cause_however_many_there_are(now) -> None:
    assert find_change(ABC, now) is None


def test_a_long_value_is_cut() -> None:
    change = find_change((op("a", words=["x"]),), (op("a", words=["word"] * 100),))
    assert change is not None
    assert len(change.cause) < 80
