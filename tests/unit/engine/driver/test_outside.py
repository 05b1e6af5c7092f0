"""What the loops of tasks hear of a store that asks for fewer requests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from data_juicer.engine.driver.outside import LOOK_S, Outside
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.scheduling import events as e
from data_juicer.plan.tasks import TaskKey, TaskKind
from data_juicer.testing.clock import ManualClock


def done(throttled: int) -> m.AttemptDone:
    return m.AttemptDone(task=TaskKey(TaskKind.SCAN, 1), attempt="r1a1", duration_s=1.0, throttled=throttled)


def test_workers_that_were_throttled_make_the_driver_give_out_less_and_then_more_again() -> None:
    backend: Any = SimpleNamespace(slots=8)
    context: Any = SimpleNamespace(stop_signal=lambda: None)
    outside = Outside(backend, context, ManualClock())
    outside.slots = 8
    assert list(outside.changes()) == []
    outside.attempt_done(done(2))
    assert list(outside.changes()) == [e.SlotsChanged(slots=4)]
    assert list(outside.changes()) == []
    for _ in range(60):
        outside.attempt_done(done(0))
    assert list(outside.changes()) == [e.SlotsChanged(slots=8)]


def test_the_time_is_a_change_now_and_then_where_stragglers_are_looked_for() -> None:
    backend: Any = SimpleNamespace(slots=0)
    context: Any = SimpleNamespace(stop_signal=lambda: None)
    clock = ManualClock()
    outside = Outside(backend, context, clock)
    clock.sleep_s(1.0)
    assert list(outside.changes()) == []
    outside.speculates = True
    assert list(outside.changes()) == [e.TimePassed(at_s=clock.monotonic_s())]
    assert list(outside.changes()) == []
    clock.sleep_s(LOOK_S)
    assert list(outside.changes()) == [e.TimePassed(at_s=clock.monotonic_s())]
