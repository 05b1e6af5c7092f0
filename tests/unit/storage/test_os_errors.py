"""Every refusal of a disk says where, what, what is safe, and what to do, in one line."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

import pytest

from data_juicer.errors import StoreError
from data_juicer.storage.os_errors import translate_os_errors
from data_juicer.storage.posix import PosixStore

STORE = PosixStore()


def refusal(doing: str, path: Path, number: int, size_bytes: int | None = None) -> str:
    with pytest.raises(StoreError) as caught, translate_os_errors(doing, str(path), size_bytes):
        raise OSError(number, os.strerror(number), str(path))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: {doing} failed: ")
    assert "safe" in str(caught.value)
    assert "start the job again" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_reported_with_the_bytes(tmp_path: Path, number: int) -> None:
    message = refusal("writing", tmp_path / "f", number, 4096)
    assert "(4,096 bytes are needed, " in message
    assert message.endswith(" are free). What was committed is safe; make room and start the job again.")


@pytest.mark.parametrize(
    ("limit", "found", "advice"),
    [
        (
            resource.RLIM_INFINITY,
            "its file system takes no file of this size. ",
            "name a directory on another disk and ",
        ),
        (
            4096,
            "this process may write 4,096 bytes into a file. ",
            "raise that limit (ulimit -f unlimited) and ",
        ),
    ],
)
def test_a_limit_of_file_sizes_is_no_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, found: str, advice: str
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    message = refusal("writing", tmp_path / "f", errno.EFBIG, 4096)
    assert f"File too large: {found}" in message
    assert advice in message


def statvfs_with(monkeypatch: pytest.MonkeyPatch, files: int, free_files: int) -> None:
    real = os.statvfs("/")
    reported = os.statvfs_result((*real[:5], files, free_files, free_files, *real[8:]))
    monkeypatch.setattr(os, "statvfs", lambda _: reported)


def test_a_disk_without_inodes_is_reported_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statvfs_with(monkeypatch, 1000, 0)
    message = refusal("writing", tmp_path / "f", errno.ENOSPC, 4096)
    assert f"No space left on device: no inodes are left on the disk of {tmp_path}. " in message
    assert "bytes" not in message
    assert "remove files there" in message
    assert STORE.find_full(f"{tmp_path}/f") == f"no inodes are left on the disk of {tmp_path}"


@pytest.mark.parametrize(("files", "free_files"), [(1000, 1), (0, 0)])
def test_bytes_are_reported_where_files_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, free_files: int
) -> None:
    statvfs_with(monkeypatch, files, free_files)
    assert "(4,096 bytes are needed, " in refusal("writing", tmp_path / "f", errno.ENOSPC, 4096)
    assert STORE.find_full(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EROFS, "mount that disk for writing"),
        (errno.EACCES, "read and write"),
        (errno.EPERM, "read and write"),
        (errno.EIO, "see to that disk"),
        (errno.ENAMETOOLONG, "File name too long"),
    ],
)
def test_every_refusal_names_a_way_on(tmp_path: Path, number: int, said: str) -> None:
    assert said in refusal("writing", tmp_path / "f", number)


def test_who_may_not_write_is_reported_with_the_directory_that_is_there(tmp_path: Path) -> None:
    message = refusal("creating the directory", tmp_path / "a" / "b", errno.EACCES)
    assert f"read and write {tmp_path} and start" in message


def test_a_directory_that_vanished_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        StoreError, match=f"writing failed: the directory {tmp_path}/gone is gone. Bring it back"
    ):
        STORE.write(f"{tmp_path}/gone/below/f", b"")


def test_a_file_in_the_place_of_a_directory_and_the_other_way_round_can_be_moved_away(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    moved = f"start the job again: mv {tmp_path}/file {tmp_path}/file.away"
    with pytest.raises(StoreError, match=f"{tmp_path}/file is a file, a directory is expected.*{moved}"):
        STORE.make_dirs(f"{tmp_path}/file/below")
    with pytest.raises(StoreError, match=f"{tmp_path}/directory is a directory, a file is expected.* mv "):
        STORE.read(f"{tmp_path}/directory")


@pytest.mark.parametrize(
    "deed", [lambda path: STORE.write(path, b""), lambda path: STORE.put_if_absent(path, b"")]
)
def test_a_broken_link_in_the_place_of_a_file_is_named(tmp_path: Path, deed) -> None:
    link = tmp_path / "link"
    link.symlink_to("/nowhere/at/all")
    with pytest.raises(StoreError, match=f"it is a link to /nowhere/at/all, which is not there.* mv {link} "):
        deed(str(link))
