"""Requests whose effect is not known: repeated, and decided by what is there."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from data_juicer.errors import StoreError
from data_juicer.storage.cloud import upload as uploads
from data_juicer.storage.cloud.bucket import RequestFault
from data_juicer.storage.cloud.object_store import ObjectStore
from data_juicer.storage.cloud.opening import open_bucket
from data_juicer.storage.cloud.patience import PAUSE_MAX_S, TRIES_MAX, Patience
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.object_model import ROOT, Fault, Faults, ModelBucket, ObjectModel, store_of


class Flaky:
    """A bucket of which one request, the first of its name, goes wrong as a test says."""

    def __init__(self, name: str, fault: Callable[[Callable[[], Any]], Any]) -> None:
        self.inner = open_bucket("memory", f"flaky-{id(self)}")
        self.scheme, self.name, self.requests = self.inner.scheme, self.inner.name, 0
        self._name, self._fault, self.sent = name, fault, 0

    def __getattr__(self, name: str) -> Any:
        request = getattr(self.inner, name)
        if name != self._name:
            return request

        def send(*args: Any, **kwargs: Any) -> Any:
            self.sent += 1
            do = lambda: request(*args, **kwargs)  # noqa: E731
            return self._fault(do) if self.sent == 1 else do()

        return send


def lost(do: Callable[[], Any]) -> Any:
    do()
    raise RequestFault("unclear", "no answer came")


def never_sent(do: Callable[[], Any]) -> Any:
    raise RequestFault("unclear", "no answer came")


def store_over(bucket: Any) -> tuple[ObjectStore, str]:
    return ObjectStore(bucket, Patience(ManualClock(), seed=7)), f"memory://{bucket.name}/a"


@pytest.mark.parametrize("fault", [lost, never_sent])
def test_a_put_if_absent_whose_answer_was_lost_has_won(fault) -> None:
    store, path = store_over(Flaky("put", fault))
    assert store.put_if_absent(path, b"mine")
    assert not store.put_if_absent(path, b"mine"), "the same bytes of somebody else are not ours"
    assert store.read(path) == b"mine"


def test_a_put_if_absent_that_came_too_late_and_was_lost_has_not_won() -> None:
    def beaten(do: Callable[[], Any]) -> Any:
        bucket.inner.put("a", b"mine")  # somebody else writes the same
        raise RequestFault("unclear", "no answer came")

    bucket = Flaky("put", beaten)
    store, path = store_over(bucket)
    assert not store.put_if_absent(path, b"mine")


@pytest.mark.parametrize("fault", [lost, never_sent])
def test_a_put_if_unchanged_whose_answer_was_lost_has_won(fault) -> None:
    bucket = Flaky("put", fault)
    store, path = store_over(bucket)
    version = bucket.inner.put("a", b"before")
    assert store.put_if_unchanged(path, b"mine", version)
    assert not store.put_if_unchanged(path, b"other", version)
    assert store.read(path) == b"mine"


def test_a_conflict_is_sent_again_and_is_no_refusal() -> None:
    def conflict(do: Callable[[], Any]) -> Any:
        raise RequestFault("conflict", "another request was under way (409)")

    store, path = store_over(Flaky("put", conflict))
    assert store.put_if_absent(path, b"mine")


def test_a_body_that_is_cut_is_read_again() -> None:
    def cut(do: Callable[[], Any]) -> Any:
        raise RequestFault("cut", "3 of 9 bytes arrived")

    bucket = Flaky("get", cut)
    bucket.inner.put("a", b"all of it")
    store, path = store_over(bucket)
    assert store.read(path) == b"all of it"
    assert bucket.sent == 2


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("expired", "Renew the credentials and start the job again"),
        ("denied", "Set the permissions that docs/storage.md names"),
    ],
)
def test_what_no_patience_helps_against_is_reported_at_once(kind, advice: str) -> None:
    def refuse(do: Callable[[], Any]) -> Any:
        raise RequestFault(kind, "the credentials have expired (400 ExpiredToken)")

    bucket = Flaky("put", refuse)
    store, path = store_over(bucket)
    with pytest.raises(StoreError, match=advice) as refusal:
        store.put(path, b"x")
    assert bucket.sent == 1
    assert str(refusal.value).startswith(f"{path}: writing failed: the credentials have expired")


def test_a_store_that_never_answers_is_given_up_after_a_minute_of_growing_pauses() -> None:
    clock, sent = ManualClock(), []

    def request(is_undecided: bool) -> None:
        sent.append((is_undecided, clock.monotonic_s()))
        raise RequestFault("unavailable", "it has a fault of its own (500)")

    begun_s = clock.monotonic_s()
    with pytest.raises(RequestFault):
        Patience(clock, seed=1).ask(request)
    assert len(sent) == TRIES_MAX
    assert [undecided for undecided, _ in sent] == [False] + [True] * (TRIES_MAX - 1)
    pauses = [after - before for (_, before), (_, after) in itertools.pairwise(sent)]
    assert max(pauses) <= PAUSE_MAX_S
    assert 25 < sent[-1][1] - begun_s < 80


def test_a_store_that_throttles_one_request_is_left_alone_by_the_others() -> None:
    clock = ManualClock()
    patience = Patience(clock, seed=1)
    answers = iter(["throttled", None, None])

    def request(_: bool) -> float:
        if (kind := next(answers)) is not None:
            raise RequestFault(kind, "it asks for fewer requests (503 SlowDown)")  # type: ignore[arg-type]
        return clock.monotonic_s()

    begun_s = clock.monotonic_s()
    assert patience.ask(request) > begun_s
    before_s = clock.monotonic_s()
    assert patience.ask(request) == before_s, "nobody waits once the time is over"


@pytest.mark.parametrize("is_published", [True, False])
def test_an_upload_whose_beginning_was_lost_leaves_none(
    is_published: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", 4)
    model = ObjectModel()

    class BeginLost(Faults):
        def of(self, number: int, name: str) -> Fault | None:
            return "lost" if name == "begin" and len(model.uploads) < 2 else None

    store, _ = store_of(model, BeginLost())
    other = ModelBucket(model).begin("out", "", 4)
    upload = store.new_upload(f"{ROOT}/out", "job")
    upload.write(b"123456789")
    assert len(model.uploads) > 2
    if is_published:
        store.publish([(upload, f"{ROOT}/out")])
        assert store.read(f"{ROOT}/out") == b"123456789"
    else:
        upload.discard()
    assert list(model.uploads) == [other.upload_id], "that of another writer, which was there before"
    assert list(model.contents()) == (["out"] if is_published else [])


def test_an_upload_that_a_later_run_has_ended_is_published_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PART_BYTES", 4)
    model = ObjectModel()
    old, new = store_of(model)[0], store_of(model)[0]
    upload = old.new_upload(f"{ROOT}/out", "job")
    upload.write(b"123456789")
    new.discard_uploads(f"{ROOT}/out", "job")
    assert model.uploads == {}
    with pytest.raises(StoreError, match="its parts were removed by somebody else"):
        old.publish([(upload, f"{ROOT}/out")])
    assert model.contents() == {}
