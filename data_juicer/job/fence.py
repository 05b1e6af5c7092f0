"""What keeps a driver that was taken for dead from changing a job that another one owns (docs/design/0080-two-drivers.md).

A driver may freeze between its look at the claims and the operation that follows. So a change is prepared in a file of its
own aside, then comes the look, then the one operation that gives the file its name; and a driver that takes a job over
removes the files aside of all others after it has claimed the job. Either the change took place before, and the new owner
sees it, or its file aside is gone, and the operation fails.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from data_juicer.errors import COMMITTED_IS_SAFE, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.storage.base import Store
from data_juicer.storage.disk import ASIDE_SUFFIX, DiskStore
from data_juicer.storage.files import Data
from data_juicer.storage.locations.routed import RoutedStore
from data_juicer.storage.wrapped import WrappedDisk, WrappedStore


def fenced(store: Store, fence: Callable[[], None]) -> Store:
    """The store of a driver, which looks before its changes whether the driver still owns the job.

    Args:
        fence: raises where a later run owns the job.
    """
    if isinstance(store, RoutedStore):
        return store.wrapped(lambda each: fenced(each, fence))
    return FencedDisk(store, fence) if isinstance(store, DiskStore) else FencedStore(store, fence)


class FencedStore(WrappedStore):
    """A store of any kind: each request that changes something is one operation, and the look comes before it.

    What may be replaced demands the version that was there before the look. Other files have names of an attempt, or are made only if absent.
    """

    def __init__(self, inner: Store, fence: Callable[[], None]) -> None:
        super().__init__(inner)
        self._fence = fence

    def before_change(self) -> None:
        self._fence()

    def put(self, path: str, data: Data) -> None:
        """Replace a document only if it is the one that was there before the look: who freezes after the look replaces nothing."""
        version = self._inner.find_version(path)
        self._fence()
        is_ours = (
            self._inner.put_if_unchanged(path, data, version)
            if version
            else self._inner.put_if_absent(path, data)
        )
        if not is_ours:
            self._fence()
            raise StoreError(
                f"{path}: writing failed: somebody else has written it.",
                f"{COMMITTED_IS_SAFE}. Start the job again.",
            )


class FencedDisk(WrappedDisk):
    """A disk: the look comes before each operation that changes a name of the job.

    New files under names of an attempt or of this process are written without a look; nobody else knows those names.
    """

    def __init__(self, inner: DiskStore, fence: Callable[[], None]) -> None:
        super().__init__(inner)
        self._fence = fence

    def write_durably(self, path: str, data: Data) -> None:
        self._inner.write_durably(path, data)

    def append(self, path: str, data: Data) -> None:
        self._fence()
        super().append(path, data)

    def truncate(self, path: str, size_bytes: int) -> None:
        self._fence()
        super().truncate(path, size_bytes)

    def link(self, source: str, target: str) -> bool:
        self._fence()
        return super().link(source, target)

    def replace(self, source: str, target: str) -> None:
        self._fence()
        super().replace(source, target)

    def remove(self, path: str) -> None:
        if not self.is_own_aside(path):
            self._fence()
        super().remove(path)

    def remove_dir(self, path: str) -> None:
        self._fence()
        super().remove_dir(path)


def remove_asides(store: Store, layout: JobLayout) -> None:
    """Remove what earlier runs prepared and did not finish; from now on none of their changes takes place any more.

    Only disks hold such files: what another store has not answered yet, it does or does not do on its own.
    """
    for directory in (*layout.directories().values(), layout.runs_dir):
        if not isinstance(store.at(directory), DiskStore):
            continue
        for name in store.list(directory):
            if name.endswith(ASIDE_SUFFIX):
                store.remove(os.path.join(directory, name))
