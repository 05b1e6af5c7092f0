"""Several drivers on one store that take turns at every operation of it, in an order that a seed decides.

Each driver has a thread, of which one at a time runs; before each operation of the store the turn may go to another one. A
driver that is not given a turn for long is one that is frozen: suspended, swapped out, or waits for a slow disk.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from data_juicer.storage.disk import DiskStore, Sink
from data_juicer.storage.memory import AppendingStream
from data_juicer.storage.wrapped import WrappedDisk

SPANS: Final = (1, 1, 2, 3, 5, 10, 30, 100, 400, 10_000)
"""Operations that a driver does before the next draw; the last ones freeze the others until it has ended."""
CHANGES: Final = frozenset({"link", "replace", "remove", "append", "truncate"})
"""Operations that come right after a look at the claims."""
FREEZES: Final = 0.1
"""Of the changes, before how many the turn is given anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a driver ended."""

    result: Any = None
    error: BaseException | None = None


class Turns:
    """Who may do the next operation."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._turn = threading.Condition()
        self._live: list[str] = []
        self._starts: dict[str, int] = {}
        self._current = ""
        self._left = 0
        self.history: list[str] = []
        """Driver and operation of each turn, for who looks into a failure."""

    def run(self, drivers: dict[str, Callable[[], Any]], starts: dict[str, int]) -> dict[str, Ended]:
        """Run the drivers until all have ended.

        Args:
            starts: the number of operations of all after which a driver begins; 0 if it is not named.
        """
        ended: dict[str, Ended] = {}

        def drive(name: str) -> None:
            try:
                self._wait_for_turn(name)
                ended[name] = Ended(result=drivers[name]())
            except BaseException as error:
                ended[name] = Ended(error=error)
            finally:
                self._leave(name)

        self._starts = {name: starts.get(name, 0) for name in drivers}
        self._live = list(drivers)
        self._give()
        threads = [threading.Thread(target=drive, args=(name,), name=name) for name in drivers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ended

    def take(self, name: str, operation: str) -> None:
        """Called by a driver before it does an operation; returns when it is its turn."""
        with self._turn:
            self._left -= 1
            is_change = operation.split(maxsplit=1)[0] in CHANGES and self._rng.random() < FREEZES
            if self._left <= 0 or is_change:
                self._give()
        self._wait_for_turn(name)
        self.history.append(f"{name} {operation}")

    def _wait_for_turn(self, name: str) -> None:
        with self._turn:
            self._turn.wait_for(lambda: self._current == name)

    def _leave(self, name: str) -> None:
        with self._turn:
            self._live.remove(name)
            if self._live:
                self._give()

    def _give(self) -> None:
        """Draw who goes on and for how long; the first that will begin, where nobody has."""
        with self._turn:
            begun = [name for name in self._live if self._starts[name] <= len(self.history)]
            waiting = [self._starts[name] for name in self._live if name not in begun]
            self._current = (
                self._rng.choice(begun) if begun else min(self._live, key=self._starts.__getitem__)
            )
            span = self._rng.choice(SPANS)
            self._left = min([span, *(start - len(self.history) for start in waiting)]) if begun else span
            self._turn.notify_all()


class TurnStore(WrappedDisk):
    """A disk as one driver sees it."""

    def __init__(self, inner: DiskStore, turns: Turns, name: str) -> None:
        super().__init__(inner)
        self._turns = turns
        self._name = name
        self._numbers = itertools.count()

    def create(self, path: str, size_bytes: int | None = None) -> AppendingStream:
        self.write(path, b"")
        return AppendingStream(self, path)

    def copy_into(self, source: str, sink: Sink) -> None:
        DiskStore.copy_into(self, source, sink)

    def aside(self, path: str) -> str:
        return f"{path}.{self._name}.{next(self._numbers)}.aside"  # drivers are processes of their own

    def is_own_aside(self, path: str) -> bool:
        return path.endswith(".aside") and f".{self._name}." in path


def _taking_a_turn(operation: str) -> Callable[..., Any]:
    def do(self: TurnStore, *arguments: Any, **named: Any) -> Any:
        self._turns.take(self._name, " ".join([operation, *(a for a in arguments if isinstance(a, str))]))
        return getattr(self._inner, operation)(*arguments, **named)

    return do


for _operation, _value in vars(WrappedDisk).items():
    if callable(_value) and not _operation.startswith("_") and _operation not in vars(TurnStore):
        setattr(TurnStore, _operation, _taking_a_turn(_operation))
