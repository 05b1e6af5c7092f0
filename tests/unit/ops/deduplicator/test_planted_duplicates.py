"""Deduplicators on documents with planted duplicates, in memory and out of it, in one partition and in many."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from benchmarks.planted_duplicates import Planted, generate
from data_juicer.ops.base import DatasetOperator
from data_juicer.ops.catalog import registry
from data_juicer.testing.dataset_operators import decide
from data_juicer.testing.rows import batch_of

MINHASH = "document_minhash_deduplicator"
SMALL_BYTES = 1 << 16
"""So little that every array, bucket and signature goes to the disk."""


@cache
def documents() -> list[Planted]:
    return list(generate(3000, seed=1))


def removed(name: str, params: dict[str, Any], size: int, folder: Path, memory: int = 1 << 30) -> set[int]:
    operator = registry.make(name, params)
    assert isinstance(operator, DatasetOperator)
    rows = [{"text": made.text} for made in documents()]
    batches = [batch_of(rows[start : start + size]) for start in range(0, len(rows), size)]
    keep = [
        kept for table in decide(operator, batches, str(folder), memory) for kept in table["keep"].to_pylist()
    ]
    return {number for number, kept in enumerate(keep) if not kept}


def test_exact_ones_are_found_and_no_other_is(tmp_path: Path) -> None:
    exact = {made.id for made in documents() if made.kind == "exact" or made.text == _original(made)}
    assert removed("document_deduplicator", {}, 1000, tmp_path) == exact
    assert removed("ray_document_deduplicator", {}, 100, tmp_path, SMALL_BYTES // 8) == exact


def test_normalised_ones_are_found_and_no_other_is(tmp_path: Path) -> None:
    same = {
        made.id
        for made in documents()
        if made.kind in {"exact", "normalised"} or made.text == _original(made)
    }
    params = {"lowercase": True, "ignore_non_character": True}
    assert removed("document_deduplicator", params, 1000, tmp_path) == same


def _original(made: Planted) -> str:
    return documents()[made.original].text if made.kind else ""


def test_near_ones_are_found_and_unlike_ones_stay(tmp_path: Path) -> None:
    found = removed(MINHASH, {}, 1000, tmp_path)
    alike = {made.id for made in documents() if made.jaccard >= 0.8}
    unlike = {made.id for made in documents() if made.jaccard < 0.5}
    assert len(alike & found) >= 0.95 * len(alike)
    assert len(unlike & found) <= 0.001 * len(unlike)
    assert len(alike) > 300
    assert len(unlike) > 2000


@pytest.mark.parametrize("name", [MINHASH, "document_simhash_deduplicator", "document_deduplicator"])
def test_neither_partitions_nor_memory_change_what_is_found(tmp_path: Path, name: str) -> None:
    assert removed(name, {}, 1000, tmp_path) == removed(name, {}, 70, tmp_path, SMALL_BYTES)


@pytest.mark.parametrize("name", [MINHASH, "document_simhash_deduplicator"])
def test_short_texts_are_the_same_only_if_they_are_equal(name: str) -> None:
    operator = registry.make(name, {})
    assert isinstance(operator, DatasetOperator)
    texts = ["red apple", "blue sky", "Red Apple ", "12345", "67890", "", " ", "这条老街", "那条老街"]
    (table,) = decide(operator, [batch_of([{"text": text} for text in texts])])
    assert [text for text, keep in zip(texts, table["keep"].to_pylist(), strict=True) if not keep] == [
        "Red Apple ",
        " ",
    ]


def test_names_of_the_ray_ones_take_their_parameters_and_mean_the_same() -> None:
    plain = registry.make(MINHASH, {"jaccard_threshold": 0.6})
    given = {"jaccard_threshold": 0.6, "union_threshold": 256, "actor_memory": None}
    alias = registry.make("ray_bts_minhash_deduplicator", given)
    assert (alias.name, alias.canonical) == (plain.name, plain.canonical)
