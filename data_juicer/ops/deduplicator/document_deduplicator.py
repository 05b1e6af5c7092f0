"""Removes documents whose text is that of an earlier one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.ops.dataset.groups import grouped, keyed
from data_juicer.ops.dataset.key_share import ALL_KEYS, KeyShare
from data_juicer.ops.dataset.pairs.clusters import pairs_of
from data_juicer.ops.dataset.pairs.remover import PairRemover
from data_juicer.ops.dataset.scratch import Records, Scratch
from data_juicer.ops.dataset.summaries import Summaries, numbered, row_count
from data_juicer.ops.dataset.text_hash import HASH, compared, halves, hashes, row_numbers

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class DocumentDeduplicator(PairRemover):
    """Exact deduplication: keeps the earliest of documents with equal texts; white space at both ends is ignored.

    Args:
        lowercase: compare texts in lower case.
        ignore_non_character: compare texts without white space, digits and punctuation; a text that has nothing else is
            compared as a whole.
    """

    name: ClassVar[str] = "document_deduplicator"
    hash_field: ClassVar[str] = "__dj__hash"

    def __init__(self, lowercase: bool = False, ignore_non_character: bool = False) -> None:
        self.lowercase = lowercase
        self.ignore_non_character = ignore_non_character

    def summarise(self, batch: Batch) -> pa.Table:
        return pa.table({"hash": hashes(self._compared(batch))})

    def row_hashes(self, batch: Batch) -> list[str]:
        """md5, as DataJuicer's; pairs are found by another hash."""
        texts = self._compared(batch).cast(pa.large_binary()).to_pylist()
        return [hashlib.md5(text, usedforsecurity=False).hexdigest() for text in texts]

    def _compared(self, batch: Batch) -> pa.Array:
        text = batch.text(self.text_key)
        return compared(text, lowercase=self.lowercase, letters_only=self.ignore_non_character)

    @property
    def index_parameters(self) -> dict[str, object]:
        return {"lowercase": self.lowercase, "ignore_non_character": self.ignore_non_character}

    def index_columns(self) -> pa.Schema:
        return pa.schema([("hash", HASH)])

    def meeting_keys(self, summary: pa.Table) -> Iterator[npt.NDArray[np.uint64]]:
        yield halves(summary.column("hash").combine_chunks())[1]

    @property
    def passes(self) -> int:
        return 1

    def pairs(
        self, summaries: Summaries, scratch: Scratch, number: int, share: KeyShare = ALL_KEYS
    ) -> Iterator[Records]:
        rows = row_count(summaries) // share.of
        for group in grouped(_records(summaries, share), rows, scratch, shared_only=True):
            later = ~group.is_first
            yield pairs_of(group.first[later], group.records["row"][later])


def _records(summaries: Summaries, share: KeyShare) -> Iterator[Records]:
    for first, table in numbered(summaries):
        records = keyed(*halves(table.column("hash").combine_chunks()), row_numbers(first, table.num_rows))
        yield records[share.holds(records["low"])]
