"""Keeps rows by the share of stopwords among their words."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from data_juicer.ops.bases.word_list_filter import WordListFilter
from data_juicer.ops.resources import word_lists
from data_juicer.ops.resources.sentencepiece_model import SentencePieceModel


class StopwordsFilter(WordListFilter):
    """Stopword ratio: keeps rows in which stopwords make up `min_ratio` to `max_ratio` of all words.

    Words are compared in lower case, without special characters at their ends. A text without words has 0.0.

    Args:
        lang: language of the list; `all`: the lists of all languages together.
        tokenization: cut texts into words by the SentencePiece model `{lang}.sp.model`, as for texts without spaces.
        min_ratio: least share.
        max_ratio: greatest share.
        stopwords_dir: folder of `*stopwords*.json` with `{language: [word, ...]}`; where the default folder has none, the
            lists of this package are used.
        use_words_aug: count groups of neighbouring words as words too, as for Chinese and Vietnamese.
        words_aug_group_sizes: words of a group.
        words_aug_join_char: what is put between the words of a group.
    """

    name: ClassVar[str] = "stopwords_filter"
    version: ClassVar[int] = 2
    stats_key = "stopwords_ratio"

    def __init__(
        self,
        lang: str = "en",
        tokenization: bool = False,
        min_ratio: float | None = 0.3,
        max_ratio: float | None = 1.0,
        stopwords_dir: str = word_lists.DEFAULT_FOLDER,
        use_words_aug: bool = False,
        words_aug_group_sizes: list[Annotated[int, msgspec.Meta(ge=1)]] = [2],  # noqa: B006 - never changed
        words_aug_join_char: str = "",
    ) -> None:
        super().__init__(
            word_lists.load("stopwords", stopwords_dir, lang, operator=self.name),
            (min_ratio, max_ratio),
            SentencePieceModel(lang, self.name) if tokenization else None,
            words_aug_group_sizes if use_words_aug else (),
            words_aug_join_char,
        )
