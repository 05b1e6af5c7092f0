"""`NAME_stats.jsonl`: the stats of every exported row in one file beside the export, joined from a file a partition.

The file of a partition ends with a line that is not exported: what filters measured of all rows that they were given
(`rows.recorded_stats`). A file of its own would be one more to create, sync and send in each partition.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec
import xxhash

from data_juicer.errors import CheckpointCorruptError
from data_juicer.rows.batch import STATS_FIELD
from data_juicer.storage.base import Store
from data_juicer.storage.files import Data
from data_juicer.store.commit import read_checked
from data_juicer.store.manifest import DataFile

ROW_STATS_SUFFIX: Final = "stats.jsonl"
"""Of the file beside a partition's result."""
_NOTHING: Final = b'{"%b":{}}\n' % STATS_FIELD.encode()
"""The line of a row that was given no stats."""
_ROWS_AT_ONCE: Final = 10_000
_TAIL_BYTES: Final = 1 << 16
"""Read from the end of a file for its last line, which is longer only where partitions are large."""


class _Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """The last line. It has a digest of its own, so that it can be read without all the lines before it."""

    recorded_stats: bytes
    digest: str


_RECORDED: Final = b'{"recorded_stats":'
"""Begins the last line, and no line of a row."""
_DECODER: Final = msgspec.json.Decoder(_Recorded)


def row_stats_name(result_name: str) -> str:
    """The file of stats beside a file of a partition's rows, both of one attempt."""
    partition, attempt, _ = result_name.split(".", 2)
    return f"{partition}.{attempt}.{ROW_STATS_SUFFIX}"


def with_recorded(lines: bytes, recorded: bytes) -> bytes:
    """The file of a partition: the stats of its rows, each line with its newline, and after them what filters measured."""
    last = _Recorded(recorded_stats=recorded, digest=xxhash.xxh3_128_hexdigest(recorded))
    return b"".join((lines, msgspec.json.encode(last), b"\n"))


def read_recorded(store: Store, directory: str, file: DataFile) -> bytes:
    """What filters measured, from the end of the file of a partition; empty where it is not in there, but in a file of its own.

    Raises: CheckpointCorruptError: the file is missing, or its last line is not what was committed.
    """
    path, size = os.path.join(directory, file.name), file.size_bytes
    try:
        tail = store.read_range(path, max(0, size - _TAIL_BYTES), size)
        if _last_line(tail) == 0 and len(tail) < size:
            tail = store.read(path)
    except FileNotFoundError as error:
        raise CheckpointCorruptError(f"{file.name} is missing.", file=file.name) from error
    line = tail[_last_line(tail) :]
    if not line.startswith(_RECORDED):
        return b""
    try:
        last = _DECODER.decode(line)
    except msgspec.MsgspecError as error:
        raise CheckpointCorruptError(f"{file.name}: its last line is damaged ({error}).") from error
    if xxhash.xxh3_128_hexdigest(last.recorded_stats) != last.digest:
        raise CheckpointCorruptError(f"{file.name}: its last line does not have the digest that it says.")
    return last.recorded_stats


def write_row_stats(
    store: Store,
    directory: str,
    parts: Iterable[tuple[str, int, str]],
    write: Callable[[Data], object],
    heartbeat: Callable[[], None],
) -> None:
    """Join the stats of all parts, in the order of the rows, with a line for each row.

    Args:
        parts: of each its file of rows, how many rows it has, and the digest of the file of stats beside it.
        heartbeat: called before each part is read; may raise.
    Raises: CheckpointCorruptError: a file of stats is not what was committed.
    """
    for name, rows, digest in parts:
        heartbeat()
        if digest:
            data = read_checked(store, directory, row_stats_name(name), None, digest)
            write(_lines_of_rows(data))
        else:
            for chunk in _fillers(rows):
                write(chunk)


def _lines_of_rows(data: bytes) -> Data:
    start = _last_line(data)
    return memoryview(data)[:start] if data.startswith(_RECORDED, start) else data


def _last_line(data: bytes) -> int:
    """Where it begins."""
    return data.rfind(b"\n", 0, -1) + 1


def _fillers(rows: int) -> Iterator[bytes]:
    for start in range(0, rows, _ROWS_AT_ONCE):
        yield _NOTHING * min(_ROWS_AT_ONCE, rows - start)
