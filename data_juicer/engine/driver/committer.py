"""The driver's hand on the store: commits what was staged, drops what that makes needless, sets damage aside."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence

import msgspec

from data_juicer.engine.driver.commit_pool import CommitPool
from data_juicer.errors import StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Lock
from data_juicer.plan.retention import Retention, superseded, unnamed_files
from data_juicer.plan.tasks import TaskKey
from data_juicer.storage.base import Store
from data_juicer.store.commit import commit_manifest, read_manifest, set_aside
from data_juicer.store.decisions import ResolveManifest, commit_resolve
from data_juicer.store.manifest import Manifest
from data_juicer.store.resolve.shards import ShardManifest, commit_shard

Committable = Manifest | ResolveManifest


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A staged stage that is to count."""

    task: TaskKey
    attempt: str
    manifest: Committable


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order."""

    order: Order
    manifest: Committable
    """The one that counts now: the staged one, or that of an earlier attempt."""
    is_first: bool = False
    """This commit did it, and no earlier one."""
    checkpoints: tuple[int, ...] = ()
    """Operators after which the partition has a checkpoint now, rising."""
    error: BaseException | None = None
    """Why it does not count."""


class Committer:
    """Commits in the thread of the driver, or with several in flight."""

    def __init__(
        self,
        store: Store,
        layout: JobLayout,
        lock: Lock,
        retention: Retention,
        dataset_operators: frozenset[int] = frozenset(),
    ) -> None:
        """
        Args:
            dataset_operators: their indices.
        """
        self._store = store
        self._layout = layout
        self._lock = lock
        self._retention = retention
        self._dataset_operators = dataset_operators
        self._checkpoints: dict[int, list[Manifest]] = {}
        """Committed checkpoints of partitions that are not done, the newest last. Commits of one partition follow each other."""
        self._pool: CommitPool[Order, Outcome] = CommitPool(self._try)

    # ---- checkpoints

    def hold(self, partition_id: int, checkpoints: Sequence[Manifest]) -> None:
        """Checkpoints of an earlier run that this partition may continue from, the newest last."""
        self._checkpoints[partition_id] = list(checkpoints)

    def checkpoint(self, partition_id: int, operator_index: int) -> Manifest:
        """The committed checkpoint of a partition after an operator."""
        return next(it for it in self._checkpoints[partition_id] if it.operator_index == operator_index)

    def newest(self, partition_id: int) -> int | None:
        """The operator after which the newest committed checkpoint of a partition is; None where it has none."""
        checkpoints = self._checkpoints.get(partition_id, ())
        return max((manifest.operator_index for manifest in checkpoints), default=None)

    def made_from(self, partition_id: int, file: str) -> list[Manifest]:
        """The checkpoints of a partition that name a file, the oldest first."""
        checkpoints = self._checkpoints.get(partition_id, ())
        found = [
            manifest
            for manifest in checkpoints
            if any(each.name == file for each in (*manifest.all_files, *manifest.produced))
        ]
        return sorted(found, key=lambda manifest: manifest.operator_index)

    def set_aside_damaged(self, partition_id: int, operators: Iterable[int]) -> list[Manifest]:
        """Checkpoints of a partition turned out damaged: attempts go on from the one before them from now on."""
        damaged = [self.checkpoint(partition_id, index) for index in operators]
        for manifest in damaged:
            self._checkpoints[partition_id].remove(manifest)
        self.set_aside(map(self._path, damaged))
        return damaged

    def set_aside(self, paths: Iterable[str]) -> None:
        set_aside(self._store, [path for path in paths if self._store.exists(path)])

    # ---- commits

    @property
    def in_flight(self) -> int:
        """Orders begun whose outcome was not taken yet."""
        return self._pool.in_flight

    def begin(self, order: Order) -> None:
        """Commit in a thread, after what is in flight of the same partition; `take` tells what became of it."""
        self._pool.submit((order.task.kind, order.task.number), order)

    def take(self, timeout_s: float = 0.0) -> Outcome | None:
        """The outcome of the next commit that is over; None when there was none for this long."""
        return self._pool.take(timeout_s)

    def close(self) -> None:
        """Wait for the commits under way."""
        self._pool.close()

    def commit(self, order: Order) -> Outcome:
        """Make a staged stage count.

        Raises: CheckpointError, JobLockedError, StoreError: nothing was committed.
        """
        self._lock.fence()
        manifest, path = order.manifest, self._path(order.manifest)
        if isinstance(manifest, ResolveManifest):
            commit_resolve(self._store, path, manifest)
            return Outcome(order=order, manifest=manifest, is_first=True)
        is_first = commit_manifest(self._store, path, manifest)
        if not is_first:
            manifest = read_manifest(self._store, path)
        if manifest.kind == "result":
            self._checkpoints.pop(manifest.partition, None)
        elif manifest.kind == "checkpoint":
            self._supersede(manifest)
        indices = tuple(it.operator_index for it in self._checkpoints.get(manifest.partition, ()))
        return Outcome(order=order, manifest=manifest, is_first=is_first, checkpoints=indices)

    def commit_shard(self, path: str, manifest: ShardManifest) -> None:
        """Make a shard of a resolve count. Raises: JobLockedError, StoreError."""
        self._lock.fence()
        commit_shard(self._store, path, manifest)

    def _try(self, order: Order) -> Outcome:
        try:
            return self.commit(order)
        except BaseException as error:
            return Outcome(order=order, manifest=order.manifest, error=error)

    def _supersede(self, newest: Manifest) -> None:
        checkpoints = self._checkpoints.setdefault(newest.partition, [])
        if any(it.operator_index == newest.operator_index for it in checkpoints):
            return
        dropped = superseded(newest, checkpoints, self._retention, self._dataset_operators)
        left = [*(manifest for manifest in checkpoints if manifest not in dropped), newest]
        self._checkpoints[newest.partition] = sorted(left, key=lambda manifest: manifest.operator_index)
        if not dropped:
            return
        with contextlib.suppress(StoreError):  # what stays is swept when the run ends, or reported then
            self._drop(newest, dropped)

    def _drop(self, newest: Manifest, dropped: Sequence[Manifest]) -> None:
        """First the facts, then what they stood on."""
        if self._store.remove_all([self._path(manifest) for manifest in dropped]):
            return
        for name in unnamed_files(dropped, self._checkpoints[newest.partition]):
            self._store.remove(os.path.join(self._layout.checkpoints_dir, name))

    def _path(self, manifest: Committable) -> str:
        if isinstance(manifest, ResolveManifest):
            return self._layout.resolve_manifest(manifest.operator_index)
        if manifest.kind == "result":
            return self._layout.result_manifest(manifest.partition)
        if manifest.kind == "summary":
            return self._layout.summary_manifest(manifest.partition, manifest.operator_index)
        return self._layout.checkpoint_manifest(manifest.partition, manifest.operator_index)
