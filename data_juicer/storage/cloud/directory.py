"""What is below a prefix, as a directory of this user: who may write it is decided by the store, not by owners of files."""

from __future__ import annotations

import contextlib
import os

from data_juicer.storage.base import Store
from data_juicer.storage.capabilities import OwnDirectory
from data_juicer.storage.cloud.segments import SegmentedLogs


class ObjectDirectory(OwnDirectory):
    def __init__(self, store: Store, logs: SegmentedLogs, path: str) -> None:
        self._store = store
        self._logs = logs
        self._path = path

    def list(self) -> list[str]:
        return self._store.list(self._path)

    def read(self, name: str) -> bytes:
        return self._store.read(os.path.join(self._path, name))

    def remove(self, name: str) -> None:
        self._store.remove(os.path.join(self._path, name))

    def remove_log(self, name: str) -> None:
        self._logs.remove(os.path.join(self._path, name))

    def inside(self, name: str) -> contextlib.AbstractContextManager[OwnDirectory | None]:
        return contextlib.nullcontext(
            ObjectDirectory(self._store, self._logs, os.path.join(self._path, name))
        )

    def remove_dir(self, name: str) -> None:
        """There is none: a prefix goes with the last object below it."""

    def sync(self) -> None:
        """What was removed does not come back."""
