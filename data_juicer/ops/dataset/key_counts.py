"""What is decided by how many rows have a key, such as a line: frequent keys are found, and each row is compared with them.

Each step can be done for a share of all keys, or for some partitions, by itself (`engine/worker/shared/resolve.py`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np
import pyarrow as pa

from data_juicer.ops.base import DatasetOperator
from data_juicer.ops.dataset.groups import KEYED
from data_juicer.ops.dataset.key_share import ALL_KEYS, KeyShare
from data_juicer.ops.dataset.scratch import Records, Scratch
from data_juicer.ops.dataset.summaries import Summaries


class KeyCounter(DatasetOperator):
    """Holds each frequent key once, in memory, while it decides."""

    keys_expected: ClassVar[int] = 8
    """Of a row."""

    @abstractmethod
    def frequent(self, summaries: Summaries, scratch: Scratch, share: KeyShare = ALL_KEYS) -> Records:
        """The keys of a share that enough rows have (`groups.KEYED`), each once."""

    @abstractmethod
    def decide(self, summary: pa.Table, frequent: Records) -> pa.Table:
        """Decisions about the rows of one partition.

        Args:
            frequent: all frequent keys, sorted.
        """

    def resolve(self, summaries: Summaries, scratch: Scratch) -> Iterator[pa.Table]:
        frequent = in_order([self.frequent(summaries, scratch)])
        for table in summaries:
            yield self.decide(table, frequent)


def in_order(parts: Iterable[Records]) -> Records:
    """Keys of several shares, sorted."""
    together = np.concatenate([np.empty(0, KEYED), *parts])
    return together[np.lexsort((together["low"], together["high"]))]
