"""Compile the word lists of stopwords_filter and flagged_words_filter: data_juicer/ops/assets/*.json.

Run it where the packages of `SOURCES` are installed, in exactly these versions; it reads their data files and imports
none of them. Sources, licences and the rules below are described in docs/assets.md.

    pip install --no-deps stopwordsiso==0.7.1 badwords-py==3.0.0 glin-profanity==4.1.0 better-profanity==0.7.0
    python tools/compile_word_lists.py
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path

ASSETS = Path(__file__).parent.parent / "data_juicer" / "ops" / "assets"
SOURCES = {
    "stopwordsiso": "0.7.1",
    "badwords-py": "3.0.0",
    "glin-profanity": "4.1.0",
    "better-profanity": "0.7.0",
}
ADDED_TO = {"es_419": "es", "pt_br": "pt"}
"""Lists of a region, added to the language's own."""
CODES = {
    "arabic": "ar", "chinese": "zh", "czech": "cs", "danish": "da", "dutch": "nl", "english": "en", "esperanto": "eo",
    "finnish": "fi", "french": "fr", "german": "de", "hindi": "hi", "hungarian": "hu", "italian": "it",
    "japanese": "ja", "korean": "ko", "norwegian": "no", "persian": "fa", "polish": "pl", "portuguese": "pt",
    "russian": "ru", "spanish": "es", "swedish": "sv", "thai": "th", "turkish": "tr",
}  # fmt: skip

Words = Mapping[str, Iterable[str]]


def data_file(package: str, path: str) -> str:
    held = distribution(package)
    if held.version != SOURCES[package]:
        sys.exit(f"{package} {held.version} is installed, {SOURCES[package]} is wanted")
    return Path(str(held.locate_file(path))).read_text(encoding="utf-8")


def data_files(package: str, folder: str, suffix: str) -> dict[str, str]:
    """File name without suffix -> text, of one folder of a package."""
    paths = [
        path
        for path in distribution(package).files or ()
        if str(path.parent) == folder and path.suffix == suffix
    ]
    return {path.stem: data_file(package, str(path)) for path in paths}


def stopwords() -> Words:
    words: dict[str, list[str]] = json.loads(data_file("stopwordsiso", "stopwordsiso/stopwords-iso.json"))
    return words


def flagged_words() -> Words:
    """Every word of one or two sources; where three know the language, what two of them list, and its plurals."""
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    sources: Counter[str] = Counter()
    for source in (_badwords(), _glin(), _better_profanity()):
        for lang, words in source.items():
            votes[lang].update(tidy(words))
            sources[lang] += 1
    return {lang: _agreed(count, 2 if sources[lang] == 3 else 1) for lang, count in votes.items()}


def _agreed(votes: Counter[str], needed: int) -> set[str]:
    agreed = {word for word, count in votes.items() if count >= needed}
    return agreed | {word for word in votes if word.removesuffix("s") in agreed}


def _badwords() -> Words:
    joined: dict[str, list[str]] = defaultdict(list)
    for lang, text in data_files("badwords-py", "badwords/resource/words", ".txt").items():
        joined[ADDED_TO.get(lang, lang)] += text.splitlines()
    return joined


def _glin() -> Words:
    dictionaries = data_files("glin-profanity", "glin_profanity/data/dictionaries", ".json")
    return {CODES[name]: json.loads(text)["words"] for name, text in dictionaries.items() if name in CODES}


def _better_profanity() -> Words:
    return {"en": data_file("better-profanity", "better_profanity/profanity_wordlist.txt").splitlines()}


def tidy(words: Iterable[str]) -> set[str]:
    """Lower case, and only what holds a letter: operators compare words in lower case without outer punctuation."""
    lowered = {word.strip().lower() for word in words}
    return {word for word in lowered if any(character.isalpha() for character in word)}


def write(name: str, words: Words) -> None:
    lines = [
        f"{json.dumps(lang)}: {json.dumps(sorted(tidy(words[lang])), ensure_ascii=False)}"
        for lang in sorted(words)
    ]
    path = ASSETS / f"{name}.json"
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{path.name}: {len(words)} languages, {path.stat().st_size} bytes")


if __name__ == "__main__":
    write("stopwords", stopwords())
    write("flagged_words", flagged_words())
