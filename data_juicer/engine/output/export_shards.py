"""The shards of an export as tasks for workers, and the uploads that they come to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from data_juicer.engine.protocol.shared_work import ExportWork, ShardSealed
from data_juicer.storage.base import Store
from data_juicer.storage.locations.uri import absolute
from data_juicer.store.export.line_shards import LineShard, SealedShard
from data_juicer.store.results import ExportTarget


class ExportShards:
    """The tasks of one export (`pool_driver.SharedTasks`)."""

    def __init__(
        self,
        store: Store,
        job: str,
        target: ExportTarget,
        lines: Sequence[LineShard],
        heartbeat: Callable[[int], None],
    ) -> None:
        """
        Args:
            heartbeat: called with how many shards are written.
        """
        self._store = store
        self._job = job
        self._heartbeat = heartbeat
        self._path = absolute(target.path)
        self._left = deque(
            ExportWork(number=number, lines=each, path=self._path, compression=target.compression)
            for number, each in enumerate(lines)
        )
        self._given: dict[int, ExportWork] = {}
        self._sealed: dict[int, ShardSealed] = {}

    def next(self) -> tuple[int, ExportWork] | None:
        if not self._left:
            return None
        work = self._left.popleft()
        self._given[work.number + 1] = work
        return work.number + 1, work

    def hear(self, number: int, found: ShardSealed) -> None:
        """Nothing: a shard tells once what it has."""

    def take(self, number: int, found: Sequence[ShardSealed]) -> None:
        self._sealed[self._given.pop(number).number] = found[0]
        self._heartbeat(len(self._sealed))

    def sealed(self) -> list[SealedShard]:
        """All shards in their order, when every task is done."""
        return [
            SealedShard(
                upload=self._store.adopt_upload(self._path, self._job, each.ticket, each.size_bytes),
                digest=each.digest,
            )
            for _, each in sorted(self._sealed.items())
        ]
