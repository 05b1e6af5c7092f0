"""Where the first so many keys of an order end. Pure."""

from __future__ import annotations

import msgspec


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """Keys that are below `prefix` are among the first so many; of those that begin with it, some are."""

    prefix: tuple[int, ...] = ()
    """Digits, each below 2^16, the most significant one first."""
    left: int
    """How many of the keys that begin with the prefix are among the first."""
    of: int
    """How many keys begin with it."""

    @staticmethod
    def first(count: int, of: int) -> Bound:
        """The first `count` of so many keys, before any key was looked at; more than there are means all."""
        return Bound(left=min(count, of), of=of)

    @property
    def is_found(self) -> bool:
        """Whether no more digits have to be known: all keys that begin with the prefix are among the first, or none is."""
        return self.left in (0, self.of)
