"""The n-grams of benchmarks: made from rows, kept as a file that workers map, and looked up.

    NAME.ngrams     an Arrow file: the n-grams, sorted by hash, and the texts that they are of; its schema says how they were made

A text of fewer words than an n-gram is one, as a whole, if it has enough of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.errors import InputError
from data_juicer.kernels.characters.codepoints import Counts
from data_juicer.kernels.words.alphanumeric_words import alphanumeric_keys
from data_juicer.kernels.words.ngram_sets import Keys, NgramHasher, NgramSet
from data_juicer.kernels.words.word_keys import flat

SUFFIX: Final = ".ngrams"
WORDS_MAX: Final = 64
"""Of an n-gram."""
_FORMAT: Final = "1"
_ABOUT: Final = b"data_juicer.ngrams"
_TEXTS_AT_ONCE: Final = 2_000
_SCHEMA: Final = pa.schema(
    [("hash", pa.uint64()), ("check", pa.uint64()), ("words", pa.uint8()), ("text", pa.int32())]
)

Rows = Iterable[tuple[str, int, Mapping[str, Any]]]


class NgramForm(msgspec.Struct, frozen=True, kw_only=True):
    """How n-grams are made of a text; those of two forms cannot be compared."""

    n: int
    words_min: int
    """Of a text that is an n-gram as a whole."""
    format: str = _FORMAT
    """Of this file and of the keys of words."""


class _About(msgspec.Struct, frozen=True, kw_only=True):
    form: NgramForm
    sources: list[str]
    texts_left_out: int
    """That have too few words."""


class NgramIndex(msgspec.Struct, kw_only=True):
    """N-grams, each once, by rising hash; shapes (n-grams,) and (texts,)."""

    form: NgramForm
    hashes: Keys
    checks: Keys
    words: npt.NDArray[np.uint8]
    text: npt.NDArray[np.int32]
    """The first text that has it."""
    sources: list[str]
    text_source: npt.NDArray[np.int32]
    text_row: npt.NDArray[np.int64]
    """In its source, from 0."""
    texts_left_out: int = 0

    def ngrams(self) -> NgramSet:
        return NgramSet(self.hashes, self.checks, self.words)

    def place_of(self, ngram: int) -> str:
        """Where an n-gram is from, for people."""
        text = int(self.text[ngram])
        return f"{self.sources[int(self.text_source[text])]}, row {int(self.text_row[text]) + 1}"


# ---- made of rows


def make_index(form: NgramForm, rows: Rows, keys: frozenset[str] = frozenset()) -> NgramIndex:
    """The n-grams of all texts of rows.

    Args:
        keys: fields that are taken; none: every text of a row, those in lists and objects too.
    """
    maker = _Maker(form)
    texts: list[str] = []
    for source, row, values in rows:
        for text in _texts([value for key, value in values.items() if not keys or key in keys]):
            maker.place(source, row)
            texts.append(text)
            if len(texts) >= _TEXTS_AT_ONCE:
                maker.add(texts)
                texts = []
    maker.add(texts)
    return maker.index()


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _texts(value.values())
        elif isinstance(value, list):
            yield from _texts(value)


class _Maker:
    def __init__(self, form: NgramForm) -> None:
        self._form = form
        self._sources: dict[str, int] = {}
        self._text_source: list[int] = []
        self._text_row: list[int] = []
        self._parts: list[pa.Table] = []
        self._texts = 0
        self._left_out = 0

    def place(self, source: str, row: int) -> None:
        """Where the next text is from."""
        self._text_source.append(self._sources.setdefault(source, len(self._sources)))
        self._text_row.append(row)

    def add(self, texts: list[str]) -> None:
        words, offsets = flat(alphanumeric_keys(pa.array(texts, pa.large_string())))
        counts = np.diff(offsets)
        hasher = NgramHasher(words.to_numpy(), offsets)
        self._part(hasher, self._form.n, offsets, np.arange(len(words)))
        short = (counts < self._form.n) & (counts >= self._form.words_min)
        for size in np.unique(counts[short]).tolist():
            self._part(hasher, size, offsets, offsets[:-1][counts == size])
        self._left_out += int((counts < self._form.words_min).sum())
        self._texts += len(texts)

    def _part(self, hasher: NgramHasher, size: int, offsets: Counts, wanted: Counts) -> None:
        windows = hasher.windows(size)
        taken = np.flatnonzero(np.isin(windows.starts, wanted, assume_unique=True))
        starts = windows.starts[taken]
        text = np.searchsorted(offsets, starts, side="right") - 1 + self._texts
        self._parts.append(
            pa.table(
                [
                    pa.array(windows.hashes[taken]),
                    pa.array(hasher.checks(starts, size)),
                    pa.array(np.full(len(taken), size, np.uint8)),
                    pa.array(text.astype(np.int32)),
                ],
                schema=_SCHEMA,
            )
        )

    def index(self) -> NgramIndex:
        return _index(
            self._form,
            self._parts,
            list(self._sources),
            np.array(self._text_source, np.int32),
            np.array(self._text_row, np.int64),
            self._left_out,
        )


def _index(
    form: NgramForm,
    parts: list[pa.Table],
    sources: list[str],
    text_source: npt.NDArray[np.int32],
    text_row: npt.NDArray[np.int64],
    texts_left_out: int,
) -> NgramIndex:
    """Each n-gram once, with the first text that has it."""
    table = pa.concat_tables([_SCHEMA.empty_table(), *parts])
    hashes, checks, words, text = (table.column(name).to_numpy() for name in _SCHEMA.names)
    order = np.lexsort((text, checks, hashes))
    hashes, checks = hashes[order], checks[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (hashes[1:] != hashes[:-1]) | (checks[1:] != checks[:-1])
    order = order[first]
    return NgramIndex(
        form=form,
        hashes=hashes[first],
        checks=checks[first],
        words=words[order],
        text=text[order],
        sources=sources,
        text_source=text_source,
        text_row=text_row,
        texts_left_out=texts_left_out,
    )


def join_indexes(form: NgramForm, indexes: Iterable[NgramIndex]) -> NgramIndex:
    """One index of several, of which the earlier ones come first."""
    parts: list[pa.Table] = []
    sources: list[str] = []
    text_source, text_row, texts, left_out = [np.empty(0, np.int32)], [np.empty(0, np.int64)], 0, 0
    for index in indexes:
        columns = (index.hashes, index.checks, index.words, (index.text + texts).astype(np.int32))
        parts.append(pa.table([pa.array(column) for column in columns], schema=_SCHEMA))
        text_source.append((index.text_source + len(sources)).astype(np.int32))
        text_row.append(index.text_row)
        sources += index.sources
        texts += len(index.text_row)
        left_out += index.texts_left_out
    return _index(form, parts, sources, np.concatenate(text_source), np.concatenate(text_row), left_out)


# ---- as a file


def encode_index(index: NgramIndex) -> bytes:
    about = _About(form=index.form, sources=index.sources, texts_left_out=index.texts_left_out)
    schema = pa.schema(
        [
            ("hash", pa.list_(pa.uint64())),
            ("check", pa.list_(pa.uint64())),
            ("words", pa.list_(pa.uint8())),
            ("text", pa.list_(pa.int32())),
            ("text_source", pa.list_(pa.int32())),
            ("text_row", pa.list_(pa.int64())),
        ],
        metadata={_ABOUT: msgspec.json.encode(about)},
    )
    columns = (
        index.hashes,
        index.checks,
        index.words,
        index.text,
        index.text_source,
        index.text_row,
    )
    arrays = [
        pa.ListArray.from_arrays(pa.array([0, len(column)], pa.int32()), pa.array(column))
        for column in columns
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=schema))
    return bytes(sink.getvalue())


def decode_index(data: Any, path: str) -> NgramIndex:
    """An index whose arrays lie in `data`, which may be mapped.

    Raises: InputError: these are no n-grams, or they contradict each other.
    """
    try:
        reader = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(data)))
        about = msgspec.json.decode(reader.schema.metadata[_ABOUT], type=_About)
        (batch,) = [reader.get_batch(number) for number in range(min(2, reader.num_record_batches))]
        batch.validate(full=True)
        arrays = {name: batch.column(name).flatten().to_numpy() for name in batch.schema.names}
        index = NgramIndex(
            form=about.form,
            hashes=arrays["hash"],
            checks=arrays["check"],
            words=arrays["words"],
            text=arrays["text"],
            sources=about.sources,
            text_source=arrays["text_source"],
            text_row=arrays["text_row"],
            texts_left_out=about.texts_left_out,
        )
        _check(index)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
        raise InputError(f"{path}: damaged, or no n-grams of data_juicer ({error}).") from error
    return index


def _check(index: NgramIndex) -> None:
    """Raises: ValueError."""
    kinds = {"hashes": np.uint64, "checks": np.uint64, "words": np.uint8, "text": np.int32}
    for name, kind in {**kinds, "text_source": np.int32, "text_row": np.int64}.items():
        if getattr(index, name).dtype != kind:
            raise ValueError(f"{name} are {getattr(index, name).dtype}")
    if not len(index.hashes) == len(index.checks) == len(index.words) == len(index.text):
        raise ValueError("columns of several lengths")
    if len(index.text_source) != len(index.text_row):
        raise ValueError("columns of several lengths")
    if len(index.hashes) and not (index.hashes[1:] >= index.hashes[:-1]).all():
        raise ValueError("hashes do not rise")
    for name, values, bound in (
        ("words", index.words, WORDS_MAX + 1),
        ("text", index.text, len(index.text_row)),
        ("text_source", index.text_source, len(index.sources)),
    ):
        if len(values) and not (int(values.min()) >= 0 and int(values.max()) < bound):
            raise ValueError(f"{name} outside its range")
