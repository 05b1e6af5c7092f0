"""What another user plants under a name that is about to be written, or in a directory that is about to be emptied."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from data_juicer.errors import StoreError
from data_juicer.storage.file_lock import FileLock
from data_juicer.storage.posix import PosixStore
from tests.support.second_user import OTHER_UID, as_other_user, needs_second_user

STORE = PosixStore()


def write_stream(path: str) -> None:
    stream = STORE.create(path)
    stream.write(b"ours")
    stream.close()


WRITES: dict[str, Callable[[str], object]] = {
    "write": lambda path: STORE.write(path, b"ours"),
    "append": lambda path: STORE.append(path, b"ours"),
    "truncate": lambda path: STORE.truncate(path, 0),
    "create": write_stream,
    "lock": lambda path: FileLock().acquire(path),
}


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_bytes(b"precious")
    return path


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_nothing_is_written_through_a_planted_link(write: Callable[[str], object], victim: Path) -> None:
    planted = victim.parent / "planted"
    planted.symlink_to(victim)
    with pytest.raises(
        StoreError, match=f"a link to {victim} has its name, and nothing is written through it"
    ):
        write(str(planted))
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_nothing_is_written_into_a_planted_pipe_or_socket(
    write: Callable[[str], object], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with socket.socket(socket.AF_UNIX) as planted:
        planted.bind(str(tmp_path / "socket"))
        for name in ("pipe", "socket"):
            with pytest.raises(StoreError, match="a pipe, a socket or a device has its name"):
                write(str(tmp_path / name))
    assert os.read(reader, 1) == b""
    os.close(reader)


def send_whole(path: str) -> None:
    with contextlib.closing(STORE.create(f"{path}.made")) as sink:
        sink.send(path)


READS: dict[str, Callable[[str], object]] = {
    "read": STORE.read,
    "read_document": STORE.read_document,
    "open_read": STORE.open_read,
    "map": STORE.map,
    "send": send_whole,
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize("name", ["pipe", "socket", "device"])
def test_a_planted_pipe_socket_or_device_is_not_waited_for(
    read: Callable[[str], object], name: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as planted:
        planted.bind(str(tmp_path / "socket"))
        with pytest.raises(StoreError, match="has its name, and nothing is read from it"):
            read(str(tmp_path / name))


@pytest.mark.parametrize("name", ["write", "create"])
def test_a_file_that_shares_its_bytes_with_another_name_is_made_anew(name: str, victim: Path) -> None:
    planted = victim.parent / "planted"
    os.link(victim, planted)
    WRITES[name](str(planted))
    assert victim.read_bytes() == b"precious"


def test_new_files_have_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    present = os.umask(0o077)
    try:
        STORE.write(f"{tmp_path}/private", b"")
        os.umask(0o002)
        STORE.put(f"{tmp_path}/shared", b"")
        STORE.append(f"{tmp_path}/log", b"")
        write_stream(f"{tmp_path}/stream")
        FileLock().acquire(f"{tmp_path}/lock")
    finally:
        os.umask(present)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    assert modes.pop("private") == "0o600"
    assert set(modes.values()) == {"0o664"}


def test_a_job_s_directory_is_closed_to_groups_whatever_the_umask_says(tmp_path: Path) -> None:
    present = os.umask(0)
    try:
        STORE.make_own_dir(f"{tmp_path}/jobs/job")
    finally:
        os.umask(present)
    assert (tmp_path / "jobs" / "job").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "jobs").stat().st_mode & 0o777 == 0o777


def test_a_directory_of_ours_is_emptied_without_following_what_was_planted_in_it(victim: Path) -> None:
    (victim.parent / "job").mkdir(mode=0o755)
    (victim.parent / "job" / "names").symlink_to(victim.parent)
    (victim.parent / "job" / "file").symlink_to(victim)
    with STORE.open_own(str(victim.parent / "job")) as own:
        assert own is not None
        with own.inside("names") as inside:
            assert inside is None
        with pytest.raises(FileNotFoundError):
            own.read("file")
        own.remove("file")
    assert victim.read_bytes() == b"precious"
    with STORE.open_own(str(victim.parent / "job" / "names")) as own:
        assert own is None


def test_a_directory_held_open_stays_the_one_that_was_opened(victim: Path) -> None:
    job, elsewhere = victim.parent / "job", victim.parent / "elsewhere"
    for folder in (job, elsewhere):
        folder.mkdir(mode=0o755)
        (folder / "checkpoint").write_bytes(b"")
    with STORE.open_own(str(job)) as own:
        assert own is not None
        job.rename(victim.parent / "moved")
        job.symlink_to(elsewhere)
        own.remove("checkpoint")
    assert (elsewhere / "checkpoint").exists()
    assert not (victim.parent / "moved" / "checkpoint").exists()


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        (0o755, None),
        (0o700, None),
        (0o757, "written into by everybody"),
        (0o1777, "written into by everybody"),
    ],
)
def test_a_directory_that_everybody_may_write_into_is_not_ours_alone(
    mode: int, found: str | None, tmp_path: Path
) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job").chmod(mode)
    reported = STORE.find_foreign(f"{tmp_path}/job")
    assert reported is None if found is None else found in (reported or "")


@pytest.mark.parametrize(
    ("mode", "is_open"), [(0o755, False), (0o775, False), (0o777, True), (0o1777, False)]
)
def test_a_parent_is_open_to_all_only_without_the_sticky_bit(
    mode: int, is_open: bool, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work").chmod(mode)
    assert bool(STORE.find_open_to_all(f"{tmp_path}/work")) is is_open


@needs_second_user
def test_a_directory_of_another_user_or_group_is_not_ours(shared: Path) -> None:
    shared.chmod(0o777)
    as_other_user((shared / "theirs").mkdir)
    (shared / "grouped").mkdir()
    os.chown(shared / "grouped", 0, OTHER_UID)
    (shared / "grouped").chmod(0o775)
    assert f"belongs to user {OTHER_UID}" in (STORE.find_foreign(str(shared / "theirs")) or "")
    assert f"may be written into by group {OTHER_UID}" in (STORE.find_foreign(str(shared / "grouped")) or "")
    for name in ("theirs", "grouped"):
        with STORE.open_own(str(shared / name)) as own:
            assert own is None


@needs_second_user
def test_files_of_another_user_in_a_directory_of_ours_stay(shared: Path) -> None:
    (shared / "theirs").write_text("")
    os.chown(shared / "theirs", OTHER_UID, OTHER_UID)
    with STORE.open_own(str(shared)) as own:
        assert own is not None
        with pytest.raises(StoreError, match=f"theirs: removing failed: it belongs to user {OTHER_UID}"):
            own.remove("theirs")
        with pytest.raises(FileNotFoundError):
            own.read("theirs")
    assert (shared / "theirs").exists()
