"""Rows of results that have no file of their own any more, since the export holds the same bytes: where they are, and how they come back.

A complete job keeps one copy of its rows where `results/results.json` says so (`parts_in_exports`): the first files of the export,
one after the other, are the rows of all partitions in its order. What is read there counts only if it has the digest that the
manifest of the result names, whoever changed the export since. docs/design/0340-one-copy-of-the-rows.md has the reasons.
"""

from __future__ import annotations

import functools
import os
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.errors import CheckpointCorruptError, CheckpointError
from data_juicer.store.export.line_shards import cut
from data_juicer.store.versioned_json import VersionedJson

if TYPE_CHECKING:
    from data_juicer.storage.base import Store
    from data_juicer.store.manifest import DataFile

KEPT_ALONE: Final = "its rows were kept in the export"
"""How the reason begins why a result is made again whose rows the export does not hold any more."""
_CHUNK_BYTES: Final = 8 << 20


class FileRange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The bytes [byte_start, byte_stop) of a file that is there."""

    path: str
    byte_start: int
    byte_stop: int


class _File(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    path: str
    size_bytes: int


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """Of results.json, as much as says whether there is something to look for."""

    format_version: int
    exports: tuple[_File, ...] = ()
    parts_in_exports: int = 0
    export_folder: str = ""


class _Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    partition: int
    size_bytes: int


class _Parts(msgspec.Struct, frozen=True, kw_only=True):
    format_version: int
    parts: tuple[_Part, ...]


_HEAD: Final = VersionedJson(_Head)
_PARTS: Final = VersionedJson(_Parts)


class _Index(msgspec.Struct, frozen=True, kw_only=True):
    """Columns, by ascending partition: a hundred thousand partitions are two megabytes."""

    partitions: array[int]
    starts: array[int]
    """Where the rows of each begin, counted over all files."""
    sizes: array[int]

    @classmethod
    def of(cls, parts: Sequence[_Part]) -> _Index:
        starts = accumulate((part.size_bytes for part in parts), initial=0)
        rows = sorted(
            (part.partition, start, part.size_bytes) for part, start in zip(parts, starts, strict=False)
        )
        return cls(
            partitions=array("q", (row[0] for row in rows)),
            starts=array("q", (row[1] for row in rows)),
            sizes=array("q", (row[2] for row in rows)),
        )


class ExportedRows:
    """Where the export of a job holds rows that have no other copy. The document is read when this is first asked."""

    def __init__(self, store: Store, manifest_path: str) -> None:
        """
        Args:
            manifest_path: of results.json.
        """
        self._store = store
        self._path = manifest_path

    @functools.cached_property
    def _files(self) -> tuple[_File, ...]:
        """Those that hold all rows, one after the other; none where results have files of their own."""
        try:
            head = _HEAD.decode(self._store.read_document(self._path), self._path)
        except (FileNotFoundError, CheckpointError):
            return ()
        now = os.path.dirname(os.path.dirname(self._path))
        return tuple(
            file if self._find_size(file.path) is not None else _moved(file, head.export_folder, now)
            for file in head.exports[: head.parts_in_exports]
        )

    @functools.cached_property
    def _index(self) -> _Index:
        return _Index.of(_PARTS.decode(self._store.read_document(self._path), self._path).parts)

    @functools.cached_property
    def _sizes(self) -> list[int]:
        """What the files hold now; -1 for one that is missing."""
        found = (self._find_size(file.path) for file in self._files)
        return [-1 if size_bytes is None else size_bytes for size_bytes in found]

    def _find_size(self, path: str) -> int | None:
        try:
            stat = self._store.stat(path)
        except FileNotFoundError:
            return None
        return stat.size_bytes if stat.kind == "file" else None

    @functools.cached_property
    def _stops(self) -> list[int]:
        return list(accumulate((file.size_bytes for file in self._files), initial=0))

    @property
    def are_there(self) -> bool:
        """Whether results need no files of their own, as the document says."""
        return bool(self._files)

    @property
    def size_bytes(self) -> int:
        """Of all rows that are kept there."""
        return self._stops[-1]

    def find(self, partition: int, size_bytes: int) -> tuple[FileRange, ...] | None:
        """Where the rows of a partition should be; None where the export cannot hold them.

        Args:
            size_bytes: of the rows.
        """
        if not self._files:
            return None
        index = self._index
        place = bisect_left(index.partitions, partition)
        if place == len(index.partitions) or index.partitions[place] != partition:
            return None
        if index.sizes[place] != size_bytes:
            return None
        start = index.starts[place]
        ranges = []
        for number, low, high in cut(self._stops, start, start + size_bytes):
            if high > self._sizes[number]:
                return None
            ranges.append(FileRange(self._files[number].path, low, high))
        return tuple(ranges)

    def find_loss(self) -> str | None:
        """Why rows that were kept in the export alone are not there; None where nothing of the kind is seen."""
        for file, size_bytes in zip(self._files, self._sizes, strict=True):
            if size_bytes < 0:
                return f"{KEPT_ALONE} {file.path} alone, which is missing"
            if size_bytes != file.size_bytes:
                return (
                    f"{KEPT_ALONE} {file.path} alone, which holds {size_bytes:,} bytes now, "
                    f"{file.size_bytes:,} were written"
                )
        return None


def relative_folder(job_dir: str, path: str) -> str:
    """The folder of an export as seen from the job's directory; empty where one of them is no path of this machine."""
    if not (job_dir.startswith("/") and path.startswith("/")):
        return ""
    return os.path.relpath(os.path.dirname(path), job_dir)


def _moved(file: _File, folder: str, job_dir: str) -> _File:
    """The same file where it is if it was moved together with the job's directory."""
    if not folder:
        return file
    path = os.path.normpath(os.path.join(job_dir, folder, os.path.basename(file.path)))
    return msgspec.structs.replace(file, path=path)


def read_ranges(store: Store, ranges: Sequence[FileRange]) -> Iterator[bytes]:
    """Their bytes, one after the other, in chunks. Raises: FileNotFoundError, StoreError."""
    for each in ranges:
        with store.open_read(each.path) as reader:
            yield from reader.chunks(_CHUNK_BYTES, each.byte_start, each.byte_stop)


def restore_rows(store: Store, path: str, file: DataFile, ranges: Sequence[FileRange]) -> None:
    """Give the rows of a result a file of their own again, whole or not at all.

    Args:
        path: where that file was.
    Raises: CheckpointCorruptError: the export does not hold what was committed. StoreError.
    """
    with store.open_write(path) as upload:
        _read_checked(store, file, ranges, upload.write)


def read_rows(store: Store, file: DataFile, ranges: Sequence[FileRange]) -> bytes:
    """The rows of a result, which the export holds. Raises: CheckpointCorruptError: it does not any more."""
    chunks: list[bytes] = []
    _read_checked(store, file, ranges, chunks.append)
    return b"".join(chunks)


def check_ranges(store: Store, file: DataFile, ranges: Sequence[FileRange]) -> None:
    """Raises: CheckpointCorruptError: the export does not hold what was committed."""
    _read_checked(store, file, ranges, lambda _: None)


def _read_checked(
    store: Store, file: DataFile, ranges: Sequence[FileRange], take: Callable[[bytes], object]
) -> None:
    import xxhash

    digest = xxhash.xxh3_128()
    try:
        for chunk in read_ranges(store, ranges):
            digest.update(chunk)
            take(chunk)
    except FileNotFoundError as error:
        raise CheckpointCorruptError(_lost(ranges), file=file.name) from error
    if digest.hexdigest() != file.digest:
        raise CheckpointCorruptError(_lost(ranges), file=file.name)


def _lost(ranges: Sequence[FileRange]) -> str:
    paths = " and ".join(dict.fromkeys(each.path for each in ranges))
    return f"{KEPT_ALONE} {paths} alone, which was changed"
