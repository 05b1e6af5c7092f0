"""Texts as sets of shingles: windows of words, characters or pieces, each as a 64-bit key.

A text of fewer tokens than a window is one shingle, the text as a whole, white space at its ends left out: short texts are
the same only if they are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.kernels.characters.codepoints import Counts, bytes_of, points_of
from data_juicer.kernels.mixing import MIX, mixed
from data_juicer.kernels.native import loading
from data_juicer.kernels.patterns.patterns import Substitution
from data_juicer.kernels.words.lower import lower
from data_juicer.kernels.words.word_keys import CHUNK, flat, keys_of, token_keys
from data_juicer.ops.dataset.text_hash import compared, halves, hashes

if TYPE_CHECKING:
    from data_juicer.ops.resources.sentencepiece_model import SentencePieceModel

Keys = npt.NDArray[np.uint64]
Tokenization = Literal["space", "punctuation", "character", "sentencepiece"]


class Shingles(msgspec.Struct, frozen=True):
    """The shingles of all rows in order; those of row k are `keys[offsets[k]:offsets[k + 1]]`, at least one."""

    keys: Keys
    offsets: Counts


class Shingler:
    """How texts are cut."""

    def __init__(
        self,
        tokenization: Tokenization,
        window: int,
        *,
        lowercase: bool,
        ignore_pattern: str | None,
        sentencepiece: SentencePieceModel | None,
    ) -> None:
        """
        Args:
            window: tokens of a shingle, at least 1.
            ignore_pattern: what is cut out first, a regular expression.
            sentencepiece: the model, where tokens are its pieces.
        """
        if window < 1:
            raise ValueError(f"window_size = {window}: a shingle has at least one token")
        self._tokenization = tokenization
        self._window = window
        self._lowercase = lowercase
        self._ignore_pattern = ignore_pattern
        self._ignored = Substitution(ignore_pattern, "") if ignore_pattern else None
        self._sentencepiece = sentencepiece

    @property
    def parameters(self) -> dict[str, object]:
        """All that decides what the shingles of a text are, but for the bytes of the model."""
        return {
            "tokenization": self._tokenization,
            "window_size": self._window,
            "lowercase": self._lowercase,
            "ignore_pattern": self._ignore_pattern,
        }

    def cut(self, column: pa.Array) -> Shingles:
        """The shingles of a large_string column without nulls."""
        text = self._ignored.column(column) if self._ignored else column
        text = lower(text) if self._lowercase else text
        tokens, offsets = self._tokens(text)
        return _with_short_rows(text, *windows(tokens, offsets, self._window))

    def _tokens(self, text: pa.Array) -> tuple[Keys, Counts]:
        """A key for each token of each row, and the offsets of the rows among them."""
        match self._tokenization:
            case "character":
                points = points_of(text)
                return points.points.astype(np.uint64), points.offsets
            case "punctuation":
                parts, offsets = flat(pc.split_pattern_regex(text, r"\p{P}"))
                utf8 = bytes_of(parts)
                return keys_of(_padded(utf8.data), utf8.offsets[:-1], utf8.offsets[1:]), offsets
            case "sentencepiece" if self._sentencepiece is not None:
                text = self._sentencepiece.cut(text)
        return token_keys(text)


def _padded(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.append(data, np.zeros(CHUNK, np.uint8))


def windows(tokens: Keys, offsets: Counts, window: int) -> tuple[Keys, Counts]:
    """A key for each window of tokens within a row, and how many each row has; changes `tokens`."""
    if loading.functions is not None:
        keys, counts = np.empty(len(tokens), np.uint64), np.empty(len(offsets) - 1, np.int64)
        made = loading.functions.window_keys(tokens, offsets, window, keys, counts)
        return keys[:made], counts
    tokens = mixed(tokens)
    counts = np.maximum(np.diff(offsets) - window + 1, 0)
    positions = np.repeat(offsets[:-1] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    keys = np.zeros(len(positions), np.uint64)
    for number in range(window):
        keys = (keys + tokens[positions + number]) * MIX
        keys ^= keys >> np.uint64(32)
    return mixed(keys), counts


def _with_short_rows(text: pa.Array, keys: Keys, counts: Counts) -> Shingles:
    short = np.flatnonzero(counts == 0)
    offsets = np.concatenate([[0], np.cumsum(np.maximum(counts, 1))])
    if not len(short):
        return Shingles(keys, offsets)
    whole = np.empty(offsets[-1], np.uint64)
    is_whole = np.zeros(len(whole), np.bool_)
    is_whole[offsets[short]] = True
    whole[is_whole] = halves(
        hashes(compared(text.take(pa.array(short)), lowercase=False, letters_only=False))
    )[0]
    whole[~is_whole] = keys
    return Shingles(whole, offsets)
