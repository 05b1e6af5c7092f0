"""A finished job keeps one copy of its rows: once an export is read back and is what was committed, the results' own files go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

import xxhash

from data_juicer.engine.cleanup.remover import Remover
from data_juicer.errors import CheckpointCorruptError
from data_juicer.job.layout import JobLayout
from data_juicer.storage.base import Store
from data_juicer.store.export.parts import Parts
from data_juicer.store.export.results_manifest import ExportedFile
from data_juicer.store.results import SMALL_BYTES

KEPT_TWICE_BYTES: Final = 64_000_000
"""Fewer rows, all partitions together, have files of their own beside an export that holds them, unless the settings say otherwise."""
_CHUNK_BYTES: Final = 8 << 20
_REMOVED_AT_ONCE: Final = 1000


def wants_one_copy(setting: str, store: Store, layout: JobLayout, parts: Parts) -> bool:
    """Whether the files of results should go where an export holds the same bytes.

    `auto` means: where they are worth it, and reading the export back costs no requests. Pure but for what the store is.

    Args:
        setting: `intermediate_storage.keep_results`.
    """
    if setting != "auto":
        return setting == "never"
    is_worth_it = parts.size_bytes >= max(KEPT_TWICE_BYTES, len(parts) * SMALL_BYTES)
    return is_worth_it and not store.at(layout.results_dir).tells_changes


def check_export(
    store: Store, exports: Sequence[ExportedFile], parts: Parts, heartbeat: Callable[[], None]
) -> None:
    """Read an export back: its files, one after the other, are the rows of all parts, in their order.

    Args:
        heartbeat: called before each piece is read; what it raises ends this.
    Raises: CheckpointCorruptError: they are not.
    """
    stream = _Stream(_chunks(store, exports, heartbeat))
    for part in parts:
        digest = xxhash.xxh3_128()
        for piece in stream.take(part.size_bytes):
            digest.update(piece)
        if digest.hexdigest() != part.digest:
            raise _wrong(exports, f"the rows of partition {part.partition} are not what was committed")
    if any(stream.take(1)):
        raise _wrong(exports, "more is there than was committed")


def remove_copies(
    store: Store, layout: JobLayout, parts: Parts, heartbeat: Callable[[], None]
) -> Sequence[str]:
    """Remove the files of results whose rows the export holds, as `results.json` says durably.

    Args:
        heartbeat: called before each thousand files; what it raises ends this.
    Returns: a sentence for each that could not be removed.
    """
    remover = Remover(store, layout)
    names = (part.file for part in parts)
    with remover.open(layout.results_dir) as own:
        if own is None:
            return [
                f"{layout.results_dir} is not this user's alone: the rows in it are kept beside the export."
            ]
        while some := list(islice(names, _REMOVED_AT_ONCE)):
            heartbeat()
            remover.remove_from(own, some)
        own.sync()  # before the job is complete: nobody would look for what a power loss brings back
    return remover.refused


def _chunks(
    store: Store, exports: Sequence[ExportedFile], heartbeat: Callable[[], None]
) -> Iterator[memoryview]:
    for file in exports:
        try:
            with store.open_read(file.path) as reader:
                for chunk in reader.chunks(_CHUNK_BYTES):
                    heartbeat()
                    yield memoryview(chunk)
        except FileNotFoundError as error:
            raise _wrong(exports, "it was removed meanwhile") from error


class _Stream:
    """Chunks of any size, taken in pieces of the sizes that are asked for."""

    def __init__(self, chunks: Iterator[memoryview]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def take(self, size_bytes: int) -> Iterator[memoryview]:
        """The next bytes, fewer where there are no more."""
        while size_bytes:
            if not self._rest:
                self._rest = next(self._chunks, memoryview(b""))
                if not self._rest:
                    return
            piece, self._rest = self._rest[:size_bytes], self._rest[size_bytes:]
            size_bytes -= len(piece)
            yield piece


def _wrong(exports: Sequence[ExportedFile], problem: str) -> CheckpointCorruptError:
    first = exports[0].path
    more = f" and {len(exports) - 1:,} more" if len(exports) > 1 else ""
    return CheckpointCorruptError(
        f"{first}{more}: the export was read back after it was written, and {problem}: another program writes to it, or the "
        "disk fails. The results of all partitions are safe. Start the job again: it checks them and writes the export anew."
    )
