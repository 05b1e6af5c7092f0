"""What several operators ask of one text column, computed once for each batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from data_juicer.kernels.characters.codepoints import Counts, lengths
from data_juicer.kernels.lines.lines import line_counts, line_lengths
from data_juicer.kernels.words.alphanumeric_words import alphanumeric_keys
from data_juicer.kernels.words.word_keys import word_keys
from data_juicer.kernels.words.words import count_words, words_of
from data_juicer.rows.batch import Batch

if TYPE_CHECKING:
    from data_juicer.ops.resources.sentencepiece_model import SentencePieceModel


def shared_lengths(batch: Batch, key: str) -> Counts:
    """Characters of each row of the text column `key`, counted once for all operators."""
    return batch.shared(key, "length", make=lengths)


def shared_line_lengths(batch: Batch, key: str) -> pa.Array:
    """`line_lengths` of the text column `key`, done once for all operators."""
    return batch.shared(key, "line lengths", make=line_lengths)


def shared_line_counts(batch: Batch, key: str) -> Counts:
    """Lines of each row of the text column `key`, counted once for all operators."""
    return batch.shared(key, "line count", make=line_counts)


def shared_word_counts(batch: Batch, key: str) -> Counts:
    """`count_words` of the text column `key`, done once for all operators."""
    return batch.shared(key, "refined word count", make=count_words)


def shared_words(batch: Batch, key: str, *, lower: bool = False, strip: bool = False) -> pa.Array:
    """`words_of` the text column `key`, done once for all operators that want them in the same form."""
    form = ("lower" if lower else "", "strip" if strip else "")
    return batch.shared(key, "words", *form, make=lambda column: words_of(column, lower=lower, strip=strip))


def shared_alphanumeric_keys(batch: Batch, key: str) -> pa.Array:
    """`alphanumeric_keys` of the text column `key`, made once for all operators."""
    return batch.shared(key, "alphanumeric keys", make=alphanumeric_keys)


def shared_word_keys(batch: Batch, key: str, sentencepiece: SentencePieceModel | None = None) -> pa.Array:
    """A key for each refined word of the text column `key`: large_list of uint64, made once for all operators.

    Equal words have equal keys; two different ones of a batch of 10^6 words share a key with a chance of some 10^-8.

    Args:
        sentencepiece: the model that cuts the text into words; None: words are what is between spaces, tabs and newlines.
    """
    if sentencepiece is None:
        return batch.shared(key, "word keys", make=word_keys)
    return batch.shared(
        key, "word keys", sentencepiece.path, make=lambda _: word_keys(sentencepiece.joined(batch, key))
    )
