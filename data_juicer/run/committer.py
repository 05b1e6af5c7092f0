"""The driver's hand on the store: commits what workers staged, drops what that makes needless, sets damage aside."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Lock
from data_juicer.plan.retention import Retention, superseded, unnamed_files
from data_juicer.store.commit import commit_manifest, set_aside
from data_juicer.store.filesystem import FileSystem
from data_juicer.store.manifest import Manifest


class Committer:
    def __init__(self, fs: FileSystem, layout: JobLayout, lock: Lock, retention: Retention) -> None:
        self._fs = fs
        self._layout = layout
        self._lock = lock
        self._retention = retention
        self._held: dict[int, list[Manifest]] = {}
        """Committed checkpoints of partitions that are not done, the newest last."""

    def hold(self, partition_id: int, checkpoints: Sequence[Manifest]) -> None:
        """Checkpoints of an earlier run that this partition may continue from, the newest last."""
        self._held[partition_id] = list(checkpoints)

    def newest(self, partition_id: int) -> Manifest | None:
        """The checkpoint that the next attempt of this partition goes on from."""
        held = self._held.get(partition_id)
        return held[-1] if held else None

    def commit(self, manifest: Manifest) -> bool:
        """Make a staged stage count. False when an earlier attempt had done so already.

        Raises: CheckpointError, JobLockedError, StoreError: nothing was committed.
        """
        self._lock.fence()
        path = self._path(manifest)
        first = commit_manifest(self._fs, path, manifest)
        if manifest.kind == "result":
            self._held.pop(manifest.partition, None)
        elif first:
            self._supersede(manifest)
        return first

    def set_aside_newest(self, partition_id: int) -> Manifest:
        """The newest checkpoint of a partition turned out damaged: the one before it is the newest from now on."""
        damaged = self._held[partition_id].pop()
        self.set_aside([self._path(damaged)])
        return damaged

    def set_aside(self, paths: Iterable[str]) -> None:
        set_aside(self._fs, [path for path in paths if self._fs.exists(path)])

    def _supersede(self, newest: Manifest) -> None:
        held = self._held.setdefault(newest.partition, [])
        dropped = superseded(newest, held, self._retention)
        self._held[newest.partition] = [manifest for manifest in held if manifest not in dropped] + [newest]
        if not dropped:
            return
        for manifest in dropped:
            self._fs.remove(self._path(manifest))
        self._fs.sync_dir(self._layout.checkpoints_dir)  # first the facts, then what they stood on
        for name in unnamed_files(dropped, self._held[newest.partition]):
            self._fs.remove(os.path.join(self._layout.checkpoints_dir, name))

    def _path(self, manifest: Manifest) -> str:
        if manifest.kind == "result":
            return self._layout.result_manifest(manifest.partition)
        return self._layout.checkpoint_manifest(manifest.partition, manifest.operator_index)
