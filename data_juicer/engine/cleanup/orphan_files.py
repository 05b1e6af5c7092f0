"""Files that nobody needs any more: what attempts left that never committed, and checkpoints that retention lets go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from data_juicer.engine.cleanup.orphan_copies import sweep_leftovers
from data_juicer.engine.cleanup.remover import Remover
from data_juicer.errors import CheckpointError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import (
    ROWS_SUFFIX,
    CheckpointName,
    ResultName,
    parse_checkpoint_name,
    parse_resolve_name,
    parse_result_name,
)
from data_juicer.storage.base import ASIDE_SUFFIX, Store
from data_juicer.store.commit import SET_ASIDE, read_manifest
from data_juicer.store.decisions import read_resolve


def done_partitions(store: Store, layout: JobLayout) -> list[int]:
    """Partitions with a committed result."""
    parsed = (parse_result_name(name) for name in store.list(layout.results_dir))
    return [name.partition_id for name in parsed if name is not None and name.attempt is None]


def checkpointed_partitions(store: Store, layout: JobLayout) -> set[int]:
    """Partitions that have files in the checkpoint directory."""
    parsed = (parse_checkpoint_name(name) for name in store.list(layout.checkpoints_dir))
    return {name.partition_id for name in parsed if name is not None}


def drop_checkpoints(
    store: Store, layout: JobLayout, partitions: Iterable[int], *, keep_gathered: bool = False
) -> Remover:
    """Remove checkpoints and intermediate data of these partitions; their results stay.

    Args:
        keep_gathered: leave the rows that other partitions have yet to gather, with the summaries beside them.
    """
    gone = set(partitions)
    parsed = {
        name: found for name in store.list(layout.checkpoints_dir) if (found := parse_checkpoint_name(name))
    }
    gathered = {_stage(found) for found in parsed.values() if keep_gathered and found.suffix == ROWS_SUFFIX}
    manifests: list[str] = []
    data: list[str] = []
    for name, found in parsed.items():
        if found.partition_id in gone and not (found.is_summary and _stage(found) in gathered):
            (data if found.attempt else manifests).append(name)
    remover = Remover(store)
    _remove_facts_first(remover, layout.checkpoints_dir, manifests, data)
    for partition in gone:
        directory = layout.intermediate_partition_dir(partition)
        remover.remove(directory, store.list(directory))
        store.remove_dir(directory)
    return remover


def _remove_facts_first(
    remover: Remover, directory: str, manifests: Sequence[str], data: Sequence[str]
) -> None:
    """Manifests, durably, then the files that they name."""
    remover.remove(directory, manifests)
    if manifests:
        remover.store.sync_dir(directory)
    remover.remove(directory, data)


def _stage(name: CheckpointName) -> tuple[int, int]:
    return name.partition_id, name.operation_idx


def sweep(store: Store, layout: JobLayout) -> Remover:
    """Remove what attempts left that never committed: files that no manifest names.

    Only called while no worker runs. Of a partition with something set aside, everything stays.
    """
    remover = Remover(store)
    _sweep_dir(remover, layout.checkpoints_dir, parse_checkpoint_name)
    _sweep_dir(remover, layout.results_dir, parse_result_name)
    _sweep_decisions(remover, layout)
    sweep_leftovers(remover, layout)
    return remover


def _sweep_decisions(remover: Remover, layout: JobLayout) -> None:
    """Remove decisions of dataset-wide operators that no manifest names any more, or does yet."""
    names = remover.store.list(layout.checkpoints_dir)
    held = {name: index for name in names if (index := parse_resolve_name(name)) is not None}
    named = set()
    for name in held:
        if name.endswith(".json"):
            try:
                named.add(read_resolve(remover.store, os.path.join(layout.checkpoints_dir, name)).file)
            except (CheckpointError, StoreError, FileNotFoundError):
                return  # what it names is not known
    remover.remove(
        layout.checkpoints_dir, [name for name in held if not name.endswith(".json") and name not in named]
    )


def drop_decisions(store: Store, layout: JobLayout) -> Remover:
    """Remove what dataset-wide operators decided; only of a job that is complete."""
    names = [name for name in store.list(layout.checkpoints_dir) if parse_resolve_name(name) is not None]
    manifests = [name for name in names if name.endswith(".json")]
    remover = Remover(store)
    data = [name for name in names if name not in manifests]
    _remove_facts_first(remover, layout.checkpoints_dir, manifests, data)
    return remover


def _sweep_dir(
    remover: Remover, directory: str, parse: Callable[[str], CheckpointName | ResultName | None]
) -> None:
    store = remover.store
    manifests: dict[int, list[str]] = {}
    files: dict[int, list[str]] = {}
    litter = []
    for name in store.list(directory):
        if name.endswith(ASIDE_SUFFIX):
            litter.append(name)
        elif (parsed := parse(name)) is not None:
            (files if parsed.attempt else manifests).setdefault(parsed.partition_id, []).append(name)
    for name in store.list(os.path.join(directory, SET_ASIDE)):
        if (parsed := parse(name.partition(".json")[0] + ".json")) is not None:
            files.pop(parsed.partition_id, None)
    for partition, held in files.items():
        named = _named(store, directory, manifests.get(partition, []), held)
        litter += [name for name in held if name not in named]
    remover.remove(directory, litter)


def _named(store: Store, directory: str, manifests: Sequence[str], files: Sequence[str]) -> set[str]:
    """Which of the files of a partition these manifests name; all of them where one cannot be read.

    As many files as manifests, all of one attempt, are what a run leaves that nothing disturbed: none is opened.
    """
    if len(files) == len(manifests) and len({name.split(".")[1] for name in files}) == 1:
        return set(files)
    named: set[str] = set()
    for name in manifests:
        try:
            manifest = read_manifest(store, os.path.join(directory, name))
        except (CheckpointError, StoreError, FileNotFoundError):
            return set(files)
        named |= {file.name for file in manifest.all_files}
    return named
