"""Whether what a job published is still what it published."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from data_juicer.job.layout import JobLayout
from data_juicer.plan.partitions import PartitionSpec, places_digest
from data_juicer.plan.resume.results import read_result
from data_juicer.storage.base import Store
from data_juicer.storage.locations.uri import join
from data_juicer.store.export.results_manifest import (
    ExportedFile,
    ResultsManifest,
    digest_of,
    is_as_written,
    read_parts,
)

READ_BYTES_MAX: Final = 64_000_000
"""So much is read again whenever somebody asks, some hundredths of a second; more only where times of files differ."""


def find_changes(store: Store, results: ResultsManifest, layout: JobLayout) -> Iterator[str]:
    """A sentence for each published file that is gone or not what it was, as far as this can be seen.

    Files that are together larger than READ_BYTES_MAX are read only if they were written to since.
    """
    job_dir = layout.job_dir
    is_small = sum(file.size_bytes for file in results.published) <= READ_BYTES_MAX
    _list_shown(store, results, job_dir)
    for file in results.published:
        path = join(job_dir, file.path)
        change = _find_change(store, path, layout, file, is_small)
        if change is not None:
            yield f"{path} {change}; the result is published again."


def _list_shown(store: Store, results: ResultsManifest, job_dir: str) -> None:
    """Look at folders with several files at once, where each look is a request and the store remembers them."""
    if store.at(job_dir).tells_changes:
        folders = Counter(os.path.dirname(join(job_dir, file.path)) for file in results.published)
        for folder, count in folders.items():
            if count > 1:
                store.entries(folder)


def find_export_change(store: Store, results: ResultsManifest, layout: JobLayout) -> tuple[str, str] | None:
    """The first file at the export path that is not what it was, and what is wrong with it; none where none is.

    Large files are not read.
    """
    is_small = sum(file.size_bytes for file in results.exports) <= READ_BYTES_MAX
    for file in results.exports:
        change = (
            _find_change(store, file.path, layout, file, is_small) if is_small else _find_touch(store, file)
        )
        if change is not None:
            return file.path, change
    return None


def _find_touch(store: Store, file: ExportedFile) -> str | None:
    if not store.exists(file.path):
        return "is missing"
    return None if is_as_written(store, file.path, file) else "was written to since"


def _find_change(
    store: Store, path: str, layout: JobLayout, file: ExportedFile, is_small: bool
) -> str | None:
    try:
        size_bytes = store.stat(path).size_bytes
        if size_bytes != file.size_bytes:
            return f"holds {size_bytes:,} bytes, {file.size_bytes:,} were written"
        if (store.at(path).tells_changes or not is_small) and store.stat(
            path
        ).modified_ns == file.modified_ns:
            return None
        is_same = _is_same(store, layout, file, memoryview(store.map(path)))
    except FileNotFoundError:
        return "is missing"
    return None if is_same else "was changed since it was written"


def _is_same(store: Store, layout: JobLayout, file: ExportedFile, data: memoryview) -> bool:
    """A file without a digest of its own is made of all parts, one after the other."""
    if file.digest:
        return digest_of(data) == file.digest
    start = 0
    for part in read_parts(store, layout.results_manifest):
        stop = start + part.size_bytes
        if digest_of(data[start:stop]) != part.digest:
            return False
        start = stop
    return start == len(data)


def is_as_published(
    store: Store, layout: JobLayout, published: ResultsManifest | None, partitions: Sequence[PartitionSpec]
) -> bool:
    """Whether the committed results are those that were published, of rows that are where they were.

    Args:
        published: None where nothing is published as it is wanted now.
    """
    if published is None or published.places != places_digest(partitions):
        return False
    results = (read_result(store, layout.result_manifest(spec.partition_id)) for spec in partitions)
    committed = [(result.partition, *(file.digest for file in result.files)) for result in results]
    return committed == [
        (part.partition, part.digest, part.row_stats) if part.row_stats else (part.partition, part.digest)
        for part in read_parts(store, layout.results_manifest)
    ]
