"""Committed results as a resume looks at them: one after the other, and no more of each than it needs.

A hundred thousand manifests with everything that their keys were made from are gigabytes of objects. Here each is decoded without
that; `plan/resume/done_results.py` keeps what the end of the job needs of it.
"""

from __future__ import annotations

import functools
import os
from bisect import bisect_left
from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from data_juicer.errors import CheckpointCorruptError
from data_juicer.job.names import parse_result_name, result_manifest_name
from data_juicer.plan.resume.ahead import fetch_ahead
from data_juicer.plan.resume.damage import BROKEN_LINK, Damage, wrong_files
from data_juicer.store.export.exported_rows import ExportedRows
from data_juicer.store.ledger import OperatorLedger
from data_juicer.store.manifest import DataFile
from data_juicer.store.versioned_json import VersionedJson

if TYPE_CHECKING:
    from data_juicer.job.layout import JobLayout
    from data_juicer.storage.base import Store
    from data_juicer.storage.files import Stat


class SparseLedger(OperatorLedger, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The same, and without zeros where it is written: reports hold one of each operator of each partition."""


class CommittedResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A manifest of a result without what its key was made from; fields as in `store.manifest.Manifest`."""

    format_version: int
    kind: Literal["checkpoint", "result", "summary"]
    job: str
    partition: int
    operator_index: int
    key: str
    fragment: str
    reader: str
    files: tuple[DataFile, ...]
    rows: int
    ledgers: tuple[SparseLedger, ...]
    dead_letters: tuple[DataFile, ...] = ()
    traces: tuple[DataFile, ...] = ()
    produced: tuple[DataFile, ...] = ()
    attempt: str
    run: int
    created: str


_CODEC: Final = VersionedJson(CommittedResult)


def read_result(store: Store, path: str) -> CommittedResult:
    """Raises: CheckpointCorruptError, NewerFormatError, FileNotFoundError."""
    return _CODEC.decode(store.read(path), path)


class FoundResult(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    path: str
    """Of the manifest."""
    version: str = ""
    """Of the manifest, or of one before it; empty where nobody asked."""
    result: CommittedResult


class ResultManifests:
    """The manifests of results that a job has, and which other files are beside them."""

    def __init__(self, store: Store, layout: JobLayout, settled_ns: int = 0) -> None:
        """
        Args:
            settled_ns: a manifest that was written later may yet change without another version, which is not seen; 0: that
                of none is.
        """
        self._store = store
        self._layout = layout
        self._directory = layout.results_dir
        self._folder = store.at(self._directory)
        self._settled_ns = settled_ns
        self._listed: dict[str, Stat] | None = None
        self.exported = ExportedRows(store, layout.results_manifest)
        """Where rows are that have no file of their own any more."""

    @functools.cached_property
    def _names(self) -> list[str]:
        return self._folder.list(self._directory)

    def version(self, partition: int) -> str | None:
        """Of the manifest of a partition now; None where it is missing or too young."""
        name = result_manifest_name(partition)
        if (
            self._listed is None and not self._folder.has_links
        ):  # a look is a request, and the listing says as much
            entries = self._folder.entries(self._directory)
            self._listed = {entry.name: entry.stat for entry in entries if entry.stat is not None}
        stat = self._look(name) if self._listed is None else self._listed.get(name)
        return None if stat is None or stat.modified_ns >= self._settled_ns else stat.version

    def _look(self, name: str) -> Stat | None:
        try:
            return self._folder.stat(os.path.join(self._directory, name))
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        place = bisect_left(self._names, name)
        return place < len(self._names) and self._names[place] == name

    def find_missing(
        self, partition: int, files: Sequence[DataFile], dead_letters: Sequence[DataFile]
    ) -> str | None:
        """What of the files that a manifest names is not there, as far as listings and sizes tell."""
        for number, file in enumerate(files):
            if self.has(file.name):
                continue
            if number:
                return f"{file.name} is missing"
            if self.exported.find(partition, file.size_bytes) is None:
                return self.exported.find_loss() or f"{file.name} is missing"
        return wrong_files(self._store, self._layout.dead_letter_dir, dead_letters) if dead_letters else None

    def read(self, damaged: list[Damage], *, without: Container[int] = ()) -> Iterator[FoundResult]:
        """Every committed result, by partition. Those that are damaged are added to `damaged`.

        Data files are not opened: a missing one is damage here, any other damage is found when they are read for the export.

        Args:
            without: partitions whose manifests are not read.
        """
        wanted = (
            (os.path.join(self._directory, name), parsed.partition_id)
            for name in self._names
            if name.endswith(".json")
            and (parsed := parse_result_name(name)) is not None
            and parsed.attempt is None
            and parsed.partition_id not in without
        )
        for (path, partition_id), read in fetch_ahead(self._read, wanted):
            try:
                result, version = read()
                reason = self._find_wrong(result, partition_id)
            except CheckpointCorruptError as error:
                reason = str(error)
            except FileNotFoundError:
                reason = BROKEN_LINK
            if reason is None:
                yield FoundResult(path=path, version=version, result=result)
            else:
                damaged.append(Damage(path=path, reason=reason))

    def _read(self, item: tuple[str, int]) -> tuple[CommittedResult, str]:
        path, partition_id = item
        version = (self.version(partition_id) or "") if self._settled_ns else ""
        return read_result(self._store, path), version

    def _find_wrong(self, result: CommittedResult, partition_id: int) -> str | None:
        if result.partition != partition_id:
            return f"it is the manifest of partition {result.partition}, operator {result.operator_index}"
        if result.kind != "result":
            return f"it is the manifest of a {result.kind}"
        return self.find_missing(partition_id, result.files, result.dead_letters)
