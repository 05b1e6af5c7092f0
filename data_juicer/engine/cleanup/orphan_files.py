"""Files that nobody needs any more: what attempts left that never committed, and checkpoints that retention lets go."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby
from typing import Final

from data_juicer.engine.cleanup.orphan_copies import sweep_leftovers
from data_juicer.engine.cleanup.orphan_shards import drop_shard_files, sweep_shards
from data_juicer.engine.cleanup.remover import Remover
from data_juicer.errors import CheckpointError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import (
    ROWS_SUFFIX,
    CheckpointName,
    ResultName,
    committed_results,
    is_attempt,
    is_intermediate_name,
    parse_checkpoint_name,
    parse_intermediate_dir,
    parse_produced_name,
    parse_resolve_name,
    parse_result_name,
)
from data_juicer.rows.recorded_stats import STATS_SUFFIX
from data_juicer.storage.base import Store
from data_juicer.storage.capabilities import OwnDirectory
from data_juicer.storage.disk import ASIDE_SUFFIX
from data_juicer.store.commit import SET_ASIDE, read_manifest
from data_juicer.store.decisions import read_resolve
from data_juicer.store.export.exported_rows import ExportedRows
from data_juicer.store.export.row_stats import ROW_STATS_SUFFIX

_STATS: Final = (f".{STATS_SUFFIX}", f".{ROW_STATS_SUFFIX}")


def done_partitions(store: Store, layout: JobLayout) -> list[int]:
    """Partitions with a committed result."""
    return sorted(committed_results(store.list(layout.results_dir)))


def drop_checkpoints(
    store: Store, layout: JobLayout, partitions: Iterable[int], *, keep_gathered: bool = False
) -> Remover:
    """Remove checkpoints and intermediate data of these partitions; their results stay.

    Args:
        keep_gathered: leave the rows that other partitions have yet to gather, with the summaries beside them.
    """
    gone = set(partitions)
    remover = Remover(store, layout)
    with remover.open(layout.checkpoints_dir) as checkpoints:
        if checkpoints is not None:
            drop_checkpoint_files(remover, checkpoints, gone, keep_gathered=keep_gathered)
    with remover.open(layout.intermediate_dir) as intermediate:
        if intermediate is not None:
            drop_intermediate(remover, intermediate, gone)
    return remover


def drop_checkpoint_files(
    remover: Remover,
    checkpoints: OwnDirectory,
    partitions: Collection[int] | None = None,
    *,
    keep_gathered: bool = False,
) -> None:
    """`drop_checkpoints` of one directory that is open; without `partitions` those of all."""
    parsed = {name: found for name in checkpoints.list() if (found := parse_checkpoint_name(name))}
    gathered = {_stage(found) for found in parsed.values() if keep_gathered and found.suffix == ROWS_SUFFIX}
    manifests: list[str] = []
    data: list[str] = []
    for name, found in parsed.items():
        is_asked = partitions is None or found.partition_id in partitions
        if is_asked and not (found.is_summary and _stage(found) in gathered):
            (data if found.attempt else manifests).append(name)
    _remove_facts_first(remover, checkpoints, manifests, data)


def drop_intermediate(
    remover: Remover, intermediate: OwnDirectory, partitions: Collection[int] | None = None
) -> None:
    """Remove the rows after each operator of these partitions, without `partitions` of all."""
    for name in intermediate.list():
        partition_id = parse_intermediate_dir(name)
        if partition_id is None or (partitions is not None and partition_id not in partitions):
            continue
        with intermediate.inside(name) as own:
            if own is not None:
                remover.remove_from(own, filter(is_intermediate_name, own.list()))
        intermediate.remove_dir(name)


def drop_decisions(store: Store, layout: JobLayout) -> Remover:
    """Remove what dataset operators decided; only of a job that is complete."""
    remover = Remover(store, layout)
    with remover.open(layout.checkpoints_dir) as checkpoints:
        if checkpoints is not None:
            drop_decision_files(remover, checkpoints)
    with remover.open(layout.shards_dir) as shards:
        if shards is not None:
            drop_shard_files(remover, shards)
    return remover


def drop_decision_files(remover: Remover, checkpoints: OwnDirectory) -> None:
    """`drop_decisions` of a directory that is open."""
    names = [name for name in checkpoints.list() if parse_resolve_name(name) is not None]
    manifests = [name for name in names if name.endswith(".json")]
    _remove_facts_first(remover, checkpoints, manifests, [name for name in names if name not in manifests])


def _remove_facts_first(
    remover: Remover, own: OwnDirectory, manifests: Sequence[str], data: Sequence[str]
) -> None:
    """Manifests, durably, then the files that they name."""
    remover.remove_from(own, manifests)
    if manifests:
        own.sync()
    remover.remove_from(own, data)


def _stage(name: CheckpointName) -> tuple[int, int]:
    return name.partition_id, name.operation_idx


def sweep(store: Store, layout: JobLayout, *, is_dry: bool = False) -> Remover:
    """Remove what attempts left that never committed: files that no manifest names.

    Only called while no worker runs. Of a partition with something set aside, everything stays.

    Args:
        is_dry: only find out what would be removed.
    """
    remover = Remover(store, layout, is_dry=is_dry)
    _sweep_dir(remover, layout.checkpoints_dir, parse_checkpoint_name)
    are_exported = ExportedRows(store, layout.results_manifest).are_there
    _sweep_dir(remover, layout.results_dir, parse_result_name, data_files=0 if are_exported else 1)
    _sweep_decisions(remover, layout, sweep_shards(remover, layout))
    _sweep_produced(remover, layout)
    sweep_leftovers(remover, layout)
    return remover


def _sweep_decisions(remover: Remover, layout: JobLayout, named_by_shards: set[str]) -> None:
    """Remove decisions of dataset operators that no manifest names any more, or does yet."""
    names = remover.store.list(layout.checkpoints_dir)
    if not remover.is_dry:
        remover.store.end_uploads(layout.checkpoints_dir, names)
    operator_of = {name: index for name in names if (index := parse_resolve_name(name)) is not None}
    named = set(named_by_shards)
    for name in operator_of:
        if name.endswith(".json"):
            try:
                resolve = read_resolve(remover.store, os.path.join(layout.checkpoints_dir, name))
                named |= {resolve.file, *(decision.file for decision in resolve.decisions)}
            except (CheckpointError, StoreError, FileNotFoundError):
                return  # what it names is not known
    remover.remove(
        layout.checkpoints_dir,
        [name for name in operator_of if not name.endswith(".json") and name not in named],
    )


def _sweep_produced(remover: Remover, layout: JobLayout) -> None:
    """Remove files that operators made and that no manifest names; of a partition with a manifest that cannot be read, none."""
    store = remover.store
    files: dict[int, list[str]] = {}
    for name in store.list(layout.produced_dir):
        if (parsed := parse_produced_name(name)) is not None:
            files.setdefault(parsed.partition_id, []).append(name)
    if not files:
        return
    named: set[str] = set()
    for directory, parse in (
        (layout.checkpoints_dir, parse_checkpoint_name),
        (layout.results_dir, parse_result_name),
    ):
        for inside in (directory, os.path.join(directory, SET_ASIDE)):
            for name in store.list(inside):
                found: CheckpointName | ResultName | None = parse(name.partition(".json")[0] + ".json")
                if found is None or found.attempt is not None or found.partition_id not in files:
                    continue
                try:
                    named |= {file.name for file in read_manifest(store, os.path.join(inside, name)).produced}
                except (CheckpointError, StoreError, FileNotFoundError):
                    files.pop(found.partition_id)
    remover.remove(
        layout.produced_dir, [name for names_of in files.values() for name in names_of if name not in named]
    )


def _sweep_dir(
    remover: Remover,
    directory: str,
    parse: Callable[[str], CheckpointName | ResultName | None],
    data_files: int = 1,
) -> None:
    """
    Args:
        data_files: how many files a manifest usually has beside it: none where the export holds what was in them.
    """
    store = remover.store
    manifests: dict[int, list[str]] = {}
    files: dict[int, list[str]] = {}
    litter = []
    for _, group in groupby(store.list(directory), _before_dot):
        names = list(group)
        if _is_undisturbed(names, data_files):
            continue
        for name in names:
            if name.endswith(ASIDE_SUFFIX):
                litter.append(name)
            elif (parsed := parse(name)) is not None:
                (files if parsed.attempt else manifests).setdefault(parsed.partition_id, []).append(name)
    for name in store.list(os.path.join(directory, SET_ASIDE)):
        if (parsed := parse(name.partition(".json")[0] + ".json")) is not None:
            files.pop(parsed.partition_id, None)
    for partition, present in files.items():
        named = _named(store, directory, manifests.get(partition, []), present, data_files)
        litter += [name for name in present if name not in named]
    remover.remove(directory, litter)


def _before_dot(name: str) -> str:
    return name.partition(".")[0]


def _is_undisturbed(names: Sequence[str], data_files: int) -> bool:
    """Whether files whose names begin alike are a manifest and so many files of one attempt, statistics aside, as nearly all are."""
    manifest, *others = names
    attempts = {name.split(".")[1] for name in others}
    return (
        manifest.endswith(".json")
        and manifest.count(".") == 1
        and sum(not name.endswith(_STATS) for name in others) == data_files
        and len(attempts) == 1
        and is_attempt(*attempts)
        and not any(name.endswith(ASIDE_SUFFIX) for name in others)
    )


def _named(
    store: Store, directory: str, manifests: Sequence[str], files: Sequence[str], data_files: int
) -> set[str]:
    """Which of the files of a partition these manifests name; all of them where one cannot be read.

    As many files as they usually have beside them, statistics aside, all of one attempt, are what a run leaves that nothing
    disturbed: no manifest is opened.
    """
    data = [name for name in files if not name.endswith(_STATS)]
    if len(data) == len(manifests) * data_files and len({name.split(".")[1] for name in files}) == 1:
        return set(files)
    named: set[str] = set()
    for name in manifests:
        try:
            manifest = read_manifest(store, os.path.join(directory, name))
        except (CheckpointError, StoreError, FileNotFoundError):
            return set(files)
        named |= {file.name for file in manifest.all_files}
    return named
