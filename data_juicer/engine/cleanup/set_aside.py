"""What settings that changed have left: kept for when they are changed back, within a bound.

The newest work stays. Damaged manifests are no such work; they are evidence, and never removed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from data_juicer.engine.cleanup.remover import Remover
from data_juicer.errors import CheckpointError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import parse_checkpoint_name, parse_result_name
from data_juicer.storage.base import Store
from data_juicer.store.commit import SET_ASIDE, read_manifest
from data_juicer.store.manifest import Manifest

_MB: Final = 1_000_000


def prune_set_aside(store: Store, layout: JobLayout, size_mb_max: int) -> Remover:
    """Remove the oldest work that was set aside, until what is left takes no more than this beside what is committed now."""
    remover = Remover(store, layout)
    for directory in (layout.results_dir, layout.checkpoints_dir):
        aside = sorted(_manifests(store, os.path.join(directory, SET_ASIDE)), key=_age)
        if not aside:
            continue
        needed = {file.name for _, manifest in _manifests(store, directory) for file in manifest.files}
        size_bytes, is_full, gone = 0, False, []
        for name, manifest in reversed(aside):
            own = [file for file in manifest.files if file.name not in needed]
            size_bytes += sum(file.size_bytes for file in own)
            is_full = is_full or size_bytes > size_mb_max * _MB
            if is_full:
                gone.append((name, [file.name for file in own]))
            else:
                needed |= {file.name for file in own}
        remover.remove(os.path.join(directory, SET_ASIDE), [name for name, _ in gone])
        files = {file for _, names in gone for file in names} - needed
        remover.remove(directory, sorted(files & set(store.list(directory))))
    return remover


def _age(entry: tuple[str, Manifest]) -> tuple[int, str, str]:
    name, manifest = entry
    return manifest.run, manifest.created, name


def _manifests(store: Store, folder: str) -> Iterator[tuple[str, Manifest]]:
    """Those of partitions that can be read, with their names."""
    for name in store.list(folder):
        plain = f"{name.partition('.json')[0]}.json"
        parsed = parse_checkpoint_name(plain) or parse_result_name(plain)
        if ".json" not in name or parsed is None or parsed.attempt is not None:
            continue
        try:
            yield name, read_manifest(store, os.path.join(folder, name))
        except (CheckpointError, StoreError, FileNotFoundError):
            continue
