"""Helpers around words and sentences, where operators written for DataJuicer look for them."""

from data_juicer.ops.common.helper_func import (
    get_sentences_from_document,
    get_words_from_document,
    merge_on_whitespace_tab_newline,
    split_on_newline_tab_whitespace,
    split_on_whitespace,
    split_text_by_punctuation,
    strip,
    words_augmentation,
    words_refinement,
)
from data_juicer.ops.common.special_characters import SPECIAL_CHARACTERS

__all__ = [
    "SPECIAL_CHARACTERS",
    "get_sentences_from_document",
    "get_words_from_document",
    "merge_on_whitespace_tab_newline",
    "split_on_newline_tab_whitespace",
    "split_on_whitespace",
    "split_text_by_punctuation",
    "strip",
    "words_augmentation",
    "words_refinement",
]
