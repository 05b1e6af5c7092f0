"""Jobs over one file each that share an index of a deduplicator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_juicer.config.schema import JobConfig
from data_juicer.storage.base import Store
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.store.index.versions import (
    IndexVersion,
    find_newest,
)
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore

INDEX = "/disk/texts.index"
UPDATES: dict[str, Any] = {"dedup_index": INDEX, "update": True}
EXACT = "document_deduplicator"
MINHASH = "document_minhash_deduplicator"
SIMHASH = "document_simhash_deduplicator"
UID = "document_minhash_deduplicator_with_uid"
PARAMETERS: dict[str, dict[str, Any]] = {
    EXACT: {"lowercase": True},
    MINHASH: {"window_size": 1, "num_permutations": 64},
    SIMHASH: {"window_size": 1},
    UID: {"window_size": 1, "num_permutations": 64},
}
WORDS = ("the", "a", "some", "row", "of", "many", "words", "that", "come", "again", "and", "more")


class Snapshots:
    """Jobs over one file each, on one store; their index is there too."""

    def __init__(self, folder: Path, store: MemoryStore | None = None) -> None:
        self.folder = folder
        self.store = store or MemoryStore()

    def config(self, name: str, texts: Sequence[str], operator: Any, **settings: Any) -> JobConfig:
        path = self.folder / f"{name}.jsonl"
        rows = [{"text": text, "__dj__uid": len(texts) - number} for number, text in enumerate(texts)]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        given = {"partition.size": 3, **settings}
        return jobs.recipe(f"/disk/{name}", [str(path)], [operator], given)

    def run(self, name: str, texts: Sequence[str], operator: Any = None, **settings: Any) -> list[str]:
        """The texts that stay."""
        config = self.config(name, texts, operator or {EXACT: UPDATES}, **settings)
        jobs.run_inline(config, self.store)
        return texts_of(config, self.store)

    @property
    def index(self) -> IndexVersion:
        newest = find_newest(self.store, INDEX)
        assert newest is not None
        return newest


def texts_of(config: JobConfig, store: Store) -> list[str]:
    (data,) = jobs.exported(config, store).values()
    return [json.loads(line)["text"] for line in data.splitlines()]


def report_of(config: JobConfig, store: Store) -> list[dict[str, Any]]:
    path = jobs.layout_of(config).dedup_report
    return list(pq.read_table(pa.BufferReader(store.read(path))).to_pylist())


def chained(count: int) -> list[str]:
    """Texts of which many are equal and many nearly so."""
    return [
        " ".join(WORDS[(number * (1 + number % 3) + at) % (7 + number % 5)] for at in range(9))
        for number in range(count)
    ]


def undisturbed(snapshots: Snapshots, config: JobConfig) -> CrashingStore:
    whole = CrashingStore(snapshots.store.after_power_loss(Loss.NOTHING), None)
    jobs.run_inline(config, whole)
    return whole
