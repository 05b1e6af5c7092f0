"""The document of an export, results/results.json: which files were published, of which partitions, and whether they still are."""

from __future__ import annotations

from typing import Final

import msgspec

from data_juicer.storage.base import Store
from data_juicer.storage.files import Data
from data_juicer.store.export.parts import PublishedPart
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson

CHUNK_BYTES: Final = 8 << 20


class ExportedFile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    path: str
    """Absolute; of a file in the job's directory relative to that, since the directory may be moved."""
    size_bytes: int
    digest: str = ""
    """xxh3-128 in hex; empty for a file that is the parts one after the other, whose digests are known."""
    modified_ns: int = 0
    """When it was written, as the file system has it."""


class ResultsManifest(msgspec.Struct, frozen=True, kw_only=True):
    """results/results.json: the files that the results were exported to. Its `parts`, every partition in the order of the
    input, are read by who needs them (`read_parts`).
    """

    format_version: int = FORMAT_VERSION
    job: str
    rows: int
    exports: tuple[ExportedFile, ...] = ()
    """Files at the export path that are ours: written, or about to be."""
    is_exported: bool = False
    shown: tuple[ExportedFile, ...] = ()
    """Files in the job's own directory that are made for people: dead letters, samples, reports."""
    places: str = ""
    """Digest of where every partition is in the input, as those files say; empty in documents of earlier versions."""
    parts_in_exports: int = 0
    """So many of the first of `exports`, one after the other, are the rows of all parts: those need no files of their own
    (`store.export.exported_rows`)."""
    export_folder: str = ""
    """Theirs, relative to the job's directory, in case both are moved."""

    @property
    def published(self) -> tuple[ExportedFile, ...]:
        """Everything that is where people look for it."""
        return (*self.exports, *self.shown)


class _Parts(msgspec.Struct, frozen=True, kw_only=True):
    """As much of the document as says what was joined."""

    format_version: int
    parts: tuple[PublishedPart, ...]


RESULTS_CODEC: Final = VersionedJson(ResultsManifest)
_PARTS_CODEC: Final = VersionedJson(_Parts)


def find_results(store: Store, path: str) -> ResultsManifest | None:
    """The last manifest; None where there is none.

    Raises: CheckpointCorruptError: it is damaged, and can be made again from those of the partitions. NewerFormatError.
    """
    try:
        return RESULTS_CODEC.decode(store.read(path), path)
    except FileNotFoundError:
        return None


def read_parts(store: Store, path: str) -> tuple[PublishedPart, ...]:
    """The parts of the last manifest. Raises: FileNotFoundError, CheckpointCorruptError, NewerFormatError."""
    return _PARTS_CODEC.decode(store.read(path), path).parts


def is_as_written(store: Store, path: str, file: ExportedFile) -> bool:
    """Whether a file still is what this job wrote, by size and time: what somebody put in its place is theirs.

    Where a run ended before it could learn the time, which some stores choose themselves, the bytes decide.
    """
    try:
        found = store.stat(path)
        if found.size_bytes == file.size_bytes and not file.modified_ns and file.digest:
            return digest_of(store.map(path)) == file.digest
    except FileNotFoundError:
        return False
    return (found.size_bytes, found.modified_ns) == (file.size_bytes, file.modified_ns)


def digest_of(data: Data) -> str:
    """xxh3-128 in hex, chunk by chunk, so that a mapped file need not be in memory at once."""
    import xxhash

    digest, view = xxhash.xxh3_128(), memoryview(data)
    for start in range(0, len(view), CHUNK_BYTES):
        digest.update(view[start : start + CHUNK_BYTES])
    return str(digest.hexdigest())
