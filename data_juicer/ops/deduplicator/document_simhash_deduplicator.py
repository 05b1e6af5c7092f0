"""Removes documents that are like an earlier one, by SimHash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.ops.base import Kind, RowRemover
from data_juicer.ops.dataset.clusters import Clusters, Pairs, meetings
from data_juicer.ops.dataset.decisions import duplicates
from data_juicer.ops.dataset.groups import grouped, keyed
from data_juicer.ops.dataset.scratch import Buckets, Records, Scratch
from data_juicer.ops.dataset.shingles import Shingler, mixed
from data_juicer.ops.dataset.simhash import BITS, VALUED, block_masks, near, simhashes
from data_juicer.ops.dataset.summaries import Summaries, numbered, row_count
from data_juicer.ops.dataset.text_hash import row_numbers

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class DocumentSimhashDeduplicator(RowRemover):
    """Near-duplicate removal with SimHash: keeps the earliest document of each cluster of pairs whose fingerprints differ in few bits.

    Args:
        tokenization: what a shingle is made of: words between `space`s, parts between `punctuation` marks, `character`s.
        window_size: tokens of a shingle; a text with fewer is compared as a whole.
        lowercase: compare texts in lower case.
        ignore_pattern: a regular expression of what is left out before.
        num_blocks: blocks that the 64 bits are cut into to find pairs; more than hamming_distance.
        hamming_distance: the most bits in which duplicates differ.
    """

    name: ClassVar[str] = "document_simhash_deduplicator"
    kind: ClassVar[Kind] = "deduplicator"
    counts_as: ClassVar[Literal["duplicate", "filtered"]] = "duplicate"

    def __init__(
        self,
        tokenization: Literal["space", "punctuation", "character"] = "space",
        window_size: int = 6,
        lowercase: bool = True,
        ignore_pattern: str | None = None,
        num_blocks: int = 6,
        hamming_distance: int = 4,
    ) -> None:
        """Raises: ValueError: blocks and distance do not go together."""
        if not 0 <= hamming_distance < num_blocks <= BITS:
            raise ValueError(
                f"num_blocks = {num_blocks}: must be above hamming_distance ({hamming_distance}) and at most {BITS}"
            )
        self.distance = hamming_distance
        self.masks = block_masks(num_blocks, hamming_distance)
        self.shingler = Shingler(
            tokenization, window_size, lowercase=lowercase, ignore_pattern=ignore_pattern, pieces=None
        )

    def summarise(self, batch: Batch) -> pa.Table:
        return pa.table({"simhash": pa.array(simhashes(self.shingler.cut(batch.text(self.text_key))))})

    def resolve(self, summaries: Summaries, scratch: Scratch) -> Iterator[pa.Table]:
        """Equal hashes meet with the first of them, which alone is compared with others."""
        rows = row_count(summaries)
        candidates = Pairs(scratch, rows)
        for group in grouped(_keyed(summaries), rows, scratch):
            candidates.add(meetings(group))
        for mask in self.masks:
            for records in _blocks(summaries, rows, scratch, mask):
                for pairs in near(records, self.distance):
                    candidates.add(pairs)
        clusters = Clusters(scratch, rows, candidates, BITS // 8, _alike)
        for first, table in numbered(summaries):
            clusters.add_sketches(
                first, table.column("simhash").to_numpy().view(np.uint8).reshape(-1, BITS // 8)
            )
        return duplicates(summaries, *clusters.keep(1 - self.distance / BITS))


def _keyed(summaries: Summaries) -> Iterator[Records]:
    for first, table in numbered(summaries):
        hashes = table.column("simhash").to_numpy()
        yield keyed(hashes, np.zeros(len(hashes), np.uint64), row_numbers(first, len(hashes)))


def _blocks(summaries: Summaries, rows: int, scratch: Scratch, mask: np.uint64) -> Iterator[Records]:
    """Rows that are equal under the mask, together with others; of equal hashes the first row stands for all."""
    buckets = Buckets(scratch, VALUED, rows)
    for first, table in numbered(summaries):
        hashes = table.column("simhash").to_numpy()
        records = np.empty(len(hashes), VALUED)
        records["key"], records["value"] = mixed(hashes & mask), hashes
        records["row"] = row_numbers(first, len(hashes))
        buckets.add((records["key"] % np.uint64(buckets.count)).astype(np.int64), records)
    for bucket in buckets:
        distinct = np.empty(0, VALUED)
        for chunk in bucket:
            together = np.concatenate([distinct, chunk])
            distinct = together[np.sort(np.unique(together["value"], return_index=True)[1])]
        yield distinct


def _alike(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The share of equal bits."""
    differing = np.bitwise_count(one ^ other).sum(axis=1)
    alike: npt.NDArray[np.float32] = (1 - differing / BITS).astype(np.float32)
    return alike
