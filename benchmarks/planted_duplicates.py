"""Documents with planted duplicates, and the truth about them.

    python -m benchmarks.planted_duplicates OUT.jsonl TRUTH.jsonl --documents 10000 --seed 1

Every document of the result has an `id`. The truth names, for each planted document, the earlier one that it was made of,
how (`exact`, `normalised`: other case and punctuation, `near`: some words are others) and the Jaccard similarity of their
shingles of five words in lower case, which is computed and not aimed at.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

WINDOW: Final = 5
SYLLABLES: Final = [
    first + last for first in "bdfgklmnprstvz" for last in ("a", "e", "i", "o", "u", "an", "er", "is")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One document and, where it is planted, what it was made of."""

    id: int
    text: str
    kind: str = ""
    original: int = -1
    jaccard: float = 0.0


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return {tuple(words[start : start + WINDOW]) for start in range(len(words) - WINDOW + 1)}


def jaccard(one: str, other: str) -> float:
    left, right = shingles(one), shingles(other)
    return len(left & right) / len(left | right) if left | right else 1.0


def generate(documents: int, seed: int, planted_share: float = 0.3) -> Iterator[Planted]:
    """Documents in the order of the file: originals and, some way after each that has any, what was made of them."""
    draw = random.Random(seed)
    vocabulary = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 3))) for _ in range(20_000)]
    originals: list[Planted] = []
    for number in range(documents):
        if originals and draw.random() < planted_share:
            yield _plant(draw, vocabulary, number, originals.pop(draw.randrange(len(originals))))
        else:
            text = " ".join(draw.choices(vocabulary, k=draw.randint(40, 400))).capitalize() + "."
            made = Planted(id=number, text=text)
            originals.append(made)
            yield made


def _plant(draw: random.Random, vocabulary: list[str], number: int, original: Planted) -> Planted:
    kind = draw.choice(["exact", "normalised", "near", "near", "near", "near"])
    if kind == "exact":
        text = original.text
    elif kind == "normalised":
        text = original.text.upper().replace(" ", ", ", draw.randint(1, 5)) + "!"
    else:
        words = original.text.split(" ")
        for place in draw.sample(range(len(words)), int(len(words) * draw.uniform(0, 0.2))):
            words[place] = draw.choice(vocabulary)
        text = " ".join(words)
    return Planted(
        id=number, text=text, kind=kind, original=original.id, jaccard=jaccard(original.text, text)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("truth")
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with open(given.out, "w", encoding="utf-8") as out, open(given.truth, "w", encoding="utf-8") as truth:
        for made in generate(given.documents, given.seed):
            out.write(json.dumps({"id": made.id, "text": made.text}) + "\n")
            if made.kind:
                told = {"id": made.id, "original": made.original, "kind": made.kind, "jaccard": made.jaccard}
                truth.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
