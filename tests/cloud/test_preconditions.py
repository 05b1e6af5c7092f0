"""What each precondition of a request is for: a store that pays no heed to one of them loses a job's work or mixes two."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from data_juicer.errors import DataJuicerError, JobLockedError, StoreError
from data_juicer.job import lock as locks
from data_juicer.job.layout import JobLayout
from data_juicer.job.lease import LEASE_S, SURE_S
from data_juicer.storage.base import Store
from data_juicer.storage.cloud import upload as uploads
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.object_model import ROOT, Faults, ObjectModel, Precondition, store_of

LAYOUT = JobLayout.of(f"{ROOT}/jobs", "job")
A, B = locks.Driver(host="a", pid=1), locks.Driver(host="b", pid=1)


def acquire(model: ObjectModel, driver: locks.Driver, faults: Faults | None = None) -> locks.Lock:
    return locks.acquire(store_of(model, faults)[0], LAYOUT, model.clock, driver)


def of_two_manifests_the_first_stays(model: ObjectModel) -> None:
    path = f"{ROOT}/checkpoint.json"
    one, other = store_of(model)[0], store_of(model)[0]
    assert one.put_if_absent(path, b"of run 1")
    assert not other.put_if_absent(path, b"of run 2")
    assert one.read(path) == b"of run 1"


def of_two_drivers_who_come_at_once_one_gets_the_job(model: ObjectModel) -> None:
    first, before = store_of(model)[0], dict(model.objects)
    acquire(model, A)
    present = dict(model.objects)
    model.objects = before  # B looked before A had claimed
    store = store_of(model)[0]
    owner = locks.find_owner(store, LAYOUT)
    model.objects = present
    assert owner is None
    assert not store.put_if_absent(LAYOUT.run_claim(1), b"claim of B")
    assert first.read(LAYOUT.run_claim(1)) != b"claim of B"


def a_driver_that_was_taken_for_dead_cannot_renew(model: ObjectModel) -> None:
    clock = model.clock
    assert isinstance(clock, ManualClock)
    old = acquire(model, A)
    clock.advance(LEASE_S + 1)
    acquire(model, B)
    with pytest.raises(JobLockedError, match="took the job over"):
        old.fence()


def a_driver_that_renewed_in_time_is_not_taken_over(model: ObjectModel) -> None:
    clock = model.clock
    assert isinstance(clock, ManualClock)
    old = acquire(model, A)
    clock.advance(LEASE_S + 1)

    class Renewing(Faults):
        """A renews while B decides: after B has read the claim, before it replaces it."""

        def of(self, number: int, name: str) -> None:
            if name == "put" and not renewed and number > 3:
                renewed.append(1)
                old.fence()

    renewed: list[int] = []
    with pytest.raises(JobLockedError):
        acquire(model, B, Renewing())
    clock.advance(1.0)
    old.fence()


def a_log_has_the_lines_of_one_writer_at_a_time(model: ObjectModel) -> None:
    one, other = (store_of(model)[0].at(ROOT) for _ in range(2))
    assert one.logs
    assert other.logs
    one.logs.append(f"{ROOT}/log", b"one\n")
    other.logs.append(f"{ROOT}/log", b"two\n")
    with pytest.raises(StoreError, match="somebody else has written to it"):
        one.logs.append(f"{ROOT}/log", b"late\n")
    one.logs.append(f"{ROOT}/log", b"three\n")
    assert one.read(f"{ROOT}/log") == b"one\ntwo\nthree\n"


def export(store: Store, size_bytes: int) -> Callable[[], None]:
    upload = store.new_upload(f"{ROOT}/out.jsonl", "job")
    upload.write(b"x" * size_bytes)

    def publish() -> None:
        upload.seal()
        store.publish([(upload, f"{ROOT}/out.jsonl")])

    return publish


def an_export_in_parts_is_not_put_over_that_of_a_later_run(model: ObjectModel) -> None:
    old = export(store_of(model)[0], 3 * 1000)
    export(store_of(model)[0], 2 * 1000)()
    with pytest.raises(StoreError, match="it was changed by somebody else while this run wrote it"):
        old()
    assert len(model.objects["out.jsonl"].data) == 2000


def a_small_export_is_not_put_over_that_of_a_later_run(model: ObjectModel) -> None:
    store_of(model)[0].put(f"{ROOT}/out.jsonl", b"of an earlier run")
    old = export(store_of(model)[0], 30)
    export(store_of(model)[0], 20)()
    with pytest.raises(StoreError, match="it was changed by somebody else while this run wrote it"):
        old()
    assert len(model.objects["out.jsonl"].data) == 20


def a_source_that_is_replaced_while_it_is_read_is_not_mixed(model: ObjectModel) -> None:
    store = store_of(model)[0]
    store.put(f"{ROOT}/in", b"a" * 1_000_000)
    with store.open_read(f"{ROOT}/in") as reader:
        assert reader.read(0, 10) == b"a" * 10
        store.put(f"{ROOT}/in", b"b" * 1_000_000)
        with pytest.raises(StoreError, match="it was replaced while it was read"):
            reader.read(500_000, 500_010)


SCENARIOS: list[tuple[Callable[[ObjectModel], None], Precondition]] = [
    (of_two_manifests_the_first_stays, "absent"),
    (of_two_drivers_who_come_at_once_one_gets_the_job, "absent"),
    (a_driver_that_was_taken_for_dead_cannot_renew, "version"),
    (a_driver_that_renewed_in_time_is_not_taken_over, "version"),
    (a_log_has_the_lines_of_one_writer_at_a_time, "version"),
    (an_export_in_parts_is_not_put_over_that_of_a_later_run, "complete"),
    (a_small_export_is_not_put_over_that_of_a_later_run, "version"),
    (a_source_that_is_replaced_while_it_is_read_is_not_mixed, "get"),
]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", 1000)


@pytest.mark.parametrize(("scenario", "needed"), SCENARIOS, ids=[each.__name__ for each, _ in SCENARIOS])
def test_a_precondition_keeps_two_apart_and_is_missed(
    scenario: Callable[[ObjectModel], None], needed: Precondition
) -> None:
    scenario(ObjectModel())
    with pytest.raises((AssertionError, pytest.fail.Exception, DataJuicerError)):
        scenario(ObjectModel(ignores=frozenset({needed})))


def test_a_lease_needs_no_request_while_it_is_sure_and_one_renewal_after_that() -> None:
    model = ObjectModel()
    store, bucket = store_of(model)
    lock = locks.acquire(store, LAYOUT, model.clock, A)
    before = bucket.requests
    lock.fence()
    assert bucket.requests == before
    model.clock.sleep_s(SURE_S)
    lock.fence()
    assert bucket.requests - before == 3  # compare-and-swap, and what came of it
    lock.fence()
    assert bucket.requests - before == 3


def test_a_driver_whose_clock_is_wrong_takes_nobody_over() -> None:
    model = ObjectModel()
    acquire(model, A)

    class Ahead(ManualClock):
        """An hour ahead of the store, and of the other driver."""

    ahead = Ahead()
    ahead.advance(3600)
    with pytest.raises(JobLockedError, match="run 1 \\(pid 1 on a"):
        locks.acquire(store_of(model)[0], LAYOUT, ahead, B)


def test_a_driver_that_is_known_to_be_dead_is_taken_over_at_once() -> None:
    from data_juicer.storage.cloud.processes import is_gone, this_process

    here = this_process()
    assert not is_gone(here)
    assert not is_gone("")
    assert not is_gone(here.replace(":", "x:", 1)), "of another machine: nobody here knows"
    name, _, start = here.rpartition("@")
    dead = f"{name}@{int(start) + 1}"
    assert is_gone(dead), "the number is used by another process now"
    model = ObjectModel()
    acquire(model, locks.Driver(host="a", pid=1, process=dead))
    assert acquire(model, B).run == 2
    with pytest.raises(JobLockedError):
        acquire(model, A)
    released = ObjectModel()
    acquire(released, A).release()
    assert acquire(released, B).run == 2
