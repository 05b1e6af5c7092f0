"""Removes documents that are like an earlier one, by MinHash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pyarrow as pa

from data_juicer.ops.base import Kind, RowRemover
from data_juicer.ops.dataset import minhash
from data_juicer.ops.dataset.clusters import Clusters, Pairs, meetings
from data_juicer.ops.dataset.decisions import duplicates
from data_juicer.ops.dataset.groups import grouped, keyed
from data_juicer.ops.dataset.scratch import Records, Scratch
from data_juicer.ops.dataset.shingles import Shingler, Tokenization
from data_juicer.ops.dataset.summaries import Numbers, Summaries, numbered, row_count
from data_juicer.ops.dataset.text_hash import row_numbers
from data_juicer.ops.resources.pieces import Pieces

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch


class DocumentMinhashDeduplicator(RowRemover):
    """Near-duplicate removal with MinHash LSH: keeps the earliest document of each cluster of pairs whose Jaccard similarity of shingles is above a threshold.

    Documents meet where a band of their signatures is equal; those that meet are compared by their whole signatures.

    Args:
        tokenization: what a shingle is made of: words between `space`s, parts between `punctuation` marks, `character`s,
            or the pieces of a `sentencepiece` model.
        window_size: tokens of a shingle; a text with fewer is like another only if it is equal.
        lowercase: compare texts in lower case.
        ignore_pattern: a regular expression of what is left out before.
        num_permutations: entries of a signature.
        jaccard_threshold: from which similarity on documents are duplicates, between 0 and 1.
        num_bands: bands of a signature; by default as many as num_rows_per_band leaves room for.
        num_rows_per_band: entries of a band; by default the most that still find 9 of 10 pairs at the threshold.
        tokenizer_model: the file of the sentencepiece model.
    """

    name: ClassVar[str] = "document_minhash_deduplicator"
    kind: ClassVar[Kind] = "deduplicator"
    counts_as: ClassVar[Literal["duplicate", "filtered"]] = "duplicate"

    def __init__(
        self,
        tokenization: Tokenization = "space",
        window_size: int = 5,
        lowercase: bool = True,
        ignore_pattern: str | None = None,
        num_permutations: int = 256,
        jaccard_threshold: float = 0.7,
        num_bands: int | None = None,
        num_rows_per_band: int | None = None,
        tokenizer_model: str | None = None,
    ) -> None:
        """Raises: ValueError: bands do not fit. ConfigError: there is no such model."""
        if not 0 <= jaccard_threshold <= 1:
            raise ValueError(f"jaccard_threshold = {jaccard_threshold}: a similarity lies between 0 and 1")
        if num_permutations < 1:
            raise ValueError(f"num_permutations = {num_permutations}: a signature has at least one entry")
        self.permutations = num_permutations
        self.threshold = jaccard_threshold
        self.rows = num_rows_per_band or (
            num_permutations // num_bands
            if num_bands
            else minhash.rows_per_band(num_permutations, jaccard_threshold)
        )
        self.bands = num_bands or num_permutations // max(1, self.rows)
        if self.rows < 1 or self.bands < 1 or self.bands * self.rows > num_permutations:
            raise ValueError(
                f"{num_bands} bands of {num_rows_per_band} entries: a signature has {num_permutations} (num_permutations)"
            )
        self._pieces = _pieces(tokenization, tokenizer_model, self.name)
        self.shingler = Shingler(
            tokenization,
            window_size,
            lowercase=lowercase,
            ignore_pattern=ignore_pattern,
            pieces=self._pieces,
        )

    def assets(self) -> tuple[str, ...]:
        return (self._pieces.path,) if self._pieces else ()

    def prepare(self, context: OperatorContext | None = None) -> None:
        if self._pieces is not None:
            self._pieces.load()

    def summarise(self, batch: Batch) -> pa.Table:
        found = minhash.signatures(self.shingler.cut(batch.text(self.text_key)), self.permutations)
        bands = minhash.band_keys(found, self.bands, self.rows)
        sketches = pa.array(minhash.sketches(found).reshape(-1))
        columns = {f"band_{number}": pa.array(keys) for number, keys in enumerate(bands)}
        return pa.table({**columns, "sketch": pa.FixedSizeListArray.from_arrays(sketches, self.permutations)})

    def resolve(self, summaries: Summaries, scratch: Scratch) -> Iterator[pa.Table]:
        rows = row_count(summaries)
        candidates = Pairs(scratch, rows)
        for band in range(self.bands):
            for group in grouped(_records(summaries, f"band_{band}"), rows, scratch):
                candidates.add(meetings(group))
        clusters = Clusters(scratch, rows, candidates, self.permutations, minhash.similarity)
        for first, table in numbered(summaries):
            sketches = table.column("sketch").combine_chunks().flatten().to_numpy()
            clusters.add_sketches(first, sketches.reshape(-1, self.permutations))
        return duplicates(summaries, *clusters.keep(self.threshold, self.ranks(summaries, scratch)))

    def ranks(self, summaries: Summaries, scratch: Scratch) -> Numbers | None:
        """Of each row: the lowest of a cluster stays; None: the earliest does."""
        return None


def _records(summaries: Summaries, column: str) -> Iterator[Records]:
    for first, table in numbered(summaries):
        keys = table.column(column).to_numpy()
        yield keyed(keys, np.zeros(len(keys), np.uint64), row_numbers(first, len(keys)))


def _pieces(tokenization: str, model: str | None, operator: str) -> Pieces | None:
    if tokenization != "sentencepiece":
        return None
    if model is None:
        raise ValueError("tokenization is sentencepiece; name the model in tokenizer_model")
    return Pieces("", operator, model)
