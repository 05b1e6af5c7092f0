"""The commits of a resolve in shards: where they are among the changes of a disk, and which a run makes."""

from __future__ import annotations

import pytest

from data_juicer.engine.driver.committer import Committer
from data_juicer.store.resolve.shards import ShardManifest
from data_juicer.testing.crashing_store import CrashingStore


def find_shard_commits(store: CrashingStore) -> list[int]:
    """The numbers of the changes, from 1, by which shards of the first operator are committed."""
    return [
        number
        for number, (deed, path) in enumerate(store.deeds, 1)
        if deed == "link" and "/shards/resolve_000_" in path
    ]


def record_shard_commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the manifests that are committed from here on; it grows."""
    made: list[str] = []
    commit = Committer.commit_shard

    def recorded(self: Committer, path: str, manifest: ShardManifest) -> None:
        made.append(path.rpartition("/")[2])
        commit(self, path, manifest)

    monkeypatch.setattr(Committer, "commit_shard", recorded)
    return made
