"""fastText's models of languages for the kernels in C, read from its files of version 12 (`.bin` and `.ftz`).

Only what such models are: supervised, of words and their subwords, with a hierarchical softmax. Any other is left to the
library, and so is every model where the kernels were not built. Scores are the same to the last bit.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from io import BufferedReader
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import bytes_of, offsets_of
from data_juicer.kernels.native import loading

MAGIC, VERSION = 793712314, 12
_SUPERVISED, _HIERARCHICAL = 3, 1
_CENTROIDS: Final = 256
_SMALL_BYTES_MAX: Final = 1 << 20
_LABELS_MAX: Final = 10_000
_FNV_START, _FNV_FACTOR = 2166136261, 16777619
_BUCKET_FACTOR, _BUCKET_SHIFT = 0x9E3779B1, 7  # as in languages.c

Numbers = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


class UnknownModelError(ValueError):
    """The file is no such model; the library is asked."""


class LanguageModel(msgspec.Struct, frozen=True):
    """The arrays of a model in the form that `languages.c` wants."""

    labels: tuple[str, ...]
    dim: int
    bucket: int
    subword_min: int
    subword_max: int
    vectors: Floats
    """One a word, then one a bucket of subwords; flat."""
    buckets: npt.NDArray[np.uint32]
    """Where only some buckets have a vector: pairs of bucket + 1 and number of the vector, by hash; flat."""
    spelling: npt.NDArray[np.uint8]
    word_starts: npt.NDArray[np.int64]
    word_slots: npt.NDArray[np.uint32]
    """Word + 1 by hash."""
    left: Numbers
    right: Numbers
    """Children of each node of the tree of labels, -1 for a label."""
    output: Floats

    def likeliest(self, lines: pa.Array) -> tuple[list[str | None], npt.NDArray[np.float32]]:
        """The likeliest label of each text, line feeds being white space, and its probability; shapes (rows,)."""
        utf8, rows = bytes_of(lines), len(lines)
        which, scores = np.empty(rows, np.int32), np.empty(rows, np.float32)
        loading.functions.languages(
            utf8.data, utf8.offsets, self.dim, self.bucket, self.subword_min, self.subword_max, self.vectors,
            self.buckets, self.spelling, self.word_starts, self.word_slots, self.left, self.right, self.output,
            which, scores,
        )  # fmt: skip
        return [self.labels[label] if label >= 0 else None for label in which.tolist()], scores


@lru_cache(maxsize=1)
def find_language_model(path: str) -> LanguageModel | None:
    """The model of a file; None where the kernels are not built or it is of another kind, so that the library is asked."""
    if loading.functions is None:
        return None
    try:
        with open(path, "rb") as file:
            return _read(_Reader(file))
    except UnknownModelError:
        return None


class _Reader:
    """Reads a file from left to right, large arrays without a copy. Raises: UnknownModelError: it ends too early."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._left = os.fstat(file.fileno()).st_size

    def array(self, kind: str, count: int = 1) -> npt.NDArray[Any]:
        size = np.dtype(kind).itemsize * count
        self._left -= size
        if count < 0 or self._left < 0:
            raise UnknownModelError
        if size > _SMALL_BYTES_MAX:
            return np.fromfile(self._file, kind, count)
        return np.frombuffer(self._file.read(size), kind).copy()

    def number(self, kind: str = "<i4") -> int:
        return int(self.array(kind)[0])

    def word(self) -> bytes:
        word = bytearray()
        while (byte := self.number("<u1")) != 0:
            word.append(byte)
        return bytes(word)


def _read(file: _Reader) -> LanguageModel:
    magic, version = file.array("<i4", 2).tolist()
    settings = file.array("<i4", 12).tolist()
    dim, ngrams, loss, kind, bucket, least, most = (settings[place] for place in (0, 5, 6, 7, 8, 9, 10))
    known = (magic, version, ngrams, loss, kind) == (MAGIC, VERSION, 1, _HIERARCHICAL, _SUPERVISED)
    if not known or dim < 1 or bucket < 1 or least < 0 or most < 0:
        raise UnknownModelError
    file.array("<f8")
    entries_count, words, labels = file.array("<i4", 3).tolist()
    file.array("<i8")
    pruned = file.number("<i8")
    if words < 0 or not 1 <= labels <= _LABELS_MAX or entries_count != words + labels:
        raise UnknownModelError
    entries = [(file.word(), file.number("<i8"), file.number("<i1")) for _ in range(words + labels)]
    kept = file.array("<i4", 2 * max(pruned, 0)).reshape(-1, 2)
    vectors = _matrix(file, quantised=bool(file.number("<i1")), dim=dim)
    if file.number("<i1") and file.number("<i1") >= 0:  # an output that is quantised too
        raise UnknownModelError
    output = _matrix(file, quantised=False, dim=dim)
    if len(kept) and (
        kept.min() < 0 or kept[:, 0].max() >= bucket or kept[:, 1].max() >= len(vectors) // dim - words
    ):
        raise UnknownModelError
    if pruned == 0 or len(output) < (labels - 1) * dim or any(kind for _, _, kind in entries[:words]):
        raise UnknownModelError
    left, right = _tree([count for _, count, _ in entries[words:]])
    spelled = [word for word, _, _ in entries[:words]]
    return LanguageModel(
        labels=tuple(word.decode() for word, _, _ in entries[words:]),
        dim=dim,
        bucket=bucket,
        subword_min=least,
        subword_max=most,
        vectors=vectors,
        buckets=_buckets(kept, words),
        spelling=np.frombuffer(b"".join(spelled), np.uint8),
        word_starts=offsets_of(np.array([len(word) for word in spelled], np.int64)),
        word_slots=_slots(spelled),
        left=left,
        right=right,
        output=output,
    )


def _matrix(file: _Reader, *, quantised: bool, dim: int) -> Floats:
    """Flat. A quantised one is written out: each vector is its norm times the centroids that its codes name."""
    has_norms = quantised and bool(file.number("<i1"))
    rows, columns = file.array("<i8", 2).tolist()
    if columns != dim or rows < 0:
        raise UnknownModelError
    if not quantised:
        return file.array("<f4", rows * dim)
    codes = file.array("<u1", file.number())
    width, parts, size, last = file.array("<i4", 4).tolist()
    if width != dim or parts < 1 or (parts - 1) * size + last != dim or len(codes) != rows * parts:
        raise UnknownModelError
    centroids = file.array("<f4", dim * _CENTROIDS)
    codes = codes.reshape(rows, parts)
    whole = (parts - 1) * size * _CENTROIDS
    blocks = list(centroids[:whole].reshape(parts - 1, _CENTROIDS, size)) if parts > 1 else []
    blocks.append(centroids[whole:].reshape(_CENTROIDS, last))
    vectors = np.concatenate([block[codes[:, part]] for part, block in enumerate(blocks)], axis=1)
    if has_norms:
        norm_codes = file.array("<u1", rows)
        if file.array("<i4", 4).tolist() != [1, 1, 1, 1]:
            raise UnknownModelError
        vectors *= file.array("<f4", _CENTROIDS)[norm_codes][:, None]
    return np.ascontiguousarray(vectors).ravel()


def _tree(counts: Sequence[int]) -> tuple[Numbers, Numbers]:
    """The Huffman tree of labels, which are in falling order of their counts, as fastText builds it."""
    labels = len(counts)
    nodes = 2 * labels - 1
    weights = [*counts, *[10**15] * (labels - 1)]
    left, right = np.full(nodes, -1, np.int32), np.full(nodes, -1, np.int32)
    leaf, inner = labels - 1, labels
    for node in range(labels, nodes):
        children = []
        for _ in range(2):
            if leaf >= 0 and weights[leaf] < weights[inner]:
                children.append(leaf)
                leaf -= 1
            else:
                children.append(inner)
                inner += 1
        left[node], right[node] = children
        weights[node] = weights[children[0]] + weights[children[1]]
    return left, right


def _buckets(kept: Numbers, words: int) -> npt.NDArray[np.uint32]:
    """An open-addressed table, at most half full; empty where every bucket has a vector."""
    if not len(kept):
        return np.empty(0, np.uint32)
    size = 1 << (2 * len(kept)).bit_length()
    slots = np.zeros((size, 2), np.uint32)
    for bucket, vector in kept.tolist():
        slot = ((bucket * _BUCKET_FACTOR & 0xFFFFFFFF) >> _BUCKET_SHIFT) & (size - 1)
        while slots[slot, 0]:
            slot = (slot + 1) & (size - 1)
        slots[slot] = bucket + 1, words + vector
    return slots.ravel()


def _slots(spelled: Sequence[bytes]) -> npt.NDArray[np.uint32]:
    size = 1 << (2 * len(spelled) + 1).bit_length()
    slots = np.zeros(size, np.uint32)
    for number, word in enumerate(spelled, 1):
        slot = _fnv(word) & (size - 1)
        while slots[slot]:
            slot = (slot + 1) & (size - 1)
        slots[slot] = number
    return slots


def _fnv(word: bytes) -> int:
    """The hash of fastText: FNV-1a of 32 bits, but of bytes with a sign."""
    found = _FNV_START
    for byte in word:
        found = ((found ^ (byte | (0xFFFFFF00 if byte >= 0x80 else 0))) * _FNV_FACTOR) & 0xFFFFFFFF
    return found
