"""What every store promises, the real one and the one in memory alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from data_juicer.errors import StoreError
from data_juicer.storage.base import Store
from data_juicer.storage.disk import DiskStore
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from data_juicer.testing.delaying_store import DelayingStore
from data_juicer.testing.store_contract import StoreContract

KINDS: dict[str, Callable[[], DiskStore]] = {
    "local": PosixStore,
    "memory": MemoryStore,
    "crashing": lambda: CrashingStore(MemoryStore(), None),
}


class TestStores(StoreContract):
    @pytest.fixture(params=KINDS)
    def store(self, request: pytest.FixtureRequest) -> DiskStore:
        return KINDS[request.param]()


class TestDelayingStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return DelayingStore(MemoryStore())


def test_each_request_to_a_delaying_store_waits() -> None:
    waited: list[float] = []
    store = DelayingStore(MemoryStore(), look_s=0.1, change_s=0.5, wait=waited.append)
    store.make_dirs("/jobs")
    assert store.put_if_absent("/jobs/a", b"1")
    store.put("/jobs/a", b"22")
    assert waited == [0.5, 0.5]
    with store.open_read("/jobs/a") as reader:
        assert reader.read(0, 1) + reader.read(1, 2) == b"22"
    assert waited == [0.5, 0.5, 0.1, 0.1, 0.1], "one to open, one for each range"
    store.remove_all(["/jobs/a"])
    assert (store.list("/jobs"), waited[5:]) == ([], [0.5, 0.1])


# ---- what a disk can do beside


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> DiskStore:
    return KINDS[request.param]()


@pytest.fixture
def at(store: DiskStore, tmp_path: Path) -> str:
    store.make_dirs(str(tmp_path))
    return str(tmp_path)


def test_bytes_are_written_over_appended_to_and_cut(store: DiskStore, at: str) -> None:
    store.write(f"{at}/a", b"first and longer")
    store.write(f"{at}/a", b"second")
    store.append(f"{at}/a", memoryview(b" third"))
    assert store.read(f"{at}/a") == b"second third"
    store.truncate(f"{at}/a", 3)
    assert store.read(f"{at}/a") == b"sec"
    assert store.stat(f"{at}/a").size_bytes == 3
    store.append(f"{at}/new", b"x")
    assert store.list(at) == ["a", "new"]


def test_only_the_first_link_gets_the_name(store: DiskStore, at: str) -> None:
    store.write(f"{at}/a", b"a")
    store.write(f"{at}/b", b"b")
    assert store.link(f"{at}/a", f"{at}/name")
    assert not store.link(f"{at}/b", f"{at}/name")
    store.remove(f"{at}/a")
    assert store.read(f"{at}/name") == b"a"


def test_a_rename_replaces(store: DiskStore, at: str) -> None:
    store.write(f"{at}/a", b"a")
    store.write(f"{at}/b", b"b")
    store.replace(f"{at}/a", f"{at}/b")
    assert (store.list(at), store.read(f"{at}/b")) == (["b"], b"a")
    with pytest.raises(StoreError):
        store.replace(f"{at}/a", f"{at}/b")


def test_directories_are_made_with_those_above_and_go_when_empty(store: DiskStore, at: str) -> None:
    store.make_dirs(f"{at}/x/y")
    store.make_dirs(f"{at}/x/y")
    store.write(f"{at}/x/y/f", b"")
    store.remove_dir(f"{at}/x/y")
    assert store.list(f"{at}/x") == ["y"]
    store.remove(f"{at}/x/y/f")
    store.remove_dir(f"{at}/x/y")
    assert store.list(f"{at}/x") == []
    assert not store.exists(f"{at}/x/y")
    store.write(f"{at}/file", b"")
    with pytest.raises(StoreError):
        store.make_dirs(f"{at}/file/below")


def test_what_is_not_there_cannot_be_changed(store: DiskStore, at: str) -> None:
    deeds: list[Callable[[str], object]] = [
        store.sync,
        store.sync_dir,
        lambda path: store.truncate(path, 0),
        lambda path: store.write(f"{path}/f", b""),
        lambda path: store.create(f"{path}/f"),
    ]
    for deed in deeds:
        with pytest.raises(StoreError):
            deed(f"{at}/missing")


# ---- what a power loss leaves


def test_what_was_synced_stays_and_nothing_else() -> None:
    store = MemoryStore()
    store.make_dirs("/d")
    store.stage("/d/both", b"old")
    store.append("/d/both", b" new")
    store.write("/d/bytes", b"x")
    store.sync("/d/bytes")
    store.write("/d/neither", b"x")
    assert store.after_power_loss(Loss.EVERYTHING).contents() == {"/d/both": b"old"}
    assert store.after_power_loss(Loss.BYTES).contents() == {
        "/d/both": b"old",
        "/d/bytes": b"x",
        "/d/neither": b"",
    }
    assert store.after_power_loss(Loss.ORDER).contents() == {"/d/both": b"old", "/d/neither": b""}
    assert store.after_power_loss(Loss.NOTHING).contents() == store.contents()


def test_removed_and_renamed_files_come_back_until_their_directory_is_synced() -> None:
    store = MemoryStore()
    store.make_dirs("/d")
    for name in "ab":
        store.stage(f"/d/{name}", name.encode())
    store.remove("/d/a")
    store.replace("/d/b", "/d/c")
    assert store.after_power_loss(Loss.EVERYTHING).contents() == {"/d/a": b"a", "/d/b": b"b"}
    assert store.after_power_loss(Loss.ORDER).contents() == {"/d/a": b"a", "/d/c": b"b"}
    store.sync_dir("/d")
    assert store.after_power_loss(Loss.EVERYTHING).contents() == {"/d/c": b"b"}


def stream(store: DiskStore, path: str, data: bytes) -> None:
    with store.open_write(path) as sink:
        sink.write(data[:3])
        sink.write(data[3:])


WAYS: dict[str, Callable[[DiskStore, str, bytes], object]] = {
    "put": DiskStore.put,
    "put_if_absent": DiskStore.put_if_absent,
    "open_write": stream,
}


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize("way", WAYS)
def test_an_atomic_write_leaves_the_old_or_the_new_bytes(way: str, loss: Loss) -> None:
    old = {} if way == "put_if_absent" else {"/d/f": b"old"}
    for crash_at in itertools.count(1):
        disk = MemoryStore()
        disk.make_dirs("/d")
        for path, data in old.items():
            disk.stage(path, data)
        store = CrashingStore(disk, crash_at)
        try:
            WAYS[way](store, "/d/f", b"new one")
        except PowerLoss:
            left = disk.after_power_loss(loss).contents()
            assert left.get("/d/f") in {old.get("/d/f"), b"new one"}
        else:
            assert disk.after_power_loss(loss).contents() == {"/d/f": b"new one"}
            assert crash_at == {"put": 5, "put_if_absent": 6, "open_write": 8}[way]
            break


def test_nothing_works_after_the_crash() -> None:
    store = CrashingStore(MemoryStore(), 2)
    store.make_dirs("/d")
    with pytest.raises(PowerLoss):
        store.write("/d/f", b"1234")
    for deed in (lambda: store.read("/d/f"), lambda: store.list("/d"), lambda: store.write("/d/g", b"")):
        with pytest.raises(PowerLoss):
            deed()
    assert store.deeds == [("make_dirs", "/d"), ("write", "/d/f")]


def test_a_directory_that_is_held_open_lists_reads_and_removes_what_is_in_it(
    store: DiskStore, at: str
) -> None:
    store.make_own_dir(f"{at}/own/below")
    store.write(f"{at}/own/a", b"1")
    store.write(f"{at}/own/below/b", b"2")
    assert store.find_foreign(f"{at}/own") is None
    assert store.find_open_to_all(f"{at}/own") is None
    with store.open_own(f"{at}/own") as own:
        assert own is not None
        assert own.list() == ["a", "below"]
        assert own.read("a") == b"1"
        with pytest.raises(FileNotFoundError):
            own.read("missing")
        with own.inside("below") as below, own.inside("missing") as missing:
            assert below is not None
            assert missing is None
            below.remove("b")
            below.remove("missing")
        own.sync()
        own.remove_dir("below")
    assert store.list(f"{at}/own") == ["a"]
    with store.open_own(f"{at}/missing") as missing:
        assert missing is None
