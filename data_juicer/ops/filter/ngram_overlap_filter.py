"""Removes rows that hold n-grams of benchmarks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
import numpy as np
import pyarrow as pa

from data_juicer.errors import ConfigError, InputError, OperatorError
from data_juicer.kernels.words.ngram_sets import NgramHasher, covered
from data_juicer.kernels.words.word_keys import flat
from data_juicer.ops.base import Filter
from data_juicer.ops.resources.ngram_index import (
    SUFFIX,
    NgramForm,
    NgramIndex,
    decode_index,
    encode_index,
    join_indexes,
    make_index,
)
from data_juicer.ops.shared_text import shared_alphanumeric_keys
from data_juicer.storage import open_store
from data_juicer.storage.locations.uri import absolute
from data_juicer.storage.locations.walk import GLOB_MARKS, glob_files, walk_files

if TYPE_CHECKING:
    from data_juicer.kernels.arrays import Mask
    from data_juicer.kernels.words.ngram_sets import NgramSet
    from data_juicer.ops.context import OperatorContext
    from data_juicer.rows.batch import Batch

MATCHES, RATIO, SOURCE = "ngram_overlap_matches", "ngram_overlap_ratio", "ngram_overlap_source"


class NgramOverlapFilter(Filter):
    """Decontamination: removes rows that hold n-grams of words which benchmarks hold too.

    Words are runs of letters and digits in lower case, whatever is between them; Chinese characters and kana are a word each. A benchmark
    text of fewer words than an n-gram is looked for as a whole, if it has at least `min_words`.

    Args:
        against: benchmarks: files, folders or patterns of any format that a job reads, or n-grams that
            `dj-jobs index --write` made of some (NAME.ngrams).
        n: words of an n-gram, up to 64.
        min_words: shorter benchmark texts are left out: too much has them.
        min_matches: rows with fewer matching n-grams stay.
        max_ratio: rows of whose words no greater share is inside a matching n-gram stay.
        benchmark_keys: fields of benchmarks that are looked for; none: every text in their rows.
    """

    name: ClassVar[str] = "ngram_overlap_filter"
    keep_attributes: ClassVar[frozenset[str]] = frozenset({"min_matches", "max_ratio"})
    assets_are_many: ClassVar[bool] = True

    def __init__(
        self,
        against: list[str],
        n: Annotated[int, msgspec.Meta(ge=1, le=64)] = 13,
        min_words: Annotated[int, msgspec.Meta(ge=1)] = 8,
        min_matches: Annotated[int, msgspec.Meta(ge=1)] = 1,
        max_ratio: float = 0.0,
        benchmark_keys: list[str] = [],  # noqa: B006 - never changed
    ) -> None:
        """Raises: ConfigError: there is no such benchmark."""
        if not against:
            raise ValueError("against = []: name the benchmarks whose n-grams are looked for")
        if not 0 <= max_ratio <= 1:
            raise ValueError(f"max_ratio = {max_ratio}: a share lies between 0 and 1")
        self.form = NgramForm(n=n, words_min=min(min_words, n))
        self.min_matches = min_matches
        self.max_ratio = max_ratio
        self._against = [absolute(os.path.expanduser(path)) for path in against]
        self._keys = frozenset(benchmark_keys)
        for path in self._against:
            if next(_files(path), None) is None:
                raise ConfigError(f"operator {self.name}: against: {path}: no such file, or no file in it")
        self._index: NgramIndex
        self._ngrams: NgramSet

    def assets(self) -> tuple[str, ...]:
        return tuple(file for path in self._against for file in sorted(_files(path)))

    # ---- the n-grams

    def prepare(self, context: OperatorContext | None = None) -> None:
        """Raises: ConfigError, InputError, OperatorError: benchmarks cannot be read, or changed since the job began."""
        prepared = [path for path in self._against if path.endswith(SUFFIX)]
        if len(prepared) == len(self._against) == 1:
            self._index = self._prepared(prepared[0])
        else:
            self._index = self._made(context)
        self._ngrams = self._index.ngrams()
        if not len(self._ngrams):
            raise OperatorError(
                f"{self.name}: no text of the benchmarks has {self.form.words_min} words (min_words), so that nothing "
                "could be found."
            )

    def _prepared(self, path: str) -> NgramIndex:
        index = decode_index(open_store(path).map(path), path)
        if index.form != self.form:
            raise ConfigError(
                f"operator {self.name}: {path} was made with n = {index.form.n}, min_words = {index.form.words_min} "
                f"(format {index.form.format}), here they are {self.form.n} and {self.form.words_min} "
                f"(format {self.form.format})"
            )
        return index

    def _made(self, context: OperatorContext | None) -> NgramIndex:
        """Of all benchmarks, made once on this machine for all workers and jobs that look for the same."""
        if context is None or context.read_rows is None:
            raise OperatorError(f"{self.name}: benchmarks are read in a job alone")
        path = os.path.join(context.cache_dir, f"{context.identity}{SUFFIX}") if context.identity else ""
        if path:
            try:
                return decode_index(open_store(path).map(path), path)
            except (FileNotFoundError, InputError):
                pass  # made now, or made anew
        index = join_indexes(self.form, list(self._parts(context)))
        if context.is_changed():
            raise OperatorError(
                f"{self.name}: a benchmark was changed since the job began. Start it again: it sees what is there now."
            )
        if not path:
            return index
        open_store(path).put(path, encode_index(index))
        return decode_index(open_store(path).map(path), path)

    def _parts(self, context: OperatorContext) -> Iterator[NgramIndex]:
        for path in self._against:
            if path.endswith(SUFFIX):
                yield self._prepared(path)
            elif context.read_rows is not None:
                yield make_index(self.form, context.read_rows([path]), self._keys)

    # ---- rows

    def compute_stats(self, batch: Batch) -> Mapping[str, pa.Array]:
        words, offsets = flat(shared_alphanumeric_keys(batch, self.text_key))
        hasher = NgramHasher(words.to_numpy(), offsets)
        rows = len(batch)
        matches, inside = np.zeros(rows, np.int64), np.zeros(len(words), np.bool_)
        first, ngram = np.full(rows, len(words)), np.zeros(rows, np.int64)
        for n in self._ngrams.sizes:
            starts, found = self._ngrams.find(hasher, n)
            if not len(starts):
                continue
            inside |= covered(starts, n, len(words))
            row = np.searchsorted(offsets, starts, side="right") - 1
            matches += np.bincount(row, minlength=rows)
            hit, at = np.unique(row, return_index=True)  # the first one of each row
            sooner = starts[at] < first[hit]
            first[hit[sooner]], ngram[hit[sooner]] = starts[at][sooner], found[at][sooner]
        counts = np.diff(offsets)
        ratio = np.diff(np.concatenate([[0], np.cumsum(inside)])[offsets]) / np.maximum(counts, 1)
        sources = [""] * rows
        for number in np.flatnonzero(matches).tolist():
            sources[number] = self._index.place_of(int(ngram[number]))
        return {
            MATCHES: pa.array(matches),
            RATIO: pa.array(ratio, pa.float64()),
            SOURCE: pa.array(sources, pa.large_string()),
        }

    def keep(self, stats: Mapping[str, pa.Array]) -> Mask:
        few = stats[MATCHES].to_numpy() < self.min_matches
        kept: Mask = few | (stats[RATIO].to_numpy() <= self.max_ratio)
        return kept

    def explain(self, row_stats: Mapping[str, Any]) -> str:
        matches = int(row_stats[MATCHES])
        ngrams = "n-gram is" if matches == 1 else "n-grams are"
        return (
            f"{matches:,} {ngrams} in benchmarks, the first in {row_stats[SOURCE]}; "
            f"{row_stats[RATIO]:.1%} of its words are inside"
        )


def _files(path: str) -> Iterator[str]:
    """The files of a benchmark, with those that hold no rows: whoever changes one of them changes what is looked for."""
    store = open_store(path)
    try:
        kind = store.stat(path).kind
    except FileNotFoundError:
        kind = None
    if kind == "file":
        yield path
    elif kind == "directory":
        yield from (entry.path for entry in walk_files(store, path))
    elif kind is None and GLOB_MARKS & set(path):
        yield from glob_files(store, path)
