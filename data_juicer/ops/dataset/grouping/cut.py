"""Which partition makes which groups. Pure."""

from __future__ import annotations

import msgspec


class GroupCut(msgspec.Struct, frozen=True, kw_only=True):
    """Which partition makes a group: the one in whose share of all bytes its first one falls."""

    bytes_before: int
    """Of all groups before the first of these."""
    share_bytes: int
    """Of each partition."""


def share_of(total_bytes: int, partitions: int) -> int:
    return max(1, -(-total_bytes // max(1, partitions)))
