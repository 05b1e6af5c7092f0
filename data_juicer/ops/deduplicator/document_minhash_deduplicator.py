"""Removes documents that are like an earlier one, by MinHash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.ops.dataset import minhash
from data_juicer.ops.dataset.groups import grouped, keyed
from data_juicer.ops.dataset.key_share import ALL_KEYS, KeyShare
from data_juicer.ops.dataset.pairs.clusters import meetings
from data_juicer.ops.dataset.pairs.remover import PairRemover, Sketches
from data_juicer.ops.dataset.scratch import Records, Scratch
from data_juicer.ops.dataset.shingles import Shingler, Tokenization
from data_juicer.ops.dataset.summaries import Summaries, numbered, row_count
from data_juicer.ops.dataset.text_hash import row_numbers
from data_juicer.ops.resources.sentencepiece_model import SentencePieceModel

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch


class DocumentMinhashDeduplicator(PairRemover):
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
        self.threshold = self.least = jaccard_threshold
        self.sketch_bytes = num_permutations
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
        self._sentencepiece = _sentencepiece_model(tokenization, tokenizer_model, self.name)
        self.shingler = Shingler(
            tokenization,
            window_size,
            lowercase=lowercase,
            ignore_pattern=ignore_pattern,
            sentencepiece=self._sentencepiece,
        )

    def assets(self) -> tuple[str, ...]:
        return (self._sentencepiece.path,) if self._sentencepiece else ()

    def prepare(self, context: OperatorContext | None = None) -> None:
        if self._sentencepiece is not None:
            self._sentencepiece.load()

    def summarise(self, batch: Batch) -> pa.Table:
        found = minhash.signatures(self.shingler.cut(batch.text(self.text_key)), self.permutations)
        bands = minhash.band_keys(found, self.bands, self.rows)
        sketches = pa.array(minhash.sketches(found).reshape(-1))
        columns = {f"band_{number}": pa.array(keys) for number, keys in enumerate(bands)}
        return pa.table({**columns, "sketch": pa.FixedSizeListArray.from_arrays(sketches, self.permutations)})

    @property
    def index_operator(self) -> str:
        return DocumentMinhashDeduplicator.name

    @property
    def index_parameters(self) -> dict[str, object]:
        return {
            **self.shingler.parameters,
            "num_permutations": self.permutations,
            "num_bands": self.bands,
            "num_rows_per_band": self.rows,
        }

    def index_columns(self) -> pa.Schema:
        bands = [(f"band_{number}", pa.uint64()) for number in range(self.bands)]
        return pa.schema([*bands, ("sketch", pa.binary(self.permutations))])

    def indexed(self, summary: pa.Table) -> pa.Table:
        """With sketches as bytes, which Parquet would hold as a number of four bytes an entry."""
        values = summary.column("sketch").combine_chunks().flatten()
        sketches = pa.Array.from_buffers(
            pa.binary(self.permutations),
            summary.num_rows,
            [None, values.buffers()[1]],
            offset=values.offset // self.permutations,
        )
        bands = summary.select(self.index_columns().names[:-1])
        return bands.append_column("sketch", sketches)

    def known_summary(self, indexed: pa.Table) -> pa.Table:
        sketches = indexed.column("sketch").combine_chunks()
        values = pa.Array.from_buffers(
            pa.uint8(),
            len(sketches) * self.permutations,
            [None, sketches.buffers()[1]],
            offset=sketches.offset * self.permutations,
        )
        lists = pa.FixedSizeListArray.from_arrays(values, self.permutations)
        return indexed.drop_columns(["sketch"]).append_column("sketch", lists)

    def meeting_keys(self, summary: pa.Table) -> Iterator[npt.NDArray[np.uint64]]:
        for number in range(self.bands):
            yield summary.column(f"band_{number}").to_numpy()

    @property
    def passes(self) -> int:
        return self.bands

    def pairs(
        self, summaries: Summaries, scratch: Scratch, number: int, share: KeyShare = ALL_KEYS
    ) -> Iterator[Records]:
        records = _records(summaries, f"band_{number}", share)
        rows = row_count(summaries) // share.of
        return map(meetings, grouped(records, rows, scratch, shared_only=True))

    def sketches(self, summary: pa.Table) -> Sketches:
        flat: Sketches = summary.column("sketch").combine_chunks().flatten().to_numpy()
        return flat.reshape(-1, self.permutations)

    def similarity(self, one: Sketches, other: Sketches) -> npt.NDArray[np.float32]:
        return minhash.similarity(one, other)


def _records(summaries: Summaries, column: str, share: KeyShare) -> Iterator[Records]:
    for first, table in numbered(summaries):
        keys = table.column(column).to_numpy()
        mine = share.holds(keys)
        rows, keys = row_numbers(first, len(keys))[mine], keys[mine]
        yield keyed(keys, np.zeros(len(keys), np.uint64), rows)


def _sentencepiece_model(tokenization: str, model: str | None, operator: str) -> SentencePieceModel | None:
    if tokenization != "sentencepiece":
        return None
    if model is None:
        raise ValueError("tokenization is sentencepiece; name the model in tokenizer_model")
    return SentencePieceModel("", operator, model)
