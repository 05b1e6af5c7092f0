"""While an object store asks for fewer requests, fewer attempts are under way, on all workers together."""

from __future__ import annotations

import random

from data_juicer.engine.scheduling.store_limit import StoreLimit


def test_a_store_that_never_throttles_limits_nothing() -> None:
    limit = StoreLimit()
    for _ in range(100):
        limit = limit.after(0, 8)
    assert limit.slots(8) == 8
    assert limit.slots(20) == 20, "workers that come later are used"


def test_a_report_halves_what_is_under_way_and_those_of_the_same_burst_change_nothing() -> None:
    limit = StoreLimit().after(3, 16)
    assert limit.slots(16) == 8
    for _ in range(15):
        limit = limit.after(3, 16)
    assert limit.slots(16) == 8
    for _ in range(2):
        limit = limit.after(3, 16)
    assert limit.slots(16) == 4


def test_rounds_without_a_report_add_one_attempt_each_until_all_are_used() -> None:
    limit, ended = StoreLimit(attempts=2), 0
    while limit.slots(6) < 6:
        before = limit.slots(6)
        limit, ended = limit.after(0, 6), ended + 1
        assert limit.slots(6) in {before, before + 1}
        assert ended < 100
    assert limit == StoreLimit()


def test_one_attempt_always_is_under_way() -> None:
    limit, rng = StoreLimit(), random.Random(7)
    for _ in range(1000):
        limit = limit.after(rng.choice([0, 1, 50]), rng.randint(1, 64))
        assert limit.slots(rng.randint(1, 64)) >= 1
