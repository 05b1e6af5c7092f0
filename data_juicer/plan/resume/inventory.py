"""What earlier runs committed: the manifests that are on disk, and those that are damaged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import msgspec

from data_juicer.errors import CheckpointCorruptError
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import parse_checkpoint_name, parse_resolve_name, parse_result_name
from data_juicer.plan.resume.ahead import fetch_ahead
from data_juicer.plan.resume.damage import BROKEN_LINK, Damage, wrong_files, wrong_files_of
from data_juicer.storage.base import Store
from data_juicer.store.commit import read_manifest
from data_juicer.store.decisions import ResolveManifest, check_decisions, read_resolve
from data_juicer.store.export.exported_rows import ExportedRows
from data_juicer.store.manifest import Manifest


class Inventory(msgspec.Struct):
    """Committed manifests by partition; a manifest's place in the lists is where its name says it belongs."""

    checkpoints: dict[int, list[tuple[str, Manifest]]] = msgspec.field(default_factory=dict)
    results: dict[int, tuple[str, Manifest]] = msgspec.field(default_factory=dict)
    summaries: dict[tuple[int, int], tuple[str, Manifest]] = msgspec.field(default_factory=dict)
    """By partition and operator."""
    resolves: dict[int, tuple[str, ResolveManifest]] = msgspec.field(default_factory=dict)
    """By operator."""
    damaged: list[Damage] = msgspec.field(default_factory=list)


def take_inventory(store: Store, layout: JobLayout) -> Inventory:
    """Read every manifest of the job. Data files are not opened; a missing one or one of the wrong size is damage.

    Only the decisions of dataset operators are read: a worker that found them damaged could not go on.
    """
    inventory = take_checkpoints(store, layout)
    names = set(store.list(layout.results_dir))
    exported = ExportedRows(store, layout.results_manifest)
    for path, manifest in _manifests(
        store, layout.results_dir, names, inventory.damaged, layout.dead_letter_dir, exported
    ):
        parsed = parse_result_name(os.path.basename(path))
        if parsed is not None and parsed.partition_id == manifest.partition:
            inventory.results[manifest.partition] = (path, manifest)
    return inventory


def take_checkpoints(
    store: Store, layout: JobLayout, wanted: Callable[[int], bool] = lambda _: True
) -> Inventory:
    """The same without results, and without the checkpoints of partitions that are not wanted: those are not opened.

    Summaries are taken of all partitions, since the decisions about one depend on all.
    """
    inventory = Inventory()
    names = set(store.list(layout.checkpoints_dir))
    opened = [name for name in names if _is_opened(name, wanted)]
    for path, manifest in _manifests(store, layout.checkpoints_dir, opened, inventory.damaged):
        if manifest.kind == "summary":
            inventory.summaries[manifest.partition, manifest.operator_index] = (path, manifest)
        else:
            inventory.checkpoints.setdefault(manifest.partition, []).append((path, manifest))
    _take_resolves(store, layout, names, inventory)
    return inventory


def _take_resolves(store: Store, layout: JobLayout, names: set[str], inventory: Inventory) -> None:
    for name in sorted(names):
        index = parse_resolve_name(name)
        if index is None or not name.endswith(".json"):
            continue
        path = layout.resolve_manifest(index)
        try:
            manifest = read_resolve(store, path)
            check_decisions(store, layout.checkpoints_dir, manifest)
        except CheckpointCorruptError as error:
            inventory.damaged.append(Damage(path=path, reason=str(error)))
        except FileNotFoundError:
            inventory.damaged.append(Damage(path=path, reason=BROKEN_LINK))
        else:
            inventory.resolves[index] = (path, manifest)


def _manifests(
    store: Store,
    directory: str,
    names: Iterable[str],
    damaged: list[Damage],
    letters_dir: str | None = None,
    exported: ExportedRows | None = None,
) -> Iterator[tuple[str, Manifest]]:
    """
    Args:
        letters_dir: of the dead letters that the manifests name, if not beside them.
        exported: where rows may be that have no file of their own.
    """
    paths = (
        (os.path.join(directory, name), expected)
        for name in sorted(names)
        if (expected := _partition_of(name)) is not None
    )
    for (path, expected), read in fetch_ahead(lambda item: read_manifest(store, item[0]), paths):
        try:
            manifest = read()
        except CheckpointCorruptError as error:
            damaged.append(Damage(path=path, reason=str(error)))
            continue
        except FileNotFoundError:
            damaged.append(Damage(path=path, reason=BROKEN_LINK))
            continue
        reason = _wrong_name(manifest, expected) or wrong_files_of(store, directory, manifest, exported)
        reason = reason or wrong_files(store, letters_dir or directory, manifest.dead_letters)
        if reason is None:
            yield path, manifest
        else:
            damaged.append(Damage(path=path, reason=reason))


class _Named(msgspec.Struct, frozen=True):
    """What the name of a manifest tells of it."""

    kind: str
    partition: int
    operator: int | None


def _partition_of(name: str) -> _Named | None:
    """None for a file that is no manifest."""
    checkpoint = parse_checkpoint_name(name)
    if checkpoint is not None:
        kind = "summary" if checkpoint.is_summary else "checkpoint"
        return None if checkpoint.attempt else _Named(kind, checkpoint.partition_id, checkpoint.operation_idx)
    result = parse_result_name(name)
    return None if result is None or result.attempt else _Named("result", result.partition_id, None)


def _wrong_name(manifest: Manifest, named: _Named) -> str | None:
    problem = f"it is the manifest of partition {manifest.partition}, operator {manifest.operator_index}"
    if manifest.partition != named.partition:
        return problem
    if named.operator is not None and manifest.operator_index != named.operator:
        return problem
    if manifest.kind != named.kind:
        return f"it is the manifest of a {manifest.kind}"
    return None


def _is_opened(name: str, wanted: Callable[[int], bool]) -> bool:
    """Whether a file is a manifest that is to be read."""
    parsed = parse_checkpoint_name(name)
    if parsed is None or parsed.attempt is not None:
        return False
    return parsed.is_summary or wanted(parsed.partition_id)
