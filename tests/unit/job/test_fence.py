"""A driver that was taken for dead changes nothing of a job that another one owns, at whatever operation it wakes up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from data_juicer.errors import JobLockedError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Driver, Lock, acquire
from data_juicer.storage.base import Store
from data_juicer.storage.disk import DiskStore
from data_juicer.storage.files import Data
from data_juicer.storage.memory import MemoryLock, MemoryStore
from data_juicer.storage.wrapped import WrappedDisk, WrappedStore
from data_juicer.store.export.parts import Parts
from data_juicer.store.export.results_manifest import ResultsManifest
from data_juicer.store.results import ExportTarget, publish
from data_juicer.testing.clock import ManualClock

LAYOUT = JobLayout.of("/disk", "job")


class FreezingStore(WrappedDisk):
    """Does something before the one operation that is named: what another driver does while this one is frozen."""

    def __init__(self, inner: DiskStore, operation: str, path: str, meanwhile: Callable[[], object]) -> None:
        super().__init__(inner)
        self._frozen_at = (operation, path)
        self._meanwhile = meanwhile

    def aside(self, path: str) -> str:
        return f"{path}.frozen.aside"

    def is_own_aside(self, path: str) -> bool:
        return path.endswith(".frozen.aside")

    def _freeze(self, operation: str, path: str) -> None:
        if (operation, path) == self._frozen_at:
            self._frozen_at = ("", "")
            self._meanwhile()

    def write(self, path: str, data: Data) -> None:
        self._freeze("write", path)
        super().write(path, data)

    def link(self, source: str, target: str) -> bool:
        self._freeze("link", target)
        return super().link(source, target)

    def replace(self, source: str, target: str) -> None:
        self._freeze("replace", target)
        super().replace(source, target)


@pytest.fixture
def disk() -> MemoryStore:
    disk = MemoryStore()
    for directory in LAYOUT.directories().values():
        disk.make_dirs(directory)
    return disk


def names_in(kind: type) -> set[str]:
    """What a class defines, with those bases that are in the same module."""
    bases = (base for base in kind.__mro__ if base.__module__ == kind.__module__)
    return {name for base in bases for name in vars(base) if not name.startswith("_")}


def test_a_wrapped_store_passes_every_operation_on() -> None:
    built_from_others = {"open_write", "at"}
    assert names_in(Store) - built_from_others - {"uri", "has_links", "tells_changes"} <= names_in(
        WrappedStore
    )


def test_a_wrapped_disk_passes_every_operation_on() -> None:
    steps = {
        name
        for name in names_in(DiskStore)
        if getattr(getattr(DiskStore, name), "__isabstractmethod__", False)
    }
    own = {
        "remove",
        "read",
        "open_read",
        "stat",
        "entries",
        "append",
        "truncate",
        "copy_into",
        "aside",
        "is_own_aside",
    }
    looks = {
        "exists",
        "list",
        "resolve",
        "map",
        "free_bytes",
        "find_full",
        "is_same",
        "check_writable",
        "advisory_lock",
        "is_locked",
    }
    assert steps | own | looks <= names_in(WrappedDisk)


def take(store: Store) -> Lock:
    """The lock of a machine of its own."""
    return acquire(store, LAYOUT, ManualClock(), Driver(host="here", pid=1), MemoryLock(set()))


@pytest.mark.parametrize("operation", ["write", "link"])
def test_a_manifest_of_a_driver_that_froze_at_its_commit_never_appears(
    disk: MemoryStore, operation: str
) -> None:
    path = LAYOUT.checkpoint_manifest(0, 0)
    at = path if operation == "link" else f"{path}.frozen.aside"
    frozen = take(FreezingStore(disk, operation, at, lambda: take(disk)))
    with pytest.raises((StoreError, JobLockedError)):
        frozen.store.put_if_absent(path, b"names files that were swept")
    assert [name for name in disk.list(LAYOUT.checkpoints_dir) if name != "set_aside"] == []


def test_a_document_of_a_driver_that_froze_before_its_rename_does_not_replace_that_of_the_owner(
    disk: MemoryStore,
) -> None:
    def meanwhile() -> None:
        take(disk).store.put(LAYOUT.summary, b"of the owner")

    frozen = take(FreezingStore(disk, "replace", LAYOUT.summary, meanwhile))
    with pytest.raises(StoreError):
        frozen.store.put(LAYOUT.summary, b"stale")
    assert disk.read(LAYOUT.summary) == b"of the owner"


def test_an_export_of_a_driver_that_froze_before_its_rename_does_not_replace_that_of_the_owner(
    disk: MemoryStore,
) -> None:
    target = ExportTarget(path="/out/r.jsonl", format="jsonl", compression="none", shard_size_bytes=0)

    def publish_none(store: Store) -> None:
        manifest = ResultsManifest(job="job", rows=0)
        publish(store, LAYOUT.results_manifest, manifest, Parts(), target, "jsonl")

    frozen = take(FreezingStore(disk, "replace", target.path, lambda: publish_none(take(disk).store)))
    with pytest.raises(StoreError):
        publish_none(frozen.store)
    assert disk.list("/out") == ["r.jsonl"]


@pytest.mark.parametrize("change", ["append", "truncate", "remove", "remove_dir"])
def test_every_other_change_is_refused_once_a_later_run_owns_the_job(disk: MemoryStore, change: str) -> None:
    disk.write(LAYOUT.summary, b"of the owner")
    lost = take(disk).store
    take(disk)
    more: dict[str, tuple[object, ...]] = {"append": (b"x",), "truncate": (0,)}
    with pytest.raises(JobLockedError, match="run 2 took the job over"):
        getattr(lost, change)(LAYOUT.summary, *more.get(change, ()))
    assert disk.read(LAYOUT.summary) == b"of the owner"


def test_a_run_after_one_that_was_released_looks_for_no_files_of_it(disk: MemoryStore) -> None:
    take(disk).release()
    disk.write(f"{LAYOUT.summary}.1.aside", b"of a reader, say")
    take(disk)
    assert disk.exists(f"{LAYOUT.summary}.1.aside")
