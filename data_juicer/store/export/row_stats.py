"""`NAME_stats.jsonl`: the stats of every exported row in one file beside the export, joined from a file a partition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from data_juicer.rows.batch import STATS_FIELD
from data_juicer.storage.base import Store
from data_juicer.storage.files import Data
from data_juicer.store.commit import read_checked

ROW_STATS_SUFFIX: Final = "stats.jsonl"
"""Of the file beside a partition's result."""
_NOTHING: Final = b'{"%b":{}}\n' % STATS_FIELD.encode()
"""The line of a row that was given no stats."""
_ROWS_AT_ONCE: Final = 10_000


def row_stats_name(result_name: str) -> str:
    """The file of stats beside a file of a partition's rows, both of one attempt."""
    partition, attempt, _ = result_name.split(".", 2)
    return f"{partition}.{attempt}.{ROW_STATS_SUFFIX}"


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
            write(read_checked(store, directory, row_stats_name(name), None, digest))
        else:
            for chunk in _fillers(rows):
                write(chunk)


def _fillers(rows: int) -> Iterator[bytes]:
    for start in range(0, rows, _ROWS_AT_ONCE):
        yield _NOTHING * min(_ROWS_AT_ONCE, rows - start)
