"""What every file system promises, the real one and the one in memory alike."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from data_juicer.errors import StoreError
from data_juicer.storage.filesystem import FileSystem, LocalFileSystem
from data_juicer.testing.crashing_fs import CrashingFileSystem, PowerLoss
from data_juicer.testing.memory_fs import Loss, MemoryFileSystem


@pytest.fixture(params=["local", "memory", "crashing"])
def fs(request: pytest.FixtureRequest) -> FileSystem:
    kinds = {"local": LocalFileSystem, "memory": MemoryFileSystem}
    return (
        CrashingFileSystem(MemoryFileSystem(), None)
        if request.param == "crashing"
        else kinds[request.param]()
    )


@pytest.fixture
def at(fs: FileSystem, tmp_path: Path) -> str:
    fs.make_dirs(str(tmp_path))
    return str(tmp_path)


def test_bytes_are_written_over_appended_to_and_cut(fs: FileSystem, at: str) -> None:
    fs.write(f"{at}/a", b"first and longer")
    fs.write(f"{at}/a", b"second")
    fs.append(f"{at}/a", memoryview(b" third"))
    assert fs.read(f"{at}/a") == b"second third"
    fs.truncate(f"{at}/a", 3)
    assert fs.read(f"{at}/a") == b"sec"
    assert fs.size(f"{at}/a") == 3
    fs.append(f"{at}/new", b"x")
    assert fs.list(at) == ["a", "new"]


def test_a_stream_begins_empty_and_grows(fs: FileSystem, at: str) -> None:
    fs.write(f"{at}/a", b"before")
    with fs.create(f"{at}/a") as stream:
        stream.write(b"one ")
        stream.write(b"two")
        assert stream.tell() == 7
    assert fs.read(f"{at}/a") == b"one two"


def test_files_are_joined_in_order(fs: FileSystem, at: str) -> None:
    for name, data in (("a", b"1"), ("b", b""), ("c", b"22")):
        fs.write(f"{at}/{name}", data)
    fs.concat([f"{at}/{name}" for name in "cab"], f"{at}/all")
    assert fs.read(f"{at}/all") == b"221"
    with pytest.raises(StoreError):
        fs.concat([f"{at}/missing"], f"{at}/all")


def test_only_the_first_link_gets_the_name(fs: FileSystem, at: str) -> None:
    fs.write(f"{at}/a", b"a")
    fs.write(f"{at}/b", b"b")
    assert fs.link(f"{at}/a", f"{at}/name")
    assert not fs.link(f"{at}/b", f"{at}/name")
    fs.remove(f"{at}/a")
    assert fs.read(f"{at}/name") == b"a"


def test_only_the_first_exclusive_file_is_created_and_nothing_is_left_beside_it(
    fs: FileSystem, at: str
) -> None:
    assert fs.create_exclusive(f"{at}/m", b"1")
    assert not fs.create_exclusive(f"{at}/m", b"2")
    assert fs.read(f"{at}/m") == b"1"
    assert fs.list(at) == ["m"]


def test_a_rename_replaces(fs: FileSystem, at: str) -> None:
    fs.write(f"{at}/a", b"a")
    fs.write(f"{at}/b", b"b")
    fs.replace(f"{at}/a", f"{at}/b")
    assert (fs.list(at), fs.read(f"{at}/b")) == (["b"], b"a")
    with pytest.raises(StoreError):
        fs.replace(f"{at}/a", f"{at}/b")


def test_directories_are_made_with_those_above_and_go_when_empty(fs: FileSystem, at: str) -> None:
    fs.make_dirs(f"{at}/x/y")
    fs.make_dirs(f"{at}/x/y")
    fs.write(f"{at}/x/y/f", b"")
    fs.remove_dir(f"{at}/x/y")
    assert fs.list(f"{at}/x") == ["y"]
    fs.remove(f"{at}/x/y/f")
    fs.remove_dir(f"{at}/x/y")
    assert fs.list(f"{at}/x") == []
    assert not fs.exists(f"{at}/x/y")
    fs.write(f"{at}/file", b"")
    with pytest.raises(StoreError):
        fs.make_dirs(f"{at}/file/below")


def test_what_is_not_there_is_told(fs: FileSystem, at: str) -> None:
    fs.remove(f"{at}/missing")
    fs.remove_dir(f"{at}/missing")
    assert fs.list(f"{at}/missing") == []
    assert not fs.exists(f"{at}/missing")
    for look in (fs.read, fs.size):
        with pytest.raises(FileNotFoundError):
            look(f"{at}/missing")
    for deed in (
        fs.sync,
        fs.sync_dir,
        lambda path: fs.truncate(path, 0),
        lambda path: fs.write(f"{path}/f", b""),
    ):
        with pytest.raises(StoreError):
            deed(f"{at}/missing")


# ---- what a power loss leaves


def test_what_was_synced_stays_and_nothing_else() -> None:
    fs = MemoryFileSystem()
    fs.make_dirs("/d")
    fs.write_durably("/d/both", b"old")
    fs.append("/d/both", b" new")
    fs.write("/d/bytes", b"x")
    fs.sync("/d/bytes")
    fs.write("/d/neither", b"x")
    assert fs.after_power_loss(Loss.EVERYTHING).contents() == {"/d/both": b"old"}
    assert fs.after_power_loss(Loss.BYTES).contents() == {
        "/d/both": b"old",
        "/d/bytes": b"x",
        "/d/neither": b"",
    }
    assert fs.after_power_loss(Loss.ORDER).contents() == {"/d/both": b"old", "/d/neither": b""}
    assert fs.after_power_loss(Loss.NOTHING).contents() == fs.contents()


def test_removed_and_renamed_files_come_back_until_their_directory_is_synced() -> None:
    fs = MemoryFileSystem()
    fs.make_dirs("/d")
    for name in "ab":
        fs.write_durably(f"/d/{name}", name.encode())
    fs.remove("/d/a")
    fs.replace("/d/b", "/d/c")
    assert fs.after_power_loss(Loss.EVERYTHING).contents() == {"/d/a": b"a", "/d/b": b"b"}
    assert fs.after_power_loss(Loss.ORDER).contents() == {"/d/a": b"a", "/d/c": b"b"}
    fs.sync_dir("/d")
    assert fs.after_power_loss(Loss.EVERYTHING).contents() == {"/d/c": b"b"}


@pytest.mark.parametrize("loss", Loss)
@pytest.mark.parametrize("way", ["write_atomic", "create_exclusive"])
def test_an_atomic_write_leaves_the_old_or_the_new_bytes(way: str, loss: Loss) -> None:
    old = {} if way == "create_exclusive" else {"/d/f": b"old"}
    for crash_at in itertools.count(1):
        disk = MemoryFileSystem()
        disk.make_dirs("/d")
        for path, data in old.items():
            disk.write_durably(path, data)
        fs = CrashingFileSystem(disk, crash_at)
        try:
            getattr(fs, way)("/d/f", b"new one")
        except PowerLoss:
            left = disk.after_power_loss(loss).contents()
            assert left.get("/d/f") in {old.get("/d/f"), b"new one"}
        else:
            assert disk.after_power_loss(loss).contents() == {"/d/f": b"new one"}
            assert crash_at == {"write_atomic": 5, "create_exclusive": 6}[way]
            break


def test_nothing_works_after_the_crash() -> None:
    fs = CrashingFileSystem(MemoryFileSystem(), 2)
    fs.make_dirs("/d")
    with pytest.raises(PowerLoss):
        fs.write("/d/f", b"1234")
    for deed in (lambda: fs.read("/d/f"), lambda: fs.list("/d"), lambda: fs.write("/d/g", b"")):
        with pytest.raises(PowerLoss):
            deed()
    assert fs.deeds == [("make_dirs", "/d"), ("write", "/d/f")]
