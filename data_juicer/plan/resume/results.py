"""Committed results as a resume looks at them: one after the other, and no more of each than it needs.

A hundred thousand manifests with everything that their keys were made from are gigabytes of objects. Here each is decoded without
that, summed up, and let go; whoever needs one later reads it again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from data_juicer.errors import CheckpointCorruptError
from data_juicer.job.names import parse_result_name
from data_juicer.plan.resume.damage import BROKEN_LINK, Damage, wrong_files
from data_juicer.store.ledger import LedgerSums, OperatorLedger
from data_juicer.store.manifest import DataFile
from data_juicer.store.versioned_json import VersionedJson

if TYPE_CHECKING:
    from data_juicer.job.layout import JobLayout
    from data_juicer.storage.base import Store


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
    ledgers: tuple[OperatorLedger, ...]
    dead_letters: tuple[DataFile, ...] = ()
    traces: tuple[DataFile, ...] = ()
    attempt: str
    run: int
    created: str


_CODEC: Final = VersionedJson(CommittedResult)


class DoneResults:
    """The results that a run does not compute again: which partitions they are of, and what they come to."""

    def __init__(self, results: Iterable[CommittedResult] = ()) -> None:
        self._partitions: set[int] = set()
        self._sums = LedgerSums()
        self.rows_out = 0
        for result in results:
            self.add(result)

    def add(self, result: CommittedResult) -> None:
        self._partitions.add(result.partition)
        self._sums.add(result.ledgers)
        self.rows_out += result.rows

    def __len__(self) -> int:
        return len(self._partitions)

    def __contains__(self, partition: object) -> bool:
        return partition in self._partitions

    @property
    def ledgers(self) -> tuple[OperatorLedger, ...]:
        """The ledgers of all of them, operator by operator."""
        return self._sums.total()

    @property
    def rows_in(self) -> int:
        """Rows of the input in these partitions."""
        return self.ledgers[0].rows_in if self._partitions else 0


def read_result(store: Store, path: str) -> CommittedResult:
    """Raises: CheckpointCorruptError, NewerFormatError, FileNotFoundError."""
    return _CODEC.decode(store.read(path), path)


def read_results(
    store: Store, layout: JobLayout, damaged: list[Damage]
) -> Iterator[tuple[str, CommittedResult]]:
    """Every committed result with the path of its manifest, by partition. Those that are damaged are added to `damaged`.

    Data files are not opened; a missing one or one of the wrong size is damage.
    """
    for name in store.list(layout.results_dir):
        parsed = parse_result_name(name)
        if parsed is None or parsed.attempt is not None:
            continue
        path = os.path.join(layout.results_dir, name)
        try:
            result = read_result(store, path)
            reason = _what_is_wrong(store, layout, result, parsed.partition_id)
        except CheckpointCorruptError as error:
            reason = str(error)
        except FileNotFoundError:
            reason = BROKEN_LINK
        if reason is None:
            yield path, result
        else:
            damaged.append(Damage(path=path, reason=reason))


def _what_is_wrong(store: Store, layout: JobLayout, result: CommittedResult, partition_id: int) -> str | None:
    if result.partition != partition_id:
        return f"it is the manifest of partition {result.partition}, operator {result.operator_index}"
    if result.kind != "result":
        return f"it is the manifest of a {result.kind}"
    reason = wrong_files(store, layout.results_dir, result.files)
    if reason is None and result.dead_letters:
        reason = wrong_files(store, layout.dead_letter_dir, result.dead_letters)
    return reason
