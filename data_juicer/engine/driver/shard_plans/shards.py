"""What the plan of a resolve in shards is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from data_juicer.engine.protocol.shared_work import KeyRange, ResolveWork

if TYPE_CHECKING:
    import numpy.typing as npt

    from data_juicer.ops.dataset.grouping.cut import GroupCut
    from data_juicer.ops.dataset.ranks.bound import Bound
    from data_juicer.store.resolve.shards import Section, ShardManifest, Step


class Shards(Protocol):
    """One resolve: makes the shards of its steps (`resolve_shards.ShardedResolve`)."""

    @property
    def count(self) -> int:
        """About how many shards a step has that is not about groups."""

    @property
    def rows(self) -> list[int]:
        """Of each partition."""

    @property
    def groups(self) -> tuple[int, ...]:
        """Where groups of partitions begin: positions in the input and, last, the number of partitions."""

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
        """See `ResolveWork`. Numbers of the shards of a step are distinct over the whole resolve."""

    def shards(self, works: Sequence[ResolveWork]) -> list[ShardManifest]:
        """The shards of a step in their order; those that no run has committed are made."""

    def records(self, section: Section, kind: npt.DTypeLike) -> npt.NDArray[Any]:
        """Of a section that says little about many rows. Raises: CheckpointCorruptError."""


def key_works(shards: Shards, step: Step, keys: int, bounds: tuple[Bound, ...] = ()) -> list[ResolveWork]:
    """A shard for some of a row's keys, or some values of them."""
    from data_juicer.ops.dataset.pairs.shards import plan_keys

    planned = [tuple(KeyRange(*unit) for unit in units) for units in plan_keys(keys, shards.count)]
    return [shards.work(step, number, keys=each, bounds=bounds) for number, each in enumerate(planned)]


def group_works(shards: Shards, step: Step, sections: Iterable[Section]) -> list[ResolveWork]:
    """A shard for each group, with its sections."""
    return [
        shards.work(step, number, sections=each)
        for number, each in enumerate(sections_of_groups(shards, sections))
    ]


def sections_of_groups(shards: Shards, sections: Iterable[Section]) -> list[list[Section]]:
    own: list[list[Section]] = [[] for _ in shards.groups[1:]]
    for section in sections:
        own[section.number].append(section)
    return own


def sections(shards: Shards, works: Sequence[ResolveWork]) -> list[Section]:
    """What the shards of a step leave."""
    return [section for shard in shards.shards(works) for section in shard.sections]
