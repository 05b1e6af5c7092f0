"""Rows that a Python program holds, written once to a file that a job can read and a resume can find again."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from data_juicer.errors import ConfigError
from data_juicer.storage import open_store
from data_juicer.storage.locations.uri import absolute

IN_MEMORY: Final = "in_memory"
"""The folder of such files below a work directory."""


def check_only_input(overrides: Mapping[str, Any]) -> None:
    """Raises: ConfigError: the caller gives `dataset_path` beside rows in memory."""
    if overrides.get("dataset_path"):
        raise ConfigError(
            "dataset= is given together with dataset_path; give one of them. Nothing was created."
        )


def stage_rows(dataset: Any, work_dir: str) -> str:
    """Write the rows below a work directory, under a name made of their content; the same rows are written once.

    Returns: the path. Raises: ConfigError: the rows are of a kind that is not known.
    """
    import xxhash

    data, suffix = _encode(dataset)
    folder = os.path.join(absolute(work_dir), IN_MEMORY)
    path = os.path.join(folder, f"rows_{xxhash.xxh3_128_hexdigest(data)}{suffix}")
    store = open_store(folder)
    if not store.exists(path):
        store.make_dirs(folder)
        store.put(path, data)
    return path


def _encode(dataset: Any) -> tuple[bytes, str]:
    """The bytes of a file with these rows, and its suffix."""
    if isinstance(dataset, Sequence) and all(isinstance(row, Mapping) for row in dataset):
        return _json_lines(dataset), ".jsonl"
    return _parquet(_table(dataset)), ".parquet"


def _json_lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    import msgspec

    lines = []
    for number, row in enumerate(rows):
        try:
            lines.append(msgspec.json.encode(row))
        except (TypeError, ValueError, OverflowError) as error:
            raise ConfigError(
                f"dataset: row {number} cannot be written as JSON: {error}. Nothing was created."
            ) from None
    return b"\n".join([*lines, b""])


def _table(dataset: Any) -> Any:
    """An Arrow table of a table, a polars or pandas frame, or a Hugging Face dataset."""
    import pyarrow as pa

    kind = f"{type(dataset).__module__.partition('.')[0]}.{type(dataset).__name__}"
    match kind:
        case "pyarrow.Table":
            return dataset
        case "pyarrow.RecordBatch":
            return pa.Table.from_batches([dataset])
        case "polars.DataFrame":
            return dataset.to_arrow()
        case "polars.LazyFrame":
            return dataset.collect().to_arrow()
        case "pandas.DataFrame":
            return pa.Table.from_pandas(dataset, preserve_index=False)
        case "datasets.Dataset":
            return dataset.with_format("arrow")[:]
    raise ConfigError(
        f"dataset: a {kind} is not known; a list of dicts, an Arrow table, a polars or pandas frame or a datasets.Dataset "
        "is expected. Nothing was created."
    )


def _parquet(table: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    data: bytes = sink.getvalue().to_pybytes()
    return data
