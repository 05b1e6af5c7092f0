"""What deduplicators of whole rows share: rows meet by keys, those that meet are compared, and what hangs together keeps one.

Each of these steps can be done for a part of all rows or keys by itself (`shards.py`), or for all of them at once (`resolve`).
Both find the same pairs, and so the same rows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.ops.base import Kind, RowRemover
from data_juicer.ops.dataset.decisions import duplicates
from data_juicer.ops.dataset.key_share import ALL_KEYS, KeyShare
from data_juicer.ops.dataset.pairs.clusters import Clusters, Pairs, with_own_rows
from data_juicer.ops.dataset.scratch import Records, Scratch
from data_juicer.ops.dataset.summaries import Numbers, Summaries, numbered, own_rows_begin, row_count

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch

Sketches = npt.NDArray[np.uint8]


INDEX_PARAMETERS: Final = ("dedup_index", "against", "update")


class PairRemover(RowRemover):
    """Keeps the earliest row of each cluster of pairs that are alike."""

    kind: ClassVar[Kind] = "deduplicator"
    ledger_outcome: ClassVar[Literal["duplicate", "filtered"]] = "duplicate"
    shared_parameters: ClassVar[tuple[str, ...]] = INDEX_PARAMETERS
    parameters_in_no_key: ClassVar[tuple[str, ...]] = INDEX_PARAMETERS
    """The versions of indexes that rows are compared with are in the key instead."""
    shared_meanings: ClassVar[Mapping[str, str]] = {
        "dedup_index": "a folder into which the keys of the rows that stay are written, for other jobs to compare with.",
        "against": "such folders of other jobs, or FOLDER@VERSION: rows that are like one of theirs are removed.",
        "update": "compare with dedup_index too, and add to what is there; without dedup_index, add to the index of against.",
    }
    dedup_index: str | None = None
    against: tuple[str, ...] = ()
    update: bool = False

    @property
    def index_operator(self) -> str:
        """The operator whose keys these are."""
        return self.name

    @property
    @abstractmethod
    def index_parameters(self) -> dict[str, object]:
        """All that decides whether summaries of two operators can be compared."""

    @abstractmethod
    def index_columns(self) -> pa.Schema:
        """What an index holds of a row: the columns of a summary by which rows meet and are compared."""

    @abstractmethod
    def meeting_keys(self, summary: pa.Table) -> Iterator[npt.NDArray[np.uint64]]:
        """Hashes of the keys by which rows meet, each shape (rows,): two rows that share none never meet."""

    def indexed(self, summary: pa.Table) -> pa.Table:
        """The columns of an index, of rows with this summary."""
        return summary.select(self.index_columns().names)

    def known_summary(self, indexed: pa.Table) -> pa.Table:
        """The summary of known rows, from the columns of an index."""
        return indexed

    @property
    @abstractmethod
    def passes(self) -> int:
        """How many keys a row has, by each of which it meets others."""

    @abstractmethod
    def pairs(
        self, summaries: Summaries, scratch: Scratch, number: int, share: KeyShare = ALL_KEYS
    ) -> Iterator[Records]:
        """Pairs of rows (`clusters.PAIR`) that meet by one of their keys, those of the share; some may come again.

        Without sketches each is a row and the first one that is equal to it.
        """

    sketch_bytes: int = 0
    """Of the sketch of a row; 0: rows that meet are equal, and need not be compared."""
    least: float = 1.0
    """The similarity from which a pair counts."""
    has_ranks: ClassVar[bool] = False
    """Not the earliest row of a cluster stays, but the one with the lowest rank."""

    def apply(self, batch: Batch, decision: pa.Table) -> Batch:
        kept = super().apply(batch, decision)
        return kept.with_column(self.hash_field, self.row_hashes(kept)) if self.keeps_hashes else kept

    def row_hashes(self, batch: Batch) -> Sequence[str]:
        """By what rows are compared, for people and other tools, shape (rows,)."""
        raise NotImplementedError

    def sketches(self, summary: pa.Table) -> Sketches:
        """By which rows are compared, shape (rows, sketch_bytes)."""
        raise NotImplementedError

    def similarity(self, one: Sketches, other: Sketches) -> npt.NDArray[np.float32]:
        """Of two blocks of sketches, pair by pair."""
        raise NotImplementedError

    def ranks(self, summary: pa.Table) -> npt.NDArray[Any]:
        """Shape (rows,)."""
        raise NotImplementedError

    def resolve(self, summaries: Summaries, scratch: Scratch) -> Iterator[pa.Table]:
        rows = row_count(summaries)
        own = own_rows_begin(summaries)
        if not self.sketch_bytes:
            kept = scratch.numbers(rows)
            for number in range(self.passes):
                for pairs in self.pairs(summaries, scratch, number):
                    kept[pairs["other"]] = pairs["one"]
            return duplicates(summaries, kept)
        candidates = Pairs(scratch, rows)
        for number in range(self.passes):
            for pairs in self.pairs(summaries, scratch, number):
                candidates.add(with_own_rows(pairs, own))
        clusters = Clusters(scratch, rows, candidates, self.sketch_bytes, self.similarity)
        for first, table in numbered(summaries):
            clusters.add_sketches(first, self.sketches(table))
        return duplicates(summaries, *clusters.keep(self.least, self._all_ranks(summaries, scratch)))

    def _all_ranks(self, summaries: Summaries, scratch: Scratch) -> Numbers | None:
        if not self.has_ranks:
            return None
        ranks: Numbers = scratch.zeros(row_count(summaries), np.int64)
        for first, table in numbered(summaries):
            ranks[first : first + table.num_rows] = self.ranks(table)
        return ranks
