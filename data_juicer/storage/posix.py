"""Files of this machine, or of a mounted shared storage."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO, Final

from data_juicer.storage.capabilities import AdvisoryLock, OwnDirectory
from data_juicer.storage.disk import ASIDE_SUFFIX, DiskStore, Sink
from data_juicer.storage.file_lock import FileLock, held_exclusively, is_held
from data_juicer.storage.files import Data, Entry, Reader, Stat
from data_juicer.storage.os_errors import free_bytes, has_inodes, no_inodes, translate_os_errors, volume
from data_juicer.storage.owners import find_foreign, find_kind, find_open_to_all, find_untrusted
from data_juicer.storage.posix_files import open_directory, open_held, open_new, open_to_read

SMALL_BYTES: Final = 1 << 16
"""A file that is smaller is read at once, without asking for its size."""
MAPPED_BYTES: Final = 1 << 20
"""A document that is larger is not copied."""
OWN_DIRECTORY_MODE: Final = 0o755
"""Less the umask: nobody else may write there, even where the umask lets a group write."""


class PosixStore(DiskStore):
    """Files of this machine, or of a mounted shared storage."""

    uri = "file:///"

    def write(self, path: str, data: Data) -> None:
        with _written(path, len(memoryview(data))) as descriptor:
            _write_all(descriptor, data)

    def write_durably(self, path: str, data: Data) -> None:
        """The same, without opening the file twice."""
        with _written(path, len(memoryview(data))) as descriptor:
            _write_all(descriptor, data)
            with translate_os_errors("syncing", path):
                os.fsync(descriptor)

    def append(self, path: str, data: Data) -> None:
        with translate_os_errors("writing", path, len(memoryview(data))):
            descriptor = open_held(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                _write_all(descriptor, data)
            finally:
                os.close(descriptor)

    def create(self, path: str, size_bytes: int | None = None) -> _PosixSink:
        with translate_os_errors("writing", path, size_bytes):
            return _PosixSink(path, size_bytes, os.fdopen(open_new(path), "wb"))

    def copy_into(self, source: str, sink: Sink) -> None:
        if isinstance(sink, _PosixSink):
            sink.send(source)
        else:
            super().copy_into(source, sink)

    def truncate(self, path: str, size_bytes: int) -> None:
        with translate_os_errors("truncating", path):
            descriptor = open_held(path, os.O_WRONLY)
            try:
                os.ftruncate(descriptor, size_bytes)
            finally:
                os.close(descriptor)

    def sync(self, path: str) -> None:
        with translate_os_errors("syncing", path):
            _sync(path, os.O_RDONLY)

    def sync_dir(self, path: str) -> None:
        with translate_os_errors("syncing", path):
            _sync(path or ".", os.O_RDONLY | os.O_DIRECTORY)

    def link(self, source: str, target: str) -> bool:
        with translate_os_errors("linking", target):
            try:
                os.link(source, target)
            except FileExistsError:
                if not os.path.exists(target):  # a broken link has the name
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), target) from None
                return False
        return True

    def replace(self, source: str, target: str) -> None:
        with translate_os_errors("renaming", target):
            os.replace(source, target)

    def remove(self, path: str) -> None:
        with translate_os_errors("removing", path), contextlib.suppress(FileNotFoundError):
            os.remove(path)

    def make_dirs(self, path: str) -> None:
        path = os.path.abspath(path)
        if os.path.isdir(path):
            return
        self.make_dirs(os.path.dirname(path))
        self._make_dir(path, 0o777)

    def _make_dir(self, path: str, mode: int) -> None:
        if os.path.isdir(path):
            return
        with translate_os_errors("creating the directory", path):
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, mode)
            if not os.path.isdir(path):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            _sync(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)

    def remove_dir(self, path: str) -> None:
        with contextlib.suppress(OSError):
            os.rmdir(path)

    def read(self, path: str) -> bytes:
        try:
            return _read(path)
        except (
            OSError
        ):  # a block around each of a hundred thousand small files would take longer than reading them
            with translate_os_errors("reading", path):
                raise

    def read_document(self, path: str) -> bytes | memoryview:
        with translate_os_errors("reading", path), open(path, "rb", opener=open_to_read) as stream:
            if os.fstat(stream.fileno()).st_size < MAPPED_BYTES:
                return stream.read()
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))

    def open_read(self, path: str) -> Reader:
        with translate_os_errors("reading", path):
            return _PosixReader(path, open_to_read(path))

    def map(self, path: str) -> Data:
        with translate_os_errors("reading", path), open(path, "rb", opener=open_to_read) as stream:
            if os.fstat(stream.fileno()).st_size == 0:
                return b""
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))

    def stat(self, path: str) -> Stat:
        try:
            return _stat(os.stat(path))
        except OSError:  # as in `read`
            with translate_os_errors("reading", path):
                raise

    def entries(self, path: str) -> list[Entry]:
        with translate_os_errors("listing", path):
            try:
                with os.scandir(path) as found:
                    return sorted(map(_entry, found), key=lambda entry: entry.name)
            except FileNotFoundError:
                return []

    def used_bytes(self, path: str) -> int:
        used, folders = 0, [path]
        while folders:
            with contextlib.suppress(OSError), os.scandir(folders.pop()) as found:
                for entry in found:
                    try:  # `suppress` would take a third of the time that a file takes
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        else:
                            used += entry.stat(follow_symlinks=False).st_size
                    except OSError:
                        continue
        return used

    def resolve(self, path: str) -> str:
        return os.path.realpath(path)

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def list(self, path: str) -> list[str]:
        with translate_os_errors("listing", path):
            try:
                return sorted(os.listdir(path))
            except FileNotFoundError:
                return []

    def exclusive(self, path: str) -> contextlib.AbstractContextManager[None]:
        return held_exclusively(f"{path}.lock")

    def check_writable(self, path: str) -> None:
        probe = os.path.join(path, f".writable.{os.urandom(8).hex()}{ASIDE_SUFFIX}")
        with translate_os_errors("writing", path):
            os.close(open_new(probe))
            os.unlink(probe)

    def free_bytes(self, path: str) -> int | None:
        return free_bytes(path)

    def find_full(self, path: str) -> str | None:
        return None if has_inodes(path) else no_inodes(path)

    def volume(self, path: str) -> int | None:
        return volume(path)

    def advisory_lock(self) -> AdvisoryLock:
        return FileLock()

    def is_locked(self, path: str) -> bool:
        return is_held(path)

    def find_foreign(self, path: str) -> str | None:
        return find_foreign(path)

    def find_open_to_all(self, path: str) -> str | None:
        return find_open_to_all(path)

    def is_same(self, path: str, other: str) -> bool:
        try:
            return os.path.samefile(path, other)
        except OSError:
            return path == other

    def find_untrusted(self, path: str) -> str | None:
        return find_untrusted(path)

    def find_kind(self, path: str) -> str | None:
        return find_kind(path)

    def make_own_dir(self, path: str) -> None:
        path = os.path.abspath(path)
        self.make_dirs(os.path.dirname(path))
        self._make_dir(path, OWN_DIRECTORY_MODE)
        if os.path.islink(path):
            with translate_os_errors("creating the directory", path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

    def open_own(self, path: str) -> contextlib.AbstractContextManager[OwnDirectory | None]:
        return open_directory(path)


def _read_small(path: str) -> bytes | None:
    """A file of fewer than SMALL_BYTES; None for any other, and where it cannot be read."""
    try:
        descriptor = open_to_read(path)
    except OSError:  # who asks for it in another way is given the reason
        return None
    try:
        data = os.read(descriptor, SMALL_BYTES)
        return data if len(data) < SMALL_BYTES and not os.read(descriptor, 1) else None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _read(path: str) -> bytes:
    descriptor = open_to_read(path)
    try:
        data = os.read(descriptor, SMALL_BYTES)
        if len(data) < SMALL_BYTES and not os.read(descriptor, 1):
            return data
        os.lseek(descriptor, 0, os.SEEK_SET)
        with open(descriptor, "rb", buffering=0, closefd=False) as stream:
            return stream.readall()
    finally:
        os.close(descriptor)


class _PosixSink:
    def __init__(self, path: str, size_bytes: int | None, stream: BinaryIO) -> None:
        self._path = path
        self._size_bytes = size_bytes
        self._stream = stream

    @property
    def closed(self) -> bool:
        return self._stream.closed

    def write(self, data: Data, /) -> None:
        with translate_os_errors("writing", self._path, self._size_bytes):
            self._stream.write(data)

    def send(self, source: str) -> None:
        """Add a whole file. The bytes of a large one do not come through this process; small ones are written together."""
        if (small := _read_small(source)) is not None:
            self.write(small)
            return
        with translate_os_errors("reading", source):
            stream = os.fdopen(open_to_read(source), "rb")
        with stream, translate_os_errors("writing", self._path, self._size_bytes):
            self._stream.flush()
            left = os.fstat(stream.fileno()).st_size
            while left > 0:
                copied = os.sendfile(self._stream.fileno(), stream.fileno(), None, left)
                if copied == 0:
                    raise OSError(errno.EIO, f"{source} became shorter while it was read")
                left -= copied

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        with translate_os_errors("writing", self._path, self._size_bytes):
            self._stream.close()


class _PosixReader(Reader):
    def __init__(self, path: str, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor

    def stat(self) -> Stat:
        with translate_os_errors("reading", self._path):
            return _stat(os.fstat(self._open))

    def read(self, start: int, stop: int) -> bytes:
        parts, filled = [], start
        with translate_os_errors("reading", self._path):
            while filled < stop and (part := os.pread(self._open, stop - filled, filled)):
                parts.append(part)  # one, as a rule: no copy is made of it
                filled += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def _open(self) -> int:
        if self._descriptor is None:
            raise ValueError(f"{self._path} was closed")
        return self._descriptor


def _stat(status: os.stat_result) -> Stat:
    is_directory, is_file = stat.S_ISDIR(status.st_mode), stat.S_ISREG(status.st_mode)
    return Stat(
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        identity=f"{status.st_dev}:{status.st_ino}",
        version=f"{status.st_ino}:{status.st_mtime_ns}:{status.st_size}",
        kind="directory" if is_directory else "file" if is_file else "other",
    )


def _entry(entry: os.DirEntry[str]) -> Entry:
    is_link = entry.is_symlink()
    if entry.is_dir():
        return Entry(name=entry.name, path=entry.path, kind="directory", is_link=is_link)
    is_file = entry.is_file() or (is_link and not os.path.exists(entry.path))
    return Entry(name=entry.name, path=entry.path, kind="file" if is_file else "other", is_link=is_link)


@contextlib.contextmanager
def _written(path: str, size_bytes: int) -> Iterator[int]:
    """A new file; none that has the name is written into."""
    with translate_os_errors("writing", path, size_bytes):
        descriptor = open_new(path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: Data) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync(path: str, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
