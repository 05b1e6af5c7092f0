"""What the tests of crashes share."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_juicer.config.schema import JobConfig
from tests.support.crash_recipes import ROWS, lines, small_job


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., JobConfig]:
    """The small job over one file, which is plain or gzip by its name."""

    def make(name: str = "in.jsonl", **settings: Any) -> JobConfig:
        path = tmp_path / name
        path.write_bytes(gzip.compress(lines(ROWS), mtime=0) if name.endswith(".gz") else lines(ROWS))
        return small_job([path], **settings)

    return make
