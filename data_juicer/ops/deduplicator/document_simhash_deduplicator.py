"""Removes documents that are like an earlier one, by SimHash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.kernels.mixing import mixed
from data_juicer.ops.dataset.groups import grouped, keyed
from data_juicer.ops.dataset.key_share import ALL_KEYS, KeyShare
from data_juicer.ops.dataset.pairs.clusters import meetings
from data_juicer.ops.dataset.pairs.remover import PairRemover, Sketches
from data_juicer.ops.dataset.scratch import Buckets, Records, Scratch
from data_juicer.ops.dataset.shingles import Shingler
from data_juicer.ops.dataset.simhash import BITS, VALUED, block_masks, near, simhashes
from data_juicer.ops.dataset.summaries import Summaries, numbered, row_count
from data_juicer.ops.dataset.text_hash import row_numbers

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class DocumentSimhashDeduplicator(PairRemover):
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
    hash_field: ClassVar[str] = "__dj__simhash"

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
        self.sketch_bytes, self.least = BITS // 8, 1 - hamming_distance / BITS
        self.masks = block_masks(num_blocks, hamming_distance)
        self.shingler = Shingler(
            tokenization, window_size, lowercase=lowercase, ignore_pattern=ignore_pattern, sentencepiece=None
        )

    def summarise(self, batch: Batch) -> pa.Table:
        return pa.table({"simhash": pa.array(self._simhashes(batch))})

    def row_hashes(self, batch: Batch) -> list[str]:
        """The 64 bits as a decimal number, in quotes: few JSON readers hold so large a number."""
        return [str(each) for each in self._simhashes(batch).tolist()]

    def _simhashes(self, batch: Batch) -> npt.NDArray[np.uint64]:
        return simhashes(self.shingler.cut(batch.text(self.text_key)))

    @property
    def index_parameters(self) -> dict[str, object]:
        return self.shingler.parameters

    def index_columns(self) -> pa.Schema:
        return pa.schema([("simhash", pa.uint64())])

    def meeting_keys(self, summary: pa.Table) -> Iterator[npt.NDArray[np.uint64]]:
        """Equal hashes are equal under each mask too."""
        hashes = summary.column("simhash").to_numpy()
        for mask in self.masks:
            yield mixed(hashes & mask)

    @property
    def passes(self) -> int:
        """Equal hashes, whose first row alone is compared with others, and each mask."""
        return 1 + len(self.masks)

    def pairs(
        self, summaries: Summaries, scratch: Scratch, number: int, share: KeyShare = ALL_KEYS
    ) -> Iterator[Records]:
        rows = row_count(summaries) // share.of
        if not number:
            yield from map(meetings, grouped(_keyed(summaries, share), rows, scratch, shared_only=True))
            return
        for records in _blocks(summaries, rows, scratch, self.masks[number - 1], share):
            yield from near(records, self.distance)

    def sketches(self, summary: pa.Table) -> Sketches:
        hashes: Sketches = summary.column("simhash").to_numpy().view(np.uint8)
        return hashes.reshape(-1, BITS // 8)

    def similarity(self, one: Sketches, other: Sketches) -> npt.NDArray[np.float32]:
        """The share of equal bits."""
        differing = np.bitwise_count(one ^ other).sum(axis=1)
        alike: npt.NDArray[np.float32] = (1 - differing / BITS).astype(np.float32)
        return alike


def _keyed(summaries: Summaries, share: KeyShare) -> Iterator[Records]:
    for first, table in numbered(summaries):
        hashes = table.column("simhash").to_numpy()
        mine = share.holds(mixed(hashes))
        rows, hashes = row_numbers(first, len(hashes))[mine], hashes[mine]
        yield keyed(hashes, np.zeros(len(hashes), np.uint64), rows)


def _blocks(
    summaries: Summaries, rows: int, scratch: Scratch, mask: np.uint64, share: KeyShare
) -> Iterator[Records]:
    """Rows that are equal under the mask, together with others; of equal hashes the first row stands for all."""
    buckets = Buckets(scratch, VALUED, rows)
    for first, table in numbered(summaries):
        hashes = table.column("simhash").to_numpy()
        records = np.empty(len(hashes), VALUED)
        records["key"], records["value"] = mixed(hashes & mask), hashes
        records["row"] = row_numbers(first, len(hashes))
        records = records[share.holds(records["key"])]
        buckets.add((records["key"] % np.uint64(buckets.count)).astype(np.int64), records)
    for bucket in buckets:
        distinct = np.empty(0, VALUED)
        for chunk in bucket:
            together = np.concatenate([distinct, chunk])
            distinct = together[np.sort(np.unique(together["value"], return_index=True)[1])]
        yield distinct
