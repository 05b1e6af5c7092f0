"""Punkt models of sentences, as NLTK has them: folders of plain text, found where NLTK looks; nothing is downloaded."""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Final

from data_juicer.errors import ConfigError

LANGUAGES: Final = {"en": "english", "fr": "french", "es": "spanish", "pt": "portuguese"}
_FILES: Final = ("abbrev_types.txt", "collocations.tab", "ortho_context.tab", "sent_starters.txt")


def punkt_files(lang: str, *, operator: str) -> tuple[str, ...]:
    """The files of the model of a language.

    Raises: ConfigError: no folder that is searched has all of them.
    """
    folders = _data_folders()
    for folder in folders:
        model = os.path.join(folder, "tokenizers", "punkt_tab", LANGUAGES[lang])
        files = tuple(os.path.join(model, name) for name in _FILES)
        if all(map(os.path.isfile, files)):
            return files
    raise ConfigError(
        f"{operator}: the Punkt model tokenizers/punkt_tab/{LANGUAGES[lang]} is in none of {', '.join(folders)}."
        " Put it there (python -m nltk.downloader punkt_tab), or name its folder: export NLTK_DATA=FOLDER"
    )


def load_punkt(files: tuple[str, ...]) -> Any:
    """The tokenizer of these model files; its `tokenize` gives the sentences of a text."""
    from nltk.tabdata import PunktDecoder
    from nltk.tokenize import punkt

    decoder = PunktDecoder()
    abbreviations, collocations, contexts, starters = map(_lines, files)
    parameters = punkt.PunktParameters()
    parameters.abbrev_types = decoder.txt2set(abbreviations)
    parameters.collocations = set(decoder.tab2tups(collocations))
    parameters.ortho_context = decoder.tab2intdict(contexts)
    parameters.sent_starters = decoder.txt2set(starters)
    return punkt.PunktSentenceTokenizer(parameters, lang_vars=_language(punkt), token_cls=_tokens(punkt))


def _language(punkt: Any) -> Any:
    """NLTK's expressions of a language, on the engine of Python.

    From 3.10.4 on NLTK runs them on `regex`, to which the separators U+001C to U+001F are no white space.
    """

    class Language(punkt.PunktLanguageVars):  # type: ignore[misc] # NLTK has no types
        re_boundary_realignment = _standard(punkt.PunktLanguageVars.re_boundary_realignment)

        def _word_tokenizer_re(self) -> re.Pattern[str]:
            return _standard(super()._word_tokenizer_re())

        def period_context_re(self) -> re.Pattern[str]:
            return _standard(super().period_context_re())

    return Language()


def _tokens(punkt: Any) -> Any:
    """NLTK's class of tokens with the expressions that judge them, on the engine of Python too."""
    names = [name for name in vars(punkt.PunktToken) if name.startswith("_RE_")]
    patterns = {name: _standard(getattr(punkt.PunktToken, name)) for name in names}
    return type("Token", (punkt.PunktToken,), {"__slots__": (), **patterns})


def _standard(pattern: Any) -> re.Pattern[str]:
    return re.compile(pattern.pattern, pattern.flags & int(re.MULTILINE | re.VERBOSE | re.IGNORECASE))


def _lines(path: str) -> list[str]:
    with open(path, encoding="utf-8") as stream:
        return stream.readlines()


def _data_folders() -> list[str]:
    named = [folder for folder in os.environ.get("NLTK_DATA", "").split(os.pathsep) if folder]
    own = [
        os.path.expanduser("~"),
        sys.prefix,
        os.path.join(sys.prefix, "share"),
        "/usr/share",
        "/usr/local/share",
    ]
    return [*named, *(os.path.join(folder, "nltk_data") for folder in own)]
