"""Files of a stage: written and synced by a worker, read back and checked by the worker that goes on from them.

Arrow is imported when deltas are made or applied: the driver starts its first worker before that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import xxhash

from data_juicer.errors import CheckpointCorruptError
from data_juicer.storage.base import Store
from data_juicer.storage.files import Data
from data_juicer.store.codec import COMPRESSIONS, Compression, Format, decode_table, encode_table
from data_juicer.store.commit import check_file, read_checked
from data_juicer.store.manifest import DataFile

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.rows.batch import Batch


def stage_file(store: Store, path: str, data: Data, rows: int) -> DataFile:
    """Write a file under a name that no other attempt uses, and make it durable."""
    store.stage(path, data)
    return _described(os.path.basename(path), data, rows)


def stage_files(store: Store, contents: Mapping[str, tuple[Data, int]]) -> tuple[DataFile, ...]:
    """Write several files of one directory, and make them durable together.

    Args:
        contents: path -> the bytes of the file, and its rows.
    """
    with store.stage_many(os.path.dirname(next(iter(contents)))) as stage:
        for path, (data, _) in contents.items():
            stage(os.path.basename(path), data)
    return tuple(_described(os.path.basename(path), data, rows) for path, (data, rows) in contents.items())


def _described(name: str, data: Data, rows: int) -> DataFile:
    return DataFile(
        name=name, size_bytes=len(memoryview(data)), digest=xxhash.xxh3_128_hexdigest(data), rows=rows
    )


def stage_delta(
    store: Store,
    path: str,
    below: Batch,
    batch: Batch,
    file_format: Format,
    compression: Compression,
    stats: bytes = b"",
) -> DataFile:
    """Write what `batch` changed against `below`.

    Args:
        stats: statistics of filters since then, which the file carries beside its rows.
    """
    from data_juicer.rows.recorded_stats import with_stats
    from data_juicer.store.deltas import make_delta

    delta = make_delta(below, batch)
    data = encode_table(with_stats(delta, stats) if stats else delta, file_format, compression)
    return stage_file(store, path, data, rows=len(batch))


def read_file(store: Store, directory: str, file: DataFile, *, memory_map: bool = False) -> Data:
    """The bytes of a committed file.

    Raises: CheckpointCorruptError: it is missing, or not what was committed.
    """
    if not memory_map:
        return read_checked(store, directory, file.name, file.size_bytes, file.digest)
    try:
        data = store.map(os.path.join(directory, file.name))
    except FileNotFoundError as error:
        raise CheckpointCorruptError(f"{file.name} is missing.", file=file.name) from error
    check_file(data, file.name, file.size_bytes, file.digest)
    return data


def read_delta(store: Store, directory: str, file: DataFile, *, memory_map: bool = False) -> pa.Table:
    """What one file of a checkpoint's chain changed. Raises: CheckpointCorruptError."""
    data = read_file(store, directory, file, memory_map=memory_map)
    return decode_table(data, _format_of(file.name), file.name)


def load_deltas(
    store: Store,
    directory: str,
    files: Sequence[DataFile],
    source: Batch,
    *,
    memory_map: bool = False,
    observe: Callable[[pa.Table], None] = lambda _: None,
) -> Batch:
    """The batch of a checkpoint: its deltas over the rows of the source.

    Args:
        observe: given each delta, from the source upwards.

    Raises: CheckpointCorruptError: a delta is missing or not what was committed.
    """
    from data_juicer.store.deltas import apply_delta

    batch = source
    for file in files:
        table = read_delta(store, directory, file, memory_map=memory_map)
        if table.num_rows != file.rows:
            raise CheckpointCorruptError(
                f"{file.name} holds {table.num_rows} rows, its manifest says {file.rows}."
            )
        observe(table)
        batch = apply_delta(batch, table)
    return batch


def read_lines(store: Store, directory: str, files: Iterable[DataFile]) -> list[bytes]:
    """The lines of committed JSON Lines files, in order.

    Raises: CheckpointCorruptError.
    """
    return [line for file in files for line in bytes(read_file(store, directory, file)).splitlines()]


def _format_of(name: str) -> Format:
    parts = name.split(".")
    for known in COMPRESSIONS:
        if known in parts:
            return known
    raise CheckpointCorruptError(f"{name}: a name without a known format.")


PRODUCED_FIELD: Final = "__dj__produced_data__"
"""The folder beside an export that holds files which operators made; its name is DataJuicer's."""


def reference_to(operator: str, name: str) -> str:
    """What a row says of a file that an operator made, by the file's name in `produced/`; the attempt is not in it."""
    _, _, digest, *suffix = name.split(".", 3)
    return f"{PRODUCED_FIELD}/{operator}/{'.'.join([digest, *suffix])}"
