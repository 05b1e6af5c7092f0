"""A machine whose power fails at the k-th change of its disk."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from data_juicer.storage.capabilities import AdvisoryLock
from data_juicer.storage.disk import DiskStore
from data_juicer.storage.files import Data, Entry, Reader, Stat
from data_juicer.storage.memory import AppendingStream


class PowerLoss(BaseException):
    """The machine is off: nothing that runs on it may catch this."""


class CrashingStore(DiskStore):
    """Counts changes of the disk; the one numbered `crash_at` is half done, and nothing works after it."""

    def __init__(
        self,
        inner: DiskStore,
        crash_at: int | None,
        forgets: Callable[[str, str, str], bool] = lambda *_: False,
    ) -> None:
        """
        Args:
            crash_at: from 1; None never crashes.
            forgets: (deed, path, deed and path before it) -> whether this sync is left out, to see that it is missed.
        """
        self._inner = inner
        self._crash_at = crash_at
        self._forgets = forgets
        self._before = ""
        self.deeds: list[tuple[str, str]] = []
        """Every change so far: its name, such as `sync_dir`, and its path."""

    @property
    def inner(self) -> DiskStore:
        """The disk itself, which a test may change after the job's back."""
        return self._inner

    @property
    def is_off(self) -> bool:
        return self._crash_at is not None and len(self.deeds) >= self._crash_at

    def _do(
        self, deed: str, path: str, whole: Callable[[], None], half: Callable[[], None] | None = None
    ) -> None:
        self._need_power()
        self.deeds.append((deed, path))
        if self.is_off:
            if half is not None:
                half()
            raise PowerLoss(f"at change {self._crash_at}: {deed} {path}")
        before, self._before = self._before, f"{deed} {path}"
        if not (deed.startswith("sync") and self._forgets(deed, path, before)):
            whole()

    def _need_power(self) -> None:
        if self.is_off:
            raise PowerLoss("the machine is off")

    # ---- changes

    def write(self, path: str, data: Data) -> None:
        self._do(
            "write", path, lambda: self._inner.write(path, data), lambda: self._inner.write(path, _half(data))
        )

    def append(self, path: str, data: Data) -> None:
        self._do(
            "append",
            path,
            lambda: self._inner.append(path, data),
            lambda: self._inner.append(path, _half(data)),
        )

    def create(self, path: str, size_bytes: int | None = None) -> AppendingStream:
        self._do("create", path, lambda: self._inner.write(path, b""))
        return _CrashingStream(self, path)

    def closing(self, path: str) -> None:
        """A stream is closed, which no disk notices."""
        self._do("close", path, lambda: None)

    def truncate(self, path: str, size_bytes: int) -> None:
        self._do("truncate", path, lambda: self._inner.truncate(path, size_bytes))

    def sync(self, path: str) -> None:
        self._do("sync", path, lambda: self._inner.sync(path))

    def sync_dir(self, path: str) -> None:
        self._do("sync_dir", path, lambda: self._inner.sync_dir(path))

    def link(self, source: str, target: str) -> bool:
        made: list[bool] = []
        self._do("link", target, lambda: made.append(self._inner.link(source, target)))
        return made[0]

    def replace(self, source: str, target: str) -> None:
        self._do("replace", target, lambda: self._inner.replace(source, target))

    def remove(self, path: str) -> None:
        self._do("remove", path, lambda: self._inner.remove(path))

    def make_dirs(self, path: str) -> None:
        if not self._inner.exists(path):
            self._do("make_dirs", path, lambda: self._inner.make_dirs(path))

    def remove_dir(self, path: str) -> None:
        self._do("remove_dir", path, lambda: self._inner.remove_dir(path))

    def check_writable(self, path: str) -> None:
        self._need_power()
        self._inner.check_writable(path)

    def exclusive(self, path: str) -> contextlib.AbstractContextManager[None]:
        return self._inner.exclusive(path)

    def advisory_lock(self) -> AdvisoryLock | None:
        return self._inner.advisory_lock()

    def is_locked(self, path: str) -> bool:
        return self._inner.is_locked(path)

    # ---- looking

    def read(self, path: str) -> bytes:
        self._need_power()
        return self._inner.read(path)

    def open_read(self, path: str) -> Reader:
        self._need_power()
        return self._inner.open_read(path)

    def stat(self, path: str) -> Stat:
        self._need_power()
        return self._inner.stat(path)

    def entries(self, path: str) -> list[Entry]:
        self._need_power()
        return self._inner.entries(path)

    def exists(self, path: str) -> bool:
        self._need_power()
        return self._inner.exists(path)

    def list(self, path: str) -> list[str]:
        self._need_power()
        return self._inner.list(path)


class _CrashingStream(AppendingStream):
    def __init__(self, store: CrashingStore, path: str) -> None:
        super().__init__(store, path)
        self._crashing, self._name = store, path

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._crashing.closing(self._name)


def _half(data: Data) -> bytes:
    return bytes(data)[: len(memoryview(data)) // 2]
