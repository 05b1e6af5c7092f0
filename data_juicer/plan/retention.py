"""Which files of a job may go. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from data_juicer.store.manifest import Manifest

Retention = Literal["keep_all", "keep_failed_only", "cleanup_all"]


def superseded(
    newest: Manifest,
    manifests: Iterable[Manifest],
    retention: Retention,
    dataset_operators: Collection[int] = (),
) -> tuple[Manifest, ...]:
    """The checkpoints of a partition that `newest`, just committed, makes needless: all older, unless all are kept.

    That before a dataset operator stays: when rows are appended, its key holds and those after it do not. It costs a
    manifest, since newer checkpoints are on its file.
    """
    if retention == "keep_all":
        return ()
    return tuple(
        manifest
        for manifest in manifests
        if manifest.operator_index < newest.operator_index
        and manifest.operator_index + 1 not in dataset_operators
    )


def unnamed_files(dropped: Iterable[Manifest], kept: Iterable[Manifest]) -> tuple[str, ...]:
    """Data files of dropped manifests that no kept one names, sorted."""
    needed = {file.name for manifest in kept for file in manifest.all_files}
    gone = {file.name for manifest in dropped for file in manifest.all_files}
    return tuple(sorted(gone - needed))


def drops_checkpoints_of_done(retention: Retention, succeeded: bool, cleanup_on_success: bool) -> bool:
    """At the end of a run: whether checkpoints and intermediates of completed partitions go.

    keep_failed_only drops them in any case; cleanup_all and cleanup_on_success once the whole job succeeded.
    """
    return retention == "keep_failed_only" or (
        succeeded and (retention == "cleanup_all" or cleanup_on_success)
    )
