"""Shards of lines are cut near one byte, as if line after line had been laid into them."""

from __future__ import annotations

import random

import pytest

from data_juicer.storage.memory import MemoryStore
from data_juicer.store.export import line_shards
from data_juicer.store.export.line_shards import plan_line_shards, write_line_shard


def one_by_one(lines: list[bytes], size_bytes: int) -> list[bytes]:
    """The shards as DataJuicer's users know them: a line goes into the next one where it does not fit any more."""
    shards, present = [], b""
    for line in lines:
        if present and len(present) + len(line) > size_bytes:
            shards.append(present)
            present = b""
        present += line
    return [*shards, present]


@pytest.mark.parametrize("seed", range(40))
def test_shards_are_those_of_line_after_line(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw, store = random.Random(seed), MemoryStore()
    monkeypatch.setattr(line_shards, "_SEARCH_BYTES", draw.choice([1, 3, 1 << 16]))
    monkeypatch.setattr(line_shards, "CHUNK_BYTES", draw.choice([1, 10, 1 << 20]))
    store.make_dirs("/r")
    lines, files = [], []
    for number in range(draw.randrange(1, 6)):
        own = [b"x" * draw.randrange(0, draw.choice([4, 30])) + b"\n" for _ in range(draw.randrange(8))]
        store.stage(f"/r/{number}", b"".join(own))
        files.append((str(number), len(b"".join(own))))
        lines += own
    for size_bytes in (1, 7, 25, 10_000):
        planned = plan_line_shards(store, "/r", files, size_bytes)
        written = []
        for shard in planned:
            pieces: list[bytes] = []
            write_line_shard(store, "/r", shard, "none", pieces.append, lambda: None)
            written.append(b"".join(pieces))
        assert written == one_by_one(lines, size_bytes), (seed, size_bytes)
