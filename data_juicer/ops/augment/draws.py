"""Random numbers that follow from what they are drawn for."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

import xxhash

Chosen = TypeVar("Chosen")


class Draws:
    """Draws that follow from a seed, a name and a text alone: the same in every run, on every machine and Python.

    Of Python's generator only `random()` is used, the one function whose numbers no version may change.
    """

    def __init__(self, seed: int, name: str, text: str) -> None:
        """
        Args:
            name: tells apart what is drawn for one text.
        """
        digest = xxhash.xxh3_64_intdigest(f"{seed}:{name}:{text}".encode())
        self._next = Random(digest).random  # noqa: S311 - no secret

    def below(self, count: int) -> int:
        """A number in [0, count)."""
        return int(self._next() * count)

    def chance(self, probability: float) -> bool:
        return self._next() < probability

    def one(self, choices: Sequence[Chosen]) -> Chosen:
        """One of the choices, of which there is at least one."""
        return choices[self.below(len(choices))]

    def some(self, choices: Sequence[Chosen], count: int) -> list[Chosen]:
        """So many different ones of the choices, all of them where there are no more, in a random order."""
        pool = list(choices)
        count = min(count, len(pool))
        for place in range(count):
            other = place + self.below(len(pool) - place)
            pool[place], pool[other] = pool[other], pool[place]
        return pool[:count]
