"""Work that an earlier run set aside because a setting changed, and that is wanted again because it was changed back."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from data_juicer.errors import CheckpointError, StoreError
from data_juicer.job.names import parse_checkpoint_name, parse_result_name
from data_juicer.plan.resume.damage import wrong_files_of
from data_juicer.store.commit import SET_ASIDE, read_manifest, set_aside
from data_juicer.store.export.exported_rows import ExportedRows

if TYPE_CHECKING:
    from data_juicer.job.layout import JobLayout
    from data_juicer.plan.keys import KeyMaker
    from data_juicer.plan.partitions import PartitionSpec
    from data_juicer.storage.base import Store
    from data_juicer.store.manifest import Manifest


def bring_back(store: Store, layout: JobLayout, partitions: Iterable[PartitionSpec], keys: KeyMaker) -> int:
    """Give manifests that were set aside their names again where their keys are those of this run.

    What has the name now is set aside in turn. After a dataset operator nothing is brought back: what it decided is another matter.
    Returns: how many manifests have their names again.
    """
    results = _aside(store, layout.results_dir)
    checkpoints = _aside(store, layout.checkpoints_dir)
    if not results and not checkpoints:
        return 0
    exported = ExportedRows(store, layout.results_manifest)
    local_max = min(keys.resolve_keys, default=len(keys.operators))
    count = 0
    for spec in partitions:
        pid = spec.partition_id
        if (pid, -1) not in results and not any(
            (pid, index) in checkpoints for index in range(len(keys.operators))
        ):
            continue
        made = keys.keys(spec.digest, spec.position)
        if not keys.resolve_keys:
            wanted, target = keys.result_key(made[-1]), layout.result_manifest(pid)
            if _is_wanted(_find(store, target), layout.job_id, wanted):
                continue
            if _restore(store, layout.job_id, target, results.get((pid, -1), ()), wanted, exported):
                count += 1
                continue
        for index in range(local_max):
            manifests = checkpoints.get((pid, index), ())
            count += _restore(
                store, layout.job_id, layout.checkpoint_manifest(pid, index), manifests, made[index + 1]
            )
    return count


def _aside(store: Store, directory: str) -> dict[tuple[int, int], list[str]]:
    """Partition and operator, -1 for a result, -> paths of manifests that were set aside."""
    folder = os.path.join(directory, SET_ASIDE)
    found: dict[tuple[int, int], list[str]] = {}
    for name in store.list(folder):
        manifest = f"{name.partition('.json')[0]}.json"
        checkpoint, result = parse_checkpoint_name(manifest), parse_result_name(manifest)
        if checkpoint is not None and checkpoint.attempt is None and not checkpoint.is_summary:
            place = checkpoint.partition_id, checkpoint.operation_idx
        elif result is not None and result.attempt is None:
            place = result.partition_id, -1
        else:
            continue
        found.setdefault(place, []).append(os.path.join(folder, name))
    return found


def _restore(
    store: Store,
    job: str,
    target: str,
    candidates: Sequence[str],
    wanted: str,
    exported: ExportedRows | None = None,
) -> bool:
    """Whether a candidate with this key, all of whose files are there, has the name now that it had."""
    if not candidates or _is_wanted(_find(store, target), job, wanted):
        return False
    directory = os.path.dirname(target)
    for path in candidates:
        manifest = _find(store, path)
        if not _is_wanted(manifest, job, wanted) or manifest is None:
            continue
        if wrong_files_of(store, directory, manifest, exported) is None:
            set_aside(store, [target] if store.exists(target) else [])
            store.move([(path, target)])
            return True
    return False


def _is_wanted(manifest: Manifest | None, job: str, wanted: str) -> bool:
    return manifest is not None and (manifest.job, manifest.key) == (job, wanted)


def _find(store: Store, path: str) -> Manifest | None:
    """None where there is none, and where it cannot be read: that is damage, which is answered elsewhere."""
    try:
        return read_manifest(store, path)
    except (FileNotFoundError, CheckpointError, StoreError):
        return None
