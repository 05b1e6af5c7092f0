"""Summaries of rows that nobody has: random values, of which some come again, as dataset operators would make them of real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.ops.base import DatasetOperator
from data_juicer.ops.dataset import minhash
from data_juicer.ops.dataset.grouping.members import KEY
from data_juicer.ops.dataset.summaries import ROW_BYTES
from data_juicer.ops.dataset.text_hash import HASH
from data_juicer.store.gathered_rows import ROW_DIGEST
from data_juicer.store.summaries import ORIGIN

Draw = np.random.Generator
VALUES: Final = 1_000_000
"""Of fields; some are many times as frequent as others."""


def summary(operator: DatasetOperator, rows: int, seed: int) -> pa.Table:
    """Of a partition with so many rows."""
    columns = _COLUMNS[operator.name](operator, rows, np.random.default_rng(seed))
    return pa.table({**columns, ORIGIN: pa.array(np.arange(rows, dtype=np.int32))})


def _signatures(operator: Any, rows: int, draw: Draw) -> dict[str, pa.Array]:
    found = draw.integers(0, 1 << 32, (rows, operator.permutations), np.uint32)
    copies = np.flatnonzero(draw.random(rows) < 0.1)[1:]
    found[copies] = found[(copies * draw.random(len(copies))).astype(np.int64)]
    bands = minhash.band_keys(found, operator.bands, operator.rows)
    sketches = pa.array(minhash.sketches(found).reshape(-1))
    columns = {f"band_{number}": pa.array(keys) for number, keys in enumerate(bands)}
    return {**columns, "sketch": pa.FixedSizeListArray.from_arrays(sketches, found.shape[1])}


def _numbers(_: Any, rows: int, draw: Draw) -> dict[str, pa.Array]:
    return {
        "number": pa.array(draw.integers(0, 20_000, rows).astype(np.float64), mask=draw.random(rows) < 0.01)
    }


def _values(_: Any, rows: int, draw: Draw) -> dict[str, pa.Array]:
    return {"value": _hashes(rows, draw)}


def _keys(_: Any, rows: int, draw: Draw) -> dict[str, pa.Array]:
    return {
        KEY: _hashes(rows, draw),
        ROW_BYTES: pa.array(draw.integers(20, 2_000, rows)),
        ROW_DIGEST: pa.array(draw.integers(0, 1 << 63, rows).astype(np.uint64)),
    }


def _nothing(_: Any, rows: int, __: Draw) -> dict[str, pa.Array]:
    return {"row": pa.array(np.zeros(rows, np.bool_))}


def _hashes(rows: int, draw: Draw) -> pa.Array:
    """Of values of which the k-th is drawn the more often the smaller k is."""
    values: npt.NDArray[np.uint64] = (VALUES * draw.random(rows) ** 2).astype(np.uint64)
    words = np.stack([values * np.uint64(0x9E3779B97F4A7C15), values * np.uint64(0xD6E8FEB86659FD93)], axis=1)
    return pa.FixedSizeBinaryArray.from_buffers(HASH, rows, [None, pa.py_buffer(words.tobytes())])


_COLUMNS: Final[Mapping[str, Callable[[Any, int, Draw], dict[str, pa.Array]]]] = {
    "document_minhash_deduplicator": _signatures,
    "topk_specified_field_selector": _numbers,
    "frequency_specified_field_selector": _values,
    "random_selector": _nothing,
    "key_value_grouper": _keys,
}
