"""Lists of words for operators written for DataJuicer."""

from __future__ import annotations

import json
import os

from data_juicer.ops.resources.word_lists import find_lists
from data_juicer.utils.cache_utils import DATA_JUICER_ASSETS_CACHE

ASSET_DIR = DATA_JUICER_ASSETS_CACHE


def load_words_asset(words_dir: str, words_type: str) -> dict[str, list[str]]:
    """Words by language, out of every JSON file of the folder whose name holds `words_type`, else those of this package.

    Raises: ValueError: neither has such a list.
    """
    words: dict[str, list[str]] = {}
    for file in find_lists(words_type, words_dir):
        with open(file, encoding="utf-8") as stream:
            for language, listed in json.load(stream).items():
                words.setdefault(language, []).extend(listed)
    if not words:
        raise ValueError(f"{os.path.abspath(words_dir)} holds no file *{words_type}*.json")
    return words
