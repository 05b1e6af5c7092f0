"""What a resume asks the disk for, a partition: at 100,000 of them each request is a second."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from data_juicer.storage.disk import Sink
from data_juicer.storage.files import Stat
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing import jobs


class CountingStore(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def read(self, path: str) -> bytes:
        self.asked["manifests"] += path.endswith(".json") and "/results/partition_" in path
        return super().read(path)

    def stat(self, path: str) -> Stat:
        self.asked["sizes"] += "/results/partition_" in path and not self.is_joining
        return super().stat(path)

    is_joining = False

    def copy_into(self, source: str, sink: Sink) -> None:
        self.is_joining = True
        super().copy_into(source, sink)
        self.is_joining = False


def test_a_resume_reads_each_manifest_once_and_asks_for_no_size(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(f'{{"text":"row {number}"}}\n' for number in range(50)))
    config = jobs.recipe("/disk", [str(path)], ["whitespace_normalization_mapper"], {"partition.size": 1})
    store = CountingStore()
    jobs.run_inline(config, store)
    layout = jobs.layout_of(config)
    store.remove(layout.result_manifest(7))
    store.remove(layout.summary)
    store.asked.clear()
    jobs.run_inline(config, store)
    assert store.asked["manifests"] == 49 + 2, "of each, and of the new one twice"
    assert store.asked["sizes"] == 0
