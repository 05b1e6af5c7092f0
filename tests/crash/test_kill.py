"""Real processes, killed at random moments: drivers with all that is in their hands, and single workers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.killing import LOCAL, Place, kill_drivers, kill_workers, make_place

PROCESS: list[Any] = [
    "fix_unicode_mapper",
    "clean_links_mapper",
    "poisoned_mapper",
    "whitespace_normalization_mapper",
    {"words_num_filter": {"min_num": 5}},
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_place(tmp_path_factory.mktemp("kill"), PROCESS, LOCAL)


def test_drivers_killed_at_random_moments(place: Place) -> None:
    kill_drivers(place, kills=3, seed=1)


def test_workers_killed_at_random_moments(place: Place) -> None:
    kill_workers(place, kills=2, seed=2)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_sixty_drivers_killed_at_random_moments(place: Place) -> None:
    kill_drivers(place, kills=60, seed=20260313)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_forty_workers_killed_at_random_moments(place: Place) -> None:
    kill_workers(place, kills=40, seed=20260314)
