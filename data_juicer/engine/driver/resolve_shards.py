"""A resolve whose steps are shared out to workers: what is committed of it, what is left, and the decisions that it comes to.

Each shard is committed like any stage, so that a run that is killed costs the shards in flight. What they leave for each other is
removed when the decisions are committed (docs/design/0032-sharded-resolves.md).
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from data_juicer.clock import Clock, format_utc
from data_juicer.engine.driver.committer import Committer
from data_juicer.engine.protocol.shared_work import (
    KeyRange,
    ResolveWork,
    ShardStaged,
    SummariesChecked,
)
from data_juicer.errors import CheckpointCorruptError, OperatorError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import parse_shard_name
from data_juicer.plan.keys import canonical, digest
from data_juicer.plan.phases import ResolveStep
from data_juicer.storage.base import Store
from data_juicer.store.commit import set_aside
from data_juicer.store.decisions import Decision
from data_juicer.store.manifest import Manifest
from data_juicer.store.resolve.known_tables import NONE_KNOWN, KnownTables
from data_juicer.store.resolve.shards import (
    Section,
    ShardManifest,
    Step,
    encode_catalogue,
    read_section,
    read_shard,
)
from data_juicer.store.summaries import DamagedSummaryError

if TYPE_CHECKING:
    import numpy.typing as npt

    from data_juicer.ops.base import DatasetOperator
    from data_juicer.ops.dataset.grouping.cut import GroupCut
    from data_juicer.ops.dataset.ranks.bound import Bound

SHARDS: Final = 16
"""About how many shards a step has at least: more than the workers of a machine, whatever their number is, since a run with
other workers is to go on with the same shards."""
GROUP_ROWS: Final = 2_000_000
"""Rows of a group of partitions at most, so that a shard of one has room in memory."""
SHARDED_KEYS: Final = 4_000_000
"""From so many keys of rows on a resolve is shared out; below it takes a few seconds at most."""
_DAMAGES_MENDED: Final = 2
"""How often in one run files that shards left for each other may turn out damaged."""
_VERSION: Final = "2"
"""Of what shards hold; in their keys."""

Execute = Callable[["ShardStep"], None]


def is_shared(operator: DatasetOperator, rows: int) -> bool:
    """Whether the resolve of an operator can be shared out, and is large enough for that."""
    from data_juicer.engine.driver.shard_plans.kinds import plan_of

    plan = plan_of(operator)
    keys = 0 if plan is None else plan.keys(operator)
    return keys > 0 and rows * keys >= SHARDED_KEYS


class ShardStep:
    """The tasks of one step (`pool_driver.SharedTasks`)."""

    def __init__(self, works: Sequence[ResolveWork], take: Callable[[int, ShardStaged], None]) -> None:
        """
        Args:
            take: called with the number of each shard and what it staged.
        """
        self.damaged: list[tuple[int, str]] = []
        """Partitions whose summary is damaged, each with what is wrong."""
        self._left = deque(works)
        self._take = take
        self._given: dict[int, ResolveWork] = {}
        self._number = 0

    @property
    def name(self) -> str:
        """Of the step; empty where nothing is left of it."""
        return self._left[0].step if self._left else ""

    def next(self) -> tuple[int, ResolveWork] | None:
        if not self._left:
            return None
        self._number += 1
        self._given[self._number] = self._left.popleft()
        return self._number, self._given[self._number]

    def hear(self, number: int, found: ShardStaged | SummariesChecked) -> None:
        """Nothing: a shard tells once what it has."""

    def take(self, number: int, found: Sequence[ShardStaged | SummariesChecked]) -> None:
        work = self._given.pop(number)
        for each in found:
            if isinstance(each, SummariesChecked):
                self.damaged += each.damaged
            else:
                self._take(work.number, each)


class ShardedResolve(msgspec.Struct, kw_only=True, dict=True):
    """One resolve in shards."""

    store: Store
    layout: JobLayout
    clock: Clock
    run_number: int
    committer: Committer
    execute: Execute
    """Has the tasks of a step executed."""
    operator: DatasetOperator
    """Of a kind in `shard_plans.kinds`."""
    step: ResolveStep
    manifests: Sequence[Manifest]
    """Of the summaries, in the order of the input."""
    known: KnownTables = NONE_KNOWN
    memory_bytes: int
    """For each shard."""

    def run(self) -> list[Decision]:
        """The decisions about every partition, in the order of the input.

        Raises: DamagedSummaryError: it has to be made again, and so have all shards. StoreError, OperatorError, JobStoppedError.
        """
        self.store.make_own_dir(self.layout.shards_dir)
        self.store.put(self._catalogue, encode_catalogue(self.manifests, self.known))
        for _ in range(_DAMAGES_MENDED):
            try:
                return self._steps()
            except DamagedSummaryError:
                self._set_aside_all()
                raise
            except CheckpointCorruptError as error:
                self._set_aside_all()
                damage = str(error)
        raise StoreError(
            f"the resolve of {self.operator.name}: what its shards left for each other was damaged twice: {damage}",
            f"Look at the disk of {self.layout.shards_dir}. What was committed before is safe; start the job again.",
        )

    def _steps(self) -> list[Decision]:
        from data_juicer.engine.driver.shard_plans.kinds import plan_of

        plan = plan_of(self.operator)
        if plan is None:
            raise OperatorError(f"{self.operator.name}: its resolve cannot be shared out.")
        self._check([self.work("check", number) for number in range(len(self.groups) - 1)])
        decisions = [decision for shard in plan.decide(self, self.operator) for decision in shard.decisions]
        rows = sum(self.rows)
        if sum(decision.rows for decision in decisions) != rows:
            raise OperatorError(f"{self.operator.name}: there must be one decision for each of {rows} rows.")
        return decisions

    # ---- what plans are made of (`shard_plans.shards.Shards`)

    @property
    def count(self) -> int:
        return SHARDS

    @functools.cached_property
    def rows(self) -> list[int]:
        return [manifest.rows for manifest in self.manifests]

    @functools.cached_property
    def groups(self) -> tuple[int, ...]:
        from data_juicer.ops.dataset.pairs.shards import plan_groups

        return tuple(plan_groups(self.rows, min(GROUP_ROWS, -(-sum(self.rows) // SHARDS))))

    def work(
        self,
        step: Step,
        number: int,
        *,
        sections: Sequence[Section] = (),
        keys: tuple[KeyRange, ...] = (),
        partitions: tuple[int, int] | None = None,
        bounds: tuple[Bound, ...] = (),
        cut: GroupCut | None = None,
    ) -> ResolveWork:
        return ResolveWork(
            operator_index=self._index,
            operator_name=self.operator.name,
            step=step,
            number=number,
            catalogue=self._catalogue,
            memory_bytes=self.memory_bytes,
            groups=self.groups,
            partitions=partitions,
            keys=keys,
            bounds=bounds,
            cut=cut,
            sections=tuple(sections),
        )

    def shards(self, works: Sequence[ResolveWork]) -> list[ShardManifest]:
        if not works:
            return []
        key = digest(
            self.step.key,
            _VERSION,
            works[0].step,
            canonical([(work.groups, work.partitions, work.keys, work.bounds, work.cut) for work in works]),
            *(file.digest for file in self.known.files),
        )
        done = {work.number: shard for work in works if (shard := self._find(work, key)) is not None}
        given = {work.number: work for work in works}

        def take(number: int, staged: ShardStaged) -> None:
            done[number] = self._commit(given[number], key, staged)

        self.execute(ShardStep([work for work in works if work.number not in done], take))
        return [done[work.number] for work in works]

    def records(self, section: Section, kind: npt.DTypeLike) -> npt.NDArray[Any]:
        return read_section(self.store, self.layout.shards_dir, section, kind)

    # ---- inside

    @property
    def _index(self) -> int:
        return self.step.operator_index

    @property
    def _catalogue(self) -> str:
        return self.layout.summary_catalogue(self._index)

    def _check(self, works: Sequence[ResolveWork]) -> None:
        """Have every summary read whole, once a run: what follows reads columns and single rows of them.

        Raises: DamagedSummaryError.
        """
        step = ShardStep(works, lambda *_: None)
        self.execute(step)
        if step.damaged:
            partition, reason = min(step.damaged)
            raise DamagedSummaryError(reason, partition)

    def _find(self, work: ResolveWork, key: str) -> ShardManifest | None:
        """The shard, if it is committed and its file has the size that it had; what has its name and is another goes."""
        path = self.layout.shard_manifest(self._index, work.step, work.number)
        try:
            shard = read_shard(self.store, path)
            if shard.key == key and self.store.stat(self._data(shard)).size_bytes == shard.size_bytes:
                return shard
        except FileNotFoundError:
            if not self.store.exists(path):
                return None
        except CheckpointCorruptError:
            set_aside(self.store, [path])
            return None
        self.store.remove_all([path])
        return None

    def _data(self, shard: ShardManifest) -> str:
        directory = self.layout.checkpoints_dir if shard.step == "decide" else self.layout.shards_dir
        return f"{directory}/{shard.file}"

    def _commit(self, work: ResolveWork, key: str, staged: ShardStaged) -> ShardManifest:
        manifest = ShardManifest(
            job=self.layout.job_id,
            operator_index=self._index,
            step=work.step,
            number=work.number,
            key=key,
            file=staged.file,
            size_bytes=staged.size_bytes,
            sections=staged.sections,
            decisions=staged.decisions,
            run=self.run_number,
            created=format_utc(self.clock.now()),
        )
        self.committer.commit_shard(self.layout.shard_manifest(self._index, work.step, work.number), manifest)
        return manifest

    def _set_aside_all(self) -> None:
        names = shard_files(self.store, self.layout, self._index)
        set_aside(
            self.store, [f"{self.layout.shards_dir}/{name}" for name in names if name.endswith(".json")]
        )


def shard_files(store: Store, layout: JobLayout, operator_index: int) -> list[str]:
    """Names of the files that shards of this operator's resolve left for each other."""
    return [name for name in store.list(layout.shards_dir) if parse_shard_name(name) == operator_index]


def drop_shards(store: Store, layout: JobLayout, operator_index: int) -> None:
    """Remove what the shards left for each other, manifests first. Raises: StoreError: the first that cannot be removed."""
    names = shard_files(store, layout, operator_index)
    for is_manifest in (True, False):
        paths = [f"{layout.shards_dir}/{name}" for name in names if name.endswith(".json") is is_manifest]
        if refused := store.remove_all(paths):
            raise refused[0]
    store.remove_dir(
        layout.shards_dir
    )  # unless another resolve left something, or a damaged one was set aside
