"""Bounds for regular expressions that need a backtracking engine, on every backend.

One call may take `LIMIT_S` seconds of processor time. The slow texts of one operator and partition share `BUDGET_S`; once it is
used up, a call may take `LEAST_S`, or what an ordinary text of this length takes with much room. A text on which an expression
ran out of time is not tried again, so that finding it among others costs its time once.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    import regex

LIMIT_S: Final = 10.0
"""Seconds that one call may take; then it raises TimeoutError and the row is a dead letter."""
SLOW_S: Final = 1.0
"""What a call takes beyond this counts against the budget."""
BUDGET_S: Final = 60.0
LEAST_S: Final = 0.1
LEAST_S_PER_CHARACTER: Final = 1e-6

_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_LITERAL: Final = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[ntrfv]|\\[^0-9A-Za-z])+")

_Result = TypeVar("_Result")


def literal_of(pattern: str) -> str | None:
    """The one string that a regular expression matches, where that is plain to see."""
    if not _LITERAL.fullmatch(pattern):
        return None
    return re.sub(r"\\(.)", lambda escape: _CONTROLS.get(escape[1], escape[1]), pattern, flags=re.DOTALL)


class TimeBudget:
    """What the calls for one operator and partition have used of their time."""

    def __init__(self) -> None:
        self._left_s = BUDGET_S
        self._ran_out: set[tuple[str, str]] = set()
        """What ran out of time, and the text."""

    def limit_s(self, what: str, text: str) -> float:
        """How long the next call may take. Raises: TimeoutError: this one ran out of time before."""
        if self._ran_out and (what, text) in self._ran_out:
            raise TimeoutError(_timeout_text(what, text))
        if self._left_s >= LIMIT_S:
            return LIMIT_S
        left_s = self._left_s if self._left_s > SLOW_S else 0.0
        return max(left_s, min(LIMIT_S, LEAST_S + LEAST_S_PER_CHARACTER * len(text)))

    def took(self, seconds: float) -> None:
        if seconds > SLOW_S:
            self._left_s = max(0.0, self._left_s - (seconds - SLOW_S))

    def ran_out(self, what: str, text: str) -> TimeoutError:
        self._ran_out.add((what, text))
        return TimeoutError(_timeout_text(what, text))


def _timeout_text(what: str, text: str) -> str:
    shown = what if len(what) <= 100 else f"{what[:97]}..."
    return f"{shown} ran out of time on a text of {len(text):,} characters"


_current = TimeBudget()


def new_budget() -> None:
    """Calls from now on are for another operator or partition. A worker does one at a time."""
    global _current  # noqa: PLW0603 - patterns are called far below operators, whose interface has no place for it
    _current = TimeBudget()


def seconds_with_children() -> float:
    """Processor time of this process and of those that it has waited for."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def limited(
    what: str,
    text: str,
    work: Callable[[float], _Result],
    clock_s: Callable[[], float] = time.process_time,
) -> _Result:
    """What `work`, given the seconds that it may take, makes of a text.

    Args:
        what: what runs out of time, such as an expression; begins a sentence.
        clock_s: tells how much processor time was used.
    Raises: TimeoutError: `work` raised it, now or for this text before.
    """
    budget = _current
    limit_s = budget.limit_s(what, text)
    started_s = clock_s()
    try:
        return work(limit_s)
    except TimeoutError:
        raise budget.ran_out(what, text) from None
    finally:
        budget.took(clock_s() - started_s)


class LimitedPattern:
    """A compiled expression of the `regex` module whose calls end within the limits above.

    Methods raise TimeoutError: it took longer.
    """

    def __init__(self, compiled: regex.Pattern[str]) -> None:
        self._compiled = compiled
        self._name = f"the pattern {compiled.pattern}"

    @property
    def groups(self) -> int:
        return int(self._compiled.groups)

    def search(self, text: str) -> regex.Match[str] | None:
        return self._limited(lambda limit_s: self._compiled.search(text, timeout=limit_s), text)

    def find_all(self, text: str) -> list[regex.Match[str]]:
        return self._limited(lambda limit_s: list(self._compiled.finditer(text, timeout=limit_s)), text)

    def sub(self, replaced: str | Callable[[Any], str], text: str) -> str:
        return self._limited(lambda limit_s: str(self._compiled.sub(replaced, text, timeout=limit_s)), text)

    def _limited(self, call: Callable[[float], _Result], text: str) -> _Result:
        return limited(self._name, text, call)


class TimedPattern(LimitedPattern):
    """A regular expression out of a recipe, as Python's `re` has it."""

    def __init__(self, pattern: str, name: str) -> None:
        """Raises: ValueError: no regular expression; `name` is what the recipe calls it."""
        import regex

        try:
            super().__init__(regex.compile(pattern, regex.VERSION0))
        except regex.error as error:
            raise ValueError(f"{name} {pattern!r}: {error}") from error
        self.pattern = pattern
        self.literal = literal_of(pattern)

    def is_in(self, text: str) -> bool:
        return self.search(text) is not None

    def split(self, text: str) -> Sequence[str | None]:
        if self.literal:
            return text.split(self.literal)
        return self._limited(lambda limit_s: list(self._compiled.split(text, timeout=limit_s)), text)

    def matches(self, text: str) -> Iterator[regex.Match[str]]:
        return iter(self.find_all(text))
