"""A driver that freezes before any one of its requests, is taken for dead, and sends it when another one has done the job."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from data_juicer.errors import DataJuicerError
from data_juicer.job.lease import LEASE_S
from data_juicer.testing.crashing_store import PowerLoss
from data_juicer.testing.object_model import Fault, Faults, ObjectModel
from tests.crash.test_object_store_requests import JOBS
from tests.support.model_jobs import model_job, new_model, outcome, run

CHANGES = frozenset({"put", "delete", "copy", "complete", "put_part", "begin", "abort"})


class Frozen(Faults):
    """Before request `at` this driver stands still, and another one takes the job over."""

    def __init__(self, at: int, model: ObjectModel, config: Any, other: Faults | None = None) -> None:
        super().__init__()
        self._frozen_at = at
        self._model = model
        self._config = config
        self._other = other
        self.woke = False

    def of(self, number: int, name: str) -> Fault | None:
        if number == self._frozen_at:
            self._model.clock.sleep_s(LEASE_S + 1)
            with contextlib.suppress(PowerLoss):
                run(self._model, self._config, self._other)
            self.woke = True
        return None


def visit(what: str, stride: int, first: int = 0, other_crashes_at: int | None = None) -> tuple[int, int]:
    """Returns: requests of an undisturbed run, points visited."""
    process, settings = JOBS[what]
    config, model = model_job(process, **settings), new_model()
    _, bucket = run(model, config)
    expected, visited = outcome(model, config), 0
    for number in range(1 + first, len(bucket.log) + 1, stride):
        if bucket.log[number - 1][0] not in CHANGES:
            continue
        visited += 1
        try:
            check_point(config, number, expected, other_crashes_at)
        except Exception as error:
            error.add_note(f"frozen before request {number} of {len(bucket.log)}, {bucket.log[number - 1]}")
            raise
    return len(bucket.log), visited


def check_point(config: Any, number: int, expected: Any, other_crashes_at: int | None) -> None:
    model = new_model()
    other = None if other_crashes_at is None else Faults({other_crashes_at: "crash"})
    faults = Frozen(number, model, config, other)
    with contextlib.suppress(DataJuicerError):
        run(model, config, faults)
    assert faults.woke
    model.clock.sleep_s(LEASE_S + 1)
    run(model, config)
    assert outcome(model, config) == expected
    assert run(model, config)[0].already_complete


def test_a_driver_that_wakes_up_replaces_no_document_of_another_one() -> None:
    """Before each of the last changes of a job: its results, reports, summary."""
    print("every_op requests, points:", visit("every_op", 9, 125))


@pytest.mark.slow
@pytest.mark.parametrize("what", JOBS)
def test_a_driver_that_wakes_up_changes_nothing_of_what_another_one_has_done(what: str) -> None:
    print(what, "requests, points:", visit(what, 1))


@pytest.mark.slow
@pytest.mark.parametrize("other_crashes_at", [40, 80, 120])
@pytest.mark.parametrize("what", ["every_op", "deduplicated", "shards"])
def test_a_driver_that_wakes_up_beside_what_another_one_has_half_done_changes_no_result(
    what: str, other_crashes_at: int
) -> None:
    print(what, "requests, points:", visit(what, 3, other_crashes_at % 3, other_crashes_at))
