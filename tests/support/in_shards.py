"""Resolves in shards, however small they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from data_juicer.engine.driver import resolve_shards


def sharded(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """From its call on every resolve that can be shared out has about so many shards a step, and groups of so many rows."""

    def use(shards: int, group_rows: int) -> None:
        monkeypatch.setattr(resolve_shards, "SHARDED_KEYS", 0)
        monkeypatch.setattr(resolve_shards, "SHARDS", shards)
        monkeypatch.setattr(resolve_shards, "GROUP_ROWS", group_rows)

    return use
