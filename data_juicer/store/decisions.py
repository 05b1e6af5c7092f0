"""What a dataset operator decided about every row: one file for all partitions, and the manifest that commits it.

The file holds one Arrow table a partition, one after the other, each with that of the rows after it that could not be
summarised, if there are any; the manifest says where each is and what it digests to, so that a worker reads those of its
partition and no more.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.errors import CheckpointCorruptError, CheckpointError
from data_juicer.storage.base import Store
from data_juicer.store.codec import decode_table, encode_table
from data_juicer.store.commit import check_file
from data_juicer.store.index.versions import Segment
from data_juicer.store.manifest import FileName, LostRow
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson

if TYPE_CHECKING:
    import pyarrow as pa


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The decisions about one partition: a range of bytes of a file. `digest` is the xxh3-128 of it in hex."""

    partition: int
    file: FileName
    byte_start: int
    byte_stop: int
    digest: str
    rows: int
    rows_removed: int = 0
    dead_bytes: int = 0
    """Of the table of the rows that could not be summarised, which follows; 0: there are none."""
    dead_digest: str = ""
    duration_s: float = 0.0
    """Seconds that summarising the partition took, and its share of the resolve."""
    text_bytes: int = 0
    """Bytes of text that were summarised."""
    lost_rows: tuple[LostRow, ...] = ()
    """Rows that the decisions know nothing of, since workers were lost over them before."""


class IndexedRows(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of the rows that stay, staged for an index; a version names them once the job is complete."""

    path: str
    """Of the index."""
    segments: tuple[Segment, ...]
    rows: int


class ResolveManifest(msgspec.Struct, frozen=True, kw_only=True):
    """A committed resolve."""

    format_version: int = FORMAT_VERSION
    job: str
    operator_index: int
    operator_name: str
    key: str
    collects_rows: bool = msgspec.field(default=False, name="gathers")
    """The decisions name rows in files that are beside the summaries: they count only together with those."""
    file: FileName
    size_bytes: int
    decisions: tuple[Decision, ...]
    """Of every partition, in the order of the input."""
    indexed: IndexedRows | None = None
    run: int
    created: str
    """ISO 8601; for people, compared with nothing."""


class DeadRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a partition that a dataset operator raised on, as they were summarised."""

    rows: tuple[int, ...] = ()
    """Their numbers among the rows before the operator, rising."""
    dead_letters: tuple[bytes, ...] = ()
    """Their dead letters, encoded."""


NONE_DEAD: Final = DeadRows()

_CODEC: Final = VersionedJson(ResolveManifest)


def stage_decisions(
    store: Store, path: str, tables: Iterable[tuple[int, pa.Table, DeadRows]]
) -> list[Decision]:
    """Write what was decided about each partition one after the other, durably."""
    import xxhash

    name, stop, staged = os.path.basename(path), 0, []
    with store.open_write(path) as sink:
        for partition, table, dead in tables:
            data = bytes(encode_table(table, "arrow", "lz4"))
            dead_data = bytes(encode_table(_dead_table(dead), "arrow", "lz4")) if dead.rows else b""
            sink.write(data + dead_data)
            start, stop = stop, stop + len(data)
            staged.append(
                Decision(
                    partition=partition,
                    file=name,
                    byte_start=start,
                    byte_stop=stop,
                    digest=xxhash.xxh3_128_hexdigest(data),
                    rows=table.num_rows,
                    rows_removed=_removed(table),
                    dead_bytes=len(dead_data),
                    dead_digest=xxhash.xxh3_128_hexdigest(dead_data) if dead_data else "",
                )
            )
            stop += len(dead_data)
    return staged


def _dead_table(dead: DeadRows) -> pa.Table:
    import pyarrow as pa

    return pa.table(
        {"row": pa.array(dead.rows, pa.int32()), "letter": pa.array(dead.dead_letters, pa.large_binary())}
    )


def commit_resolve(store: Store, path: str, manifest: ResolveManifest) -> None:
    """Make decisions count. Raises: CheckpointError: other ones are there."""
    if not store.put_if_absent(path, _CODEC.encode(manifest)):
        raise CheckpointError(
            f"{path} was committed by another run while this one worked. Nothing was changed."
        )


def read_resolve(store: Store, path: str) -> ResolveManifest:
    """Raises: CheckpointCorruptError: not such a manifest. NewerFormatError, FileNotFoundError."""
    return _CODEC.decode(store.read(path), path)


def check_decisions(store: Store, directory: str, manifest: ResolveManifest) -> None:
    """Read all of the file once. Raises: CheckpointCorruptError: it is not what was committed."""
    for decision in manifest.decisions:
        _read(store, directory, decision)
        _read_dead(store, directory, decision)


def read_decision(store: Store, directory: str, decision: Decision) -> pa.Table:
    """Raises: CheckpointCorruptError."""
    return decode_table(_read(store, directory, decision), "arrow", decision.file)


def read_dead(store: Store, directory: str, decision: Decision) -> DeadRows:
    """Raises: CheckpointCorruptError."""
    if not decision.dead_bytes:
        return NONE_DEAD
    table = decode_table(_read_dead(store, directory, decision), "arrow", decision.file)
    return DeadRows(
        rows=tuple(table.column("row").to_pylist()), dead_letters=tuple(table.column("letter").to_pylist())
    )


def _read(store: Store, directory: str, decision: Decision) -> memoryview:
    return _read_range(
        store,
        directory,
        decision,
        decision.byte_start,
        decision.byte_stop - decision.byte_start,
        decision.digest,
    )


def _read_dead(store: Store, directory: str, decision: Decision) -> memoryview:
    if not decision.dead_bytes:
        return memoryview(b"")
    return _read_range(
        store, directory, decision, decision.byte_stop, decision.dead_bytes, decision.dead_digest
    )


def _read_range(
    store: Store, directory: str, decision: Decision, start: int, size_bytes: int, digest: str
) -> memoryview:
    try:
        data = store.map(os.path.join(directory, decision.file))
    except FileNotFoundError as error:
        raise CheckpointCorruptError(f"{decision.file} is missing.") from error
    part = memoryview(data)[start : start + size_bytes]
    check_file(part, f"{decision.file}, partition {decision.partition},", size_bytes, digest)
    return part


def _removed(table: pa.Table) -> int:
    import pyarrow.compute as pc

    if "keep" not in table.column_names:
        return 0
    kept: int = pc.sum(table.column("keep"), min_count=0).as_py()
    return int(table.num_rows) - kept
