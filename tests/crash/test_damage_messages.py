"""One damaged file is told once, however many checkpoints are made from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from data_juicer.storage.memory import MemoryStore
from data_juicer.testing import jobs

PROCESS = ["whitespace_normalization_mapper", "clean_links_mapper", "clean_email_mapper"]


def flipped(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]


@pytest.mark.parametrize("damage", [flipped, lambda data: data[:50]], ids=["flipped", "cut"])
def test_one_damaged_file_is_one_warning(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path, store = tmp_path / "in.jsonl", MemoryStore()
    path.write_text("".join(f'{{"text":"row {number}  of http://a.b"}}\n' for number in range(20)))
    settings = {
        "partition.size": 10,
        "checkpoint.strategy": "every_op",
        "intermediate_storage.retention_policy": "keep_all",
    }
    config = jobs.recipe("/disk", [str(path)], PROCESS, settings)
    jobs.run_inline(config, store)
    layout = jobs.layout_of(config)
    lowest = f"{layout.checkpoints_dir}/partition_000001_000.r1a1.parquet"
    store.put(lowest, damage(store.read(lowest)))
    store.remove(layout.result_manifest(1))
    store.remove(layout.summary)
    watch = jobs.Watch()
    jobs.run_inline(config, store, watch)
    (warning,) = [each for each in watch.warnings if "damaged" in each]
    assert warning.count("partition_000001_000.r1a1.parquet") == 1
    assert warning.endswith(".")
    assert not warning.endswith("..")
    assert len(store.list(f"{layout.checkpoints_dir}/set_aside")) == 3
    assert watch.started[0] == (1, 0), "the partition begins at its source"
