"""What every store promises, the real one and the one in memory alike."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from data_juicer.errors import StoreError
from data_juicer.storage.base import Store
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss


@pytest.fixture(params=["local", "memory", "crashing"])
def store(request: pytest.FixtureRequest) -> Store:
    kinds = {"local": PosixStore, "memory": MemoryStore}
    return CrashingStore(MemoryStore(), None) if request.param == "crashing" else kinds[request.param]()


@pytest.fixture
def at(store: Store, tmp_path: Path) -> str:
    store.make_dirs(str(tmp_path))
    return str(tmp_path)


def test_bytes_are_written_over_appended_to_and_cut(store: Store, at: str) -> None:
    store.write(f"{at}/a", b"first and longer")
    store.write(f"{at}/a", b"second")
    store.append(f"{at}/a", memoryview(b" third"))
    assert store.read(f"{at}/a") == b"second third"
    store.truncate(f"{at}/a", 3)
    assert store.read(f"{at}/a") == b"sec"
    assert store.size(f"{at}/a") == 3
    store.append(f"{at}/new", b"x")
    assert store.list(at) == ["a", "new"]


def test_a_stream_begins_empty_and_grows(store: Store, at: str) -> None:
    store.write(f"{at}/a", b"before")
    with store.create(f"{at}/a") as stream:
        stream.write(b"one ")
        stream.write(b"two")
        assert stream.tell() == 7
    assert store.read(f"{at}/a") == b"one two"


def test_files_are_joined_in_order(store: Store, at: str) -> None:
    for name, data in (("a", b"1"), ("b", b""), ("c", b"22")):
        store.write(f"{at}/{name}", data)
    store.concat([f"{at}/{name}" for name in "cab"], f"{at}/all")
    assert store.read(f"{at}/all") == b"221"
    with pytest.raises(StoreError):
        store.concat([f"{at}/missing"], f"{at}/all")


def test_only_the_first_link_gets_the_name(store: Store, at: str) -> None:
    store.write(f"{at}/a", b"a")
    store.write(f"{at}/b", b"b")
    assert store.link(f"{at}/a", f"{at}/name")
    assert not store.link(f"{at}/b", f"{at}/name")
    store.remove(f"{at}/a")
    assert store.read(f"{at}/name") == b"a"


def test_only_the_first_exclusive_file_is_created_and_nothing_is_left_beside_it(
    store: Store, at: str
) -> None:
    assert store.create_exclusive(f"{at}/m", b"1")
    assert not store.create_exclusive(f"{at}/m", b"2")
    assert store.read(f"{at}/m") == b"1"
    assert store.list(at) == ["m"]


def test_a_rename_replaces(store: Store, at: str) -> None:
    store.write(f"{at}/a", b"a")
    store.write(f"{at}/b", b"b")
    store.replace(f"{at}/a", f"{at}/b")
    assert (store.list(at), store.read(f"{at}/b")) == (["b"], b"a")
    with pytest.raises(StoreError):
        store.replace(f"{at}/a", f"{at}/b")


def test_directories_are_made_with_those_above_and_go_when_empty(store: Store, at: str) -> None:
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


def test_what_is_not_there_is_told(store: Store, at: str) -> None:
    store.remove(f"{at}/missing")
    store.remove_dir(f"{at}/missing")
    assert store.list(f"{at}/missing") == []
    assert not store.exists(f"{at}/missing")
    for look in (store.read, store.size):
        with pytest.raises(FileNotFoundError):
            look(f"{at}/missing")
    for deed in (
        store.sync,
        store.sync_dir,
        lambda path: store.truncate(path, 0),
        lambda path: store.write(f"{path}/f", b""),
    ):
        with pytest.raises(StoreError):
            deed(f"{at}/missing")


# ---- what a power loss leaves


def test_what_was_synced_stays_and_nothing_else() -> None:
    store = MemoryStore()
    store.make_dirs("/d")
    store.write_durably("/d/both", b"old")
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
        store.write_durably(f"/d/{name}", name.encode())
    store.remove("/d/a")
    store.replace("/d/b", "/d/c")
    assert store.after_power_loss(Loss.EVERYTHING).contents() == {"/d/a": b"a", "/d/b": b"b"}
    assert store.after_power_loss(Loss.ORDER).contents() == {"/d/a": b"a", "/d/c": b"b"}
    store.sync_dir("/d")
    assert store.after_power_loss(Loss.EVERYTHING).contents() == {"/d/c": b"b"}


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize("way", ["write_atomic", "create_exclusive"])
def test_an_atomic_write_leaves_the_old_or_the_new_bytes(way: str, loss: Loss) -> None:
    old = {} if way == "create_exclusive" else {"/d/f": b"old"}
    for crash_at in itertools.count(1):
        disk = MemoryStore()
        disk.make_dirs("/d")
        for path, data in old.items():
            disk.write_durably(path, data)
        store = CrashingStore(disk, crash_at)
        try:
            getattr(store, way)("/d/f", b"new one")
        except PowerLoss:
            left = disk.after_power_loss(loss).contents()
            assert left.get("/d/f") in {old.get("/d/f"), b"new one"}
        else:
            assert disk.after_power_loss(loss).contents() == {"/d/f": b"new one"}
            assert crash_at == {"write_atomic": 5, "create_exclusive": 6}[way]
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


def test_a_directory_that_is_held_open_lists_reads_and_removes_what_is_in_it(store: Store, at: str) -> None:
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
