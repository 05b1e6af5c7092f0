"""What the tests of crashes share."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.formats.compression import compress
from data_juicer.formats.registry import SUFFIXES
from tests.support.crash_recipes import ROWS, lines, small_job


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., JobConfig]:
    """The small job over one file, whose name says how it is packed; Parquet has one row group, which is too large for a partition."""

    def make(name: str = "in.jsonl", **settings: Any) -> JobConfig:
        path = tmp_path / name
        path.write_bytes(
            _parquet() if name.endswith(".parquet") else compress(lines(ROWS), SUFFIXES[_suffix(name)][1])
        )
        return small_job([path], **settings)

    return make


def _suffix(name: str) -> str:
    return name[name.index(".") :]


def _parquet() -> bytes:
    """The rows of the small job that are JSON, as far as columns can hold them."""
    texts = [json.loads(row)["text"] for row in ROWS if row.endswith(b"}")]
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": texts, "n": list(range(len(texts)))}), sink)
    return sink.getvalue()
