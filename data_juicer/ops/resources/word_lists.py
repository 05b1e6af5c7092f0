"""Lists of words by language: stopwords and flagged words, those of this package or of a folder that a recipe names."""

from __future__ import annotations

import os
from typing import Final, Literal

import msgspec

from data_juicer.errors import ConfigError
from data_juicer.ops.resources.models import copy_here

Kind = Literal["stopwords", "flagged_words"]

DEFAULT_FOLDER: Final = "~/.cache/data_juicer/assets"
"""DataJuicer's; lists that it put there go before the package's own."""
ALL: Final = "all"
"""The language that stands for all of them together."""

_PACKAGE_FOLDER: Final = os.path.join(os.path.dirname(os.path.dirname(__file__)), "assets")


class WordList(msgspec.Struct, frozen=True, kw_only=True):
    words: frozenset[str]
    files: tuple[str, ...]
    """Where the words come from."""
    notices: tuple[str, ...] = ()
    """What people are told about where they come from."""


def load(kind: Kind, folder: str, lang: str, *, operator: str) -> WordList:
    """The words of one language.

    Args:
        folder: holds JSON files `{language: [word, ...]}` whose names contain `kind`; several are joined. The lists of
            this package are used, with a notice, where it does not exist: recipes of DataJuicer's name folders into
            which it downloads.
    Raises: ConfigError: the folder has no such file, a file is damaged, or the language has no list.
    """
    path = copy_here(os.path.expanduser(folder))
    files = _files(kind, path)
    is_missing = not os.path.exists(path)
    is_default = path == os.path.expanduser(DEFAULT_FOLDER)
    if not files and (is_missing or is_default):
        files = _files(kind, _PACKAGE_FOLDER)
    if not files:
        raise ConfigError(f"operator {operator}: {kind}_dir {folder!r} holds no file *{kind}*.json")
    lists: dict[str, list[str]] = {}
    for file in files:
        for language, words in _decoded(file, operator).items():
            lists.setdefault(language, []).extend(words)
    lists.setdefault(ALL, [word for words in lists.values() for word in words])
    if lang not in lists:
        raise ConfigError(
            f"operator {operator}: lang {lang!r} has no list of {kind} in {', '.join(files)}."
            f" Allowed: {', '.join(sorted(lists))}"
        )
    notice = f"{kind}_dir: {folder} does not exist; the {kind} of this package are used"
    return WordList(
        words=frozenset(lists[lang]), files=files, notices=(notice,) if is_missing and not is_default else ()
    )


def find_lists(kind: str, folder: str) -> tuple[str, ...]:
    """The files of a folder whose names hold `kind`; where it has none, those of this package."""
    return _files(kind, copy_here(os.path.expanduser(folder))) or _files(kind, _PACKAGE_FOLDER)


def _files(kind: str, folder: str) -> tuple[str, ...]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return ()
    return tuple(os.path.join(folder, name) for name in names if kind in name and name.endswith(".json"))


def _decoded(file: str, operator: str) -> dict[str, list[str]]:
    try:
        with open(file, "rb") as stream:
            return msgspec.json.decode(stream.read(), type=dict[str, list[str]])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"operator {operator}: {file} is no list of words by language: {error}") from error
