"""Drivers and workers of a recipe with dataset-wide operators, killed at random moments with real processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import test_kill
from test_kill import Place, kill_drivers, kill_workers, make_place

PROCESS: list[Any] = [
    {"document_deduplicator": {"lowercase": True}},
    "clean_links_mapper",
    "poisoned_mapper",
    {"document_minhash_deduplicator": {"window_size": 2}},
    {"random_selector": {"select_ratio": 0.9}},
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_kill, "PROCESS", PROCESS)
        yield make_place(tmp_path_factory.mktemp("kill"))


def test_drivers_killed_at_random_moments(place: Place) -> None:
    kill_drivers(place, kills=3, seed=3)


def test_workers_killed_at_random_moments(place: Place) -> None:
    kill_workers(place, kills=2, seed=4)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_forty_drivers_killed_at_random_moments(place: Place) -> None:
    kill_drivers(place, kills=40, seed=20260315)
