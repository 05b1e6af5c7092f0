"""What killed runs leave beside checkpoints and results: files that were half written, and such as nothing names any more."""

from __future__ import annotations

import os
import re
from typing import Final

from data_juicer.engine.cleanup.remover import Remover
from data_juicer.errors import CheckpointError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import parse_result_name
from data_juicer.plan.mapping import decode_mapping
from data_juicer.storage.base import Store
from data_juicer.storage.disk import ASIDE_SUFFIX
from data_juicer.store.commit import SET_ASIDE, read_manifest

_COPY_NAME: Final = re.compile(r"(rows_[0-9a-f]{32}|partition_\d{6,}\.[0-9a-f]{8})\.[a-z]+", re.ASCII)
"""The second form is that of earlier versions, as is the suffix."""
_STAGED_SUFFIX: Final = ".staged"


def is_copy_name(name: str) -> bool:
    """Whether a file in `partitions/` is a copy of rows of the input, whole or half written."""
    return _COPY_NAME.fullmatch(name) is not None or name.endswith(_STAGED_SUFFIX)


def sweep_leftovers(remover: Remover, layout: JobLayout) -> None:
    """Remove them, while no worker runs."""
    store = remover.store
    _sweep_copies(remover, layout)
    _sweep_beside_results(remover, layout, layout.dead_letter_dir)
    _sweep_beside_results(remover, layout, layout.trace_dir)
    for directory in (
        layout.job_dir,
        layout.metadata_dir,
        layout.runs_dir,
        layout.dead_letter_dir,
        layout.trace_dir,
    ):
        names = store.list(directory)
        remover.remove(directory, [name for name in names if name.endswith(ASIDE_SUFFIX)])
        if not remover.is_dry:
            store.end_uploads(directory, names)


def _sweep_copies(remover: Remover, layout: JobLayout) -> None:
    """Copies of an input that has changed since, and those of a scan that did not come to its end."""
    names = remover.store.list(layout.partitions_dir)
    litter = [name for name in names if name.endswith(_STAGED_SUFFIX)]
    copies = [name for name in names if _COPY_NAME.fullmatch(name)]
    named = _named_copies(remover.store, layout) if copies else None
    if named is not None:
        litter += [name for name in copies if name not in named]
    remover.remove(layout.partitions_dir, litter)


def _named_copies(store: Store, layout: JobLayout) -> set[str] | None:
    """Those that the mapping names; None where it cannot be read."""
    try:
        path = layout.dataset_mapping
        mapping = decode_mapping(store.read(path), path, layout.partitions_dir)
    except (CheckpointError, StoreError, FileNotFoundError):
        return None
    return {os.path.basename(path) for spec in mapping.partitions for path in spec.copy_paths}


def _sweep_beside_results(remover: Remover, layout: JobLayout, directory: str) -> None:
    """Dead letters or samples of attempts whose result was not committed; those of a result set aside stay."""
    store = remover.store
    aside = store.list(os.path.join(layout.results_dir, SET_ASIDE))
    kept = {os.path.join(layout.results_dir, f"{name.partition('.json')[0]}.json") for name in aside}
    litter = []
    for name in store.list(directory):
        parsed = parse_result_name(name)
        if parsed is None or parsed.attempt is None:
            continue
        manifest = layout.result_manifest(parsed.partition_id)
        if manifest not in kept and name not in _named_beside(store, manifest, name):
            litter.append(name)
    remover.remove(directory, litter)


def _named_beside(store: Store, manifest: str, name: str) -> set[str]:
    """What a manifest names; the name asked for where it cannot be read."""
    try:
        return (
            {file.name for file in read_manifest(store, manifest).all_files}
            if store.exists(manifest)
            else set()
        )
    except (CheckpointError, StoreError, FileNotFoundError):
        return {name}
