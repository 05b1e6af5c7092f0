"""The driver's hand on the store: commits what workers staged, drops what that makes needless, sets damage aside."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from data_juicer.errors import StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Lock
from data_juicer.plan.retention import Retention, superseded, unnamed_files
from data_juicer.storage.base import Store
from data_juicer.store.commit import commit_manifest, set_aside
from data_juicer.store.decisions import ResolveManifest, commit_resolve
from data_juicer.store.manifest import Manifest

THREADS: Final = 4
"""That wait for the disk at once; with more the journal merges no more."""


class Committer:
    def __init__(
        self,
        store: Store,
        layout: JobLayout,
        lock: Lock,
        retention: Retention,
        barriers: frozenset[int] = frozenset(),
    ) -> None:
        """`barriers`: indices of the dataset-wide operators."""
        self._store = store
        self._layout = layout
        self._lock = lock
        self._retention = retention
        self._barriers = barriers
        self._held: dict[int, list[Manifest]] = {}
        """Committed checkpoints of partitions that are not done, the newest last."""
        self._ahead: dict[str, bool | Exception] = {}
        """What `commit` is to say of a manifest that `commit_ahead` was given, by its path."""

    def hold(self, partition_id: int, checkpoints: Sequence[Manifest]) -> None:
        """Checkpoints of an earlier run that this partition may continue from, the newest last."""
        self._held[partition_id] = list(checkpoints)

    def newest(self, partition_id: int, before: int | None = None) -> Manifest | None:
        """The checkpoint that the next attempt of this partition goes on from.

        Args:
            before: the dataset-wide operator that the attempt is to end at; None: it goes on to the result.
        """
        held = self._held.get(partition_id, [])
        return next((it for it in reversed(held) if before is None or it.operator_index < before), None)

    def commit_ahead(self, manifests: Sequence[Manifest]) -> None:
        """Make stages of several partitions count, whose waits for the disk then are one.

        `commit` is to be called for each of them all the same, in order: it tells what became of it, and does the rest.
        Raises: JobLockedError: nothing was committed.
        """
        partitions: dict[int, list[Manifest]] = {}
        for manifest in manifests:
            partitions.setdefault(manifest.partition, []).append(manifest)
        if len(partitions) < 2:
            return
        self._lock.fence()
        with ThreadPoolExecutor(min(len(partitions), THREADS)) as pool:
            for outcomes in pool.map(self._commit_in_order, partitions.values()):
                self._ahead.update(outcomes)

    def _commit_in_order(self, manifests: Sequence[Manifest]) -> dict[str, bool | Exception]:
        """Of one partition, up to the first that cannot be committed."""
        outcomes: dict[str, bool | Exception] = {}
        for manifest in manifests:
            path = self._path(manifest)
            try:
                outcomes[path] = commit_manifest(self._store, path, manifest)
            except Exception as error:
                outcomes[path] = error
                break
        return outcomes

    def commit(self, manifest: Manifest) -> bool:
        """Make a staged stage count. False when an earlier attempt had done so already.

        Raises: CheckpointError, JobLockedError, StoreError: nothing was committed.
        """
        path = self._path(manifest)
        first = self._ahead.pop(path, None)
        if isinstance(first, Exception):
            raise first
        if first is None:
            self._lock.fence()
            first = commit_manifest(self._store, path, manifest)
        if manifest.kind == "result":
            self._held.pop(manifest.partition, None)
        elif first and manifest.kind == "checkpoint":
            self._supersede(manifest)
        return first

    def commit_resolve(self, manifest: ResolveManifest) -> None:
        """Make the decisions of a dataset-wide operator count."""
        self._lock.fence()
        commit_resolve(self._store, self._layout.resolve_manifest(manifest.operator_index), manifest)

    def set_aside_damaged(self, partition_id: int, operator_index: int) -> None:
        """A checkpoint of a partition turned out damaged: attempts go on from the one before it from now on."""
        held = self._held[partition_id]
        damaged = next(manifest for manifest in held if manifest.operator_index == operator_index)
        held.remove(damaged)
        self.set_aside([self._path(damaged)])

    def set_aside(self, paths: Iterable[str]) -> None:
        set_aside(self._store, [path for path in paths if self._store.exists(path)])

    def _supersede(self, newest: Manifest) -> None:
        held = self._held.setdefault(newest.partition, [])
        dropped = superseded(newest, held, self._retention, self._barriers)
        left = [*(manifest for manifest in held if manifest not in dropped), newest]
        self._held[newest.partition] = sorted(left, key=lambda manifest: manifest.operator_index)
        if not dropped:
            return
        with contextlib.suppress(StoreError):  # what stays is swept when the run ends, or told then
            self._drop(newest, dropped)

    def _drop(self, newest: Manifest, dropped: Sequence[Manifest]) -> None:
        for manifest in dropped:
            self._store.remove(self._path(manifest))
        self._store.sync_dir(self._layout.checkpoints_dir)  # first the facts, then what they stood on
        for name in unnamed_files(dropped, self._held[newest.partition]):
            self._store.remove(os.path.join(self._layout.checkpoints_dir, name))

    def _path(self, manifest: Manifest) -> str:
        if manifest.kind == "result":
            return self._layout.result_manifest(manifest.partition)
        if manifest.kind == "summary":
            return self._layout.summary_manifest(manifest.partition, manifest.operator_index)
        return self._layout.checkpoint_manifest(manifest.partition, manifest.operator_index)
