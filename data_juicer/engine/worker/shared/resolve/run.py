"""What executes the shards of which kind of operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from data_juicer.engine.worker.shared.resolve.counts import CountShard
from data_juicer.engine.worker.shared.resolve.frequencies import FrequencyShard
from data_juicer.engine.worker.shared.resolve.groups import GroupShard
from data_juicer.engine.worker.shared.resolve.pairs import PairShard
from data_juicer.engine.worker.shared.resolve.ranks import RankShard
from data_juicer.engine.worker.shared.resolve.shard import ShardRunner
from data_juicer.errors import OperatorError
from data_juicer.ops.base import Operator
from data_juicer.ops.dataset.grouping.grouper import Grouper
from data_juicer.ops.dataset.key_counts import KeyCounter
from data_juicer.ops.dataset.pairs.remover import PairRemover
from data_juicer.ops.dataset.ranks.frequencies import FrequencySelector
from data_juicer.ops.dataset.ranks.selectors import RankSelector

if TYPE_CHECKING:
    from data_juicer.engine.protocol.shared_work import ResolveWork
    from data_juicer.job.layout import JobLayout
    from data_juicer.storage.base import Store

_RUNNERS: Final[tuple[tuple[type[Operator], type[ShardRunner[Any]]], ...]] = (
    (PairRemover, PairShard),
    (KeyCounter, CountShard),
    (RankSelector, RankShard),
    (FrequencySelector, FrequencyShard),
    (Grouper, GroupShard),
)


def shard_runner(
    operator: Operator,
    work: ResolveWork,
    store: Store,
    layout: JobLayout,
    attempt: str,
    heartbeat: Callable[[], None],
) -> ShardRunner[Any]:
    """What executes a shard of this operator's resolve. Raises: OperatorError: it has no shards."""
    runner: type[ShardRunner[Any]] | None = next(
        (runner for kind, runner in _RUNNERS if isinstance(operator, kind)), None
    )
    if runner is None:
        raise OperatorError(f"{operator.name}: its resolve cannot be shared out.")
    return runner(operator, work, store, layout, attempt, heartbeat)
