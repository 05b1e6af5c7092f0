"""Keys around dataset operators, and what of earlier runs is current."""

from __future__ import annotations

from data_juicer.plan.keys import KeyMaker, plan_resolve_keys
from data_juicer.store.manifest import OperatorIdentity

BEFORE, BARRIER, BEHIND = (
    OperatorIdentity(name=name, version="1", parameters={}) for name in ("before", "barrier", "behind")
)
OPERATORS = (BEFORE, BARRIER, BEHIND)


def maker(fragments: list[str], operators: tuple[OperatorIdentity, ...] = OPERATORS) -> KeyMaker:
    return KeyMaker("reader", operators, "export", plan_resolve_keys("reader", operators, [1], fragments))


def test_a_key_behind_a_barrier_depends_on_every_partition_and_one_before_it_does_not() -> None:
    two, three = maker(["a", "b"]).keys("a", 0), maker(["a", "b", "c"]).keys("a", 0)
    assert two[:2] == three[:2]
    assert set(two[2:]).isdisjoint(three[2:])


def test_the_order_of_partitions_decides_keys_behind_a_barrier() -> None:
    assert maker(["a", "b"]).resolve_keys != maker(["b", "a"]).resolve_keys


def test_equal_partitions_have_other_keys_behind_a_barrier() -> None:
    keys = maker(["a", "a"])
    assert keys.keys("a", 0)[1] == keys.keys("a", 1)[1]
    assert keys.keys("a", 0)[2] != keys.keys("a", 1)[2]


def test_a_summary_depends_on_its_rows_and_its_operator_alone() -> None:
    one, other = maker(["a"]), maker(["a", "b"])
    changed = maker(["a"], (BEFORE, OperatorIdentity(name="barrier", version="2", parameters={}), BEHIND))
    key_before = one.keys("a", 0)[1]
    assert one.summary_key(key_before, 1) == other.summary_key(key_before, 1)
    assert one.summary_key(key_before, 1) != changed.summary_key(key_before, 1)


def test_a_second_barrier_covers_the_keys_behind_the_first() -> None:
    operators = (*OPERATORS, BARRIER)
    one = plan_resolve_keys("reader", operators, [1, 3], ["a", "b"])
    changed = (BEFORE, OperatorIdentity(name="barrier", version="2", parameters={}), BEHIND, BARRIER)
    other = plan_resolve_keys("reader", changed, [1, 3], ["a", "b"])
    assert one[3] != other[3]
