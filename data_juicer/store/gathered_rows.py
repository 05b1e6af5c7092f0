"""Whole rows on their way to other partitions: a file of JSON lines beside a summary, and where each row is in it.

A worker that makes rows of several reads those that it needs out of the files of all partitions, each by its place and
checked by its own digest, so that nothing is read twice and nothing is moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from data_juicer.errors import CheckpointCorruptError
from data_juicer.ops.dataset.summaries import ROW_BYTES
from data_juicer.storage.base import Store
from data_juicer.storage.files import Data
from data_juicer.store.manifest import DataFile
from data_juicer.store.staging import stage_file

if TYPE_CHECKING:
    import pyarrow as pa

ROW_DIGEST: Final = "__row_digest__"
"""Column of a summary: xxh3-64 of the row's bytes, which do not count the end of its line."""
ROW_FILE: Final = "__row_file__"
"""Column of a decision: the file that the row is in."""
ROW_START: Final = "__row_start__"
"""The byte at which it begins there."""
_FILES_MAX: Final = 256
"""How many files are held open at once."""


def stage_rows(store: Store, path: str, rows: Sequence[bytes]) -> DataFile:
    """Write rows one after the other, durably."""
    return stage_file(store, path, b"".join([row + b"\n" for row in rows]), len(rows))


def with_rows(summary: pa.Table, rows: Sequence[bytes]) -> pa.Table:
    """The summary of these rows, with what is needed to find them again."""
    import pyarrow as pa
    import xxhash

    sizes = pa.array([len(row) for row in rows], pa.int64())
    digests = pa.array([xxhash.xxh3_64_intdigest(row) for row in rows], pa.uint64())
    return summary.append_column(ROW_BYTES, sizes).append_column(ROW_DIGEST, digests)


class DamagedRowsError(CheckpointCorruptError):
    """Carries the name of the file that does not hold the rows that it should."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} does not hold the rows that were committed.")
        self.name = name


def read_rows(store: Store, directory: str, locations: pa.Table) -> Iterator[bytes]:
    """The rows with these places, in order.

    Args:
        places: columns ROW_FILE, ROW_START, ROW_BYTES, ROW_DIGEST.
    Raises: DamagedRowsError.
    """
    import xxhash

    data_of: dict[str, Data] = {}
    columns = [locations.column(name).to_pylist() for name in (ROW_FILE, ROW_START, ROW_BYTES, ROW_DIGEST)]
    for name, start, size_bytes, digest in zip(*columns, strict=True):
        if name not in data_of:
            if len(data_of) == _FILES_MAX:
                del data_of[next(iter(data_of))]
            data_of[name] = _mapped(store, directory, name)
        row = bytes(memoryview(data_of[name])[start : start + size_bytes])
        if xxhash.xxh3_64_intdigest(row) != digest:
            raise DamagedRowsError(name)
        yield row


def _mapped(store: Store, directory: str, name: str) -> Data:
    try:
        return store.map(f"{directory}/{name}")
    except FileNotFoundError as error:
        raise DamagedRowsError(name) from error
