"""Documents of a store that is far away are fetched side by side, and come in order all the same."""

from __future__ import annotations

import threading

import pytest

from data_juicer.plan.resume import ahead
from data_juicer.plan.resume.ahead import AHEAD_MAX, LOOKS, fetch_ahead


class Far:
    """A store whose documents are asked for in several threads; one of them waits until a later one was asked for."""

    def __init__(self) -> None:
        self.threads: set[str] = set()
        self.asked: list[int] = []
        self.later = threading.Event()

    def fetch(self, item: int) -> int:
        self.threads.add(threading.current_thread().name)
        self.asked.append(item)
        if item == LOOKS:
            assert self.later.wait(60)
        if item == LOOKS + 1:
            self.later.set()
        if item % 7 == 6:
            raise FileNotFoundError(item)
        return item * item


def outcomes(store: Far, count: int) -> list[int | None]:
    found: list[int | None] = []
    for _, read in fetch_ahead(store.fetch, range(count)):
        try:
            found.append(read())
        except FileNotFoundError:
            found.append(None)
    return found


EXPECTED = [None if item % 7 == 6 else item * item for item in range(600)]


def test_a_far_store_is_asked_side_by_side_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "FAR_S", 0.0)
    store = Far()
    assert outcomes(store, 600) == EXPECTED
    assert len(store.threads) > 1


def test_a_near_one_is_read_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "FAR_S", 1e9)
    store = Far()
    store.later.set()
    assert outcomes(store, 600) == EXPECTED
    assert store.threads == {threading.current_thread().name}


def test_no_more_is_fetched_ahead_than_is_bounded_and_whoever_stops_leaves_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ahead, "FAR_S", 0.0)
    store = Far()
    found = fetch_ahead(store.fetch, range(10_000))
    for _ in range(LOOKS + 1):
        next(found)
    found.close()  # type: ignore[attr-defined] # a generator
    assert len(store.asked) <= LOOKS + AHEAD_MAX + 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")]
