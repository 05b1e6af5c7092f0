"""How much of a job is committed, from the names of its manifests and its mapping: exact for live, killed and ended jobs.

No manifest is opened, so that a job of a hundred thousand partitions is counted in a second. The event log is not asked: it may
lack the last half second, or be lost.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from data_juicer.errors import CheckpointError, DataJuicerError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import committed_results, parse_checkpoint_name
from data_juicer.plan.mapping import JOINED_FORMAT_VERSION
from data_juicer.storage.base import Store
from data_juicer.store.versioned_json import VersionedJson


class CommittedWork(msgspec.Struct, frozen=True, kw_only=True):
    """What a resume of the same recipe does not do again."""

    partitions: int | None
    """Of the whole input; None where that is not known, before the scan."""
    rows: int
    partitions_done: int
    rows_done: int
    """Rows of the input in partitions whose result is committed; 0 where the input is not known."""
    checkpoints: Mapping[int, int]
    """Operator -> how many of the other partitions have their newest checkpoint after it."""

    @property
    def is_nothing(self) -> bool:
        return not self.partitions_done and not self.checkpoints


class _Rows(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    row_start: int
    row_stop: int


class _Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    fragment: _Rows


class _Partition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    partition_id: int
    fragment: _Rows
    more: tuple[_Part, ...] = ()

    @property
    def rows(self) -> int:
        fragments = (self.fragment, *(part.fragment for part in self.more))
        return sum(fragment.row_stop - fragment.row_start for fragment in fragments)


class _Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """As much of a mapping as tells how many rows each partition has."""

    format_version: int
    partitions: tuple[_Partition, ...]


_CODEC: Final = VersionedJson(_Mapping, JOINED_FORMAT_VERSION)


def find_committed(store: Store, layout: JobLayout) -> CommittedWork:
    """Count what is committed. Raises: StoreError: a directory cannot be listed."""
    rows = rows_of_partitions(store, layout)
    done = committed_results(store.list(layout.results_dir))
    newest: dict[int, int] = {}
    for name in store.list(layout.checkpoints_dir):
        found = parse_checkpoint_name(name)
        if found is None or found.attempt or found.is_summary or found.partition_id in done:
            continue
        newest[found.partition_id] = max(found.operation_idx, newest.get(found.partition_id, -1))
    if rows is not None:  # what the input has no more is not counted
        done &= rows.keys()
        newest = {partition: index for partition, index in newest.items() if partition in rows}
    return CommittedWork(
        partitions=None if rows is None else len(rows),
        rows=sum((rows or {}).values()),
        partitions_done=len(done),
        rows_done=sum(rows[partition] for partition in done) if rows else 0,
        checkpoints=dict(sorted(Counter(newest.values()).items())),
    )


@contextlib.contextmanager
def before_first_row(store: Store, layout: JobLayout) -> Iterator[None]:
    """Whatever refuses a run before its first row says what is safe as it is: often nothing was ever begun."""
    try:
        yield
    except DataJuicerError as error:
        has_committed = False
        with contextlib.suppress(StoreError):
            has_committed = not find_committed(store, layout).is_nothing
        error.correct_what_is_safe(has_committed=has_committed)
        raise


def rows_of_partitions(store: Store, layout: JobLayout) -> dict[int, int] | None:
    path = layout.dataset_mapping
    try:
        mapping = _CODEC.decode(store.read_document(path), path)
    except (
        FileNotFoundError,
        CheckpointError,
        StoreError,
    ):  # what is committed counts where its mapping cannot be read too
        return None
    return {each.partition_id: each.rows for each in mapping.partitions}
