"""What a replay is made of: how a job read its rows, its operators as far as they may be run here, its decisions."""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from data_juicer.errors import CheckpointCorruptError, CheckpointError, ConfigError, DataJuicerError, JobError
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import committed_results, parse_checkpoint_name
from data_juicer.job.summary import JobSummary
from data_juicer.ops.base import Operator, as_asked, parameters_of
from data_juicer.ops.catalog import registry
from data_juicer.ops.effects import EffectMapper
from data_juicer.plan.keys import canonical, digest
from data_juicer.plan.mapping import DatasetMapping, decode_mapping
from data_juicer.storage.base import Store
from data_juicer.store.commit import read_manifest
from data_juicer.store.decisions import ResolveManifest, read_resolve
from data_juicer.store.manifest import Manifest

RUN_CUSTOM: Final = "--run_custom"


def load_mapping(store: Store, layout: JobLayout) -> DatasetMapping:
    """Raises: JobError: the input of the job is not known."""
    path = layout.dataset_mapping
    try:
        return decode_mapping(store.read(path), path, layout.partitions_dir)
    except (FileNotFoundError, CheckpointCorruptError):
        raise JobError(
            f"{path} is missing or damaged: which rows its partitions are is not known. Nothing was changed; the next run of "
            "the job makes it anew."
        ) from None


def make_operators(summary: JobSummary, *, run_custom: bool) -> list[tuple[str, Operator | None]]:
    """Name and operator of each entry of the recipe; None for one that is not to be run here.

    Code of others is not run to look at a job, unless the person asks for it; what calls a model costs money and is never
    run again.
    """
    config = summary.config
    if run_custom:
        registry.load_custom(config.get("custom_operator_paths") or ())
    return [(name, _make(name, params, config, run_custom)) for name, params in _entries(config)]


def _entries(config: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    process = config.get("process")
    try:
        return [parameters_of(entry) for entry in process] if isinstance(process, list) else []
    except ValueError:
        return []


def _make(
    name: str, params: Mapping[str, Any], config: Mapping[str, Any], run_custom: bool
) -> Operator | None:
    if not (run_custom or registry.is_built_in(name)):
        return None
    keys, seed = config.get("text_keys"), config.get("seed")
    with contextlib.suppress(DataJuicerError):
        made = as_asked(
            registry.make(
                name,
                params,
                text_key=str(keys[0]) if isinstance(keys, list) and keys else "text",
                seed=seed if isinstance(seed, int) else 42,
            ),
            keeps_hashes=config.get("keep_hashes_in_res_ds") is True,
        )
        return None if isinstance(made, EffectMapper) else made
    return None


def find_text_keys(
    manifest: Manifest,
    operators: Sequence[tuple[str, Operator | None]],
    config: Mapping[str, Any],
    row_bytes_max: int,
) -> tuple[str, ...]:
    """The text columns that rows had to have when the partition was read: rows without them are no rows of it.

    Raises: ConfigError: they depend on an operator that is not to be run here.
    """
    from data_juicer.engine.lifecycle.build_setup import text_keys_of

    known = [operator for _, operator in operators if operator is not None]
    named = config.get("text_keys")
    first = tuple(str(key) for key in named[:1]) if isinstance(named, list) else ()
    candidates = (
        text_keys_of(known),
        first,
        (),
        ("text",),
        tuple(dict.fromkeys((*first, *text_keys_of(known)))),
    )
    for text_keys in candidates:
        if _reader(text_keys, row_bytes_max, config) == manifest.reader:
            return text_keys
    raise ConfigError(
        f"which text fields this job reads depends on an operator of its own code. Nothing was changed. To have that code "
        f"run here: {RUN_CUSTOM}"
    )


def _reader(text_keys: tuple[str, ...], row_bytes_max: int, config: Mapping[str, Any]) -> str:
    """As `build_setup.worker_setup` makes it."""
    return digest(
        canonical(
            {"text_keys": text_keys, "row_bytes_max": row_bytes_max, "null_text": config.get("null_text")}
        )
    )


class CommittedNames(msgspec.Struct, frozen=True, kw_only=True):
    """What the names of manifests say is committed; each directory is listed once, however many partitions are asked for."""

    results: frozenset[int]
    """Partitions with a result."""
    checkpoints: dict[int, list[int]]
    """Partition -> the operators after which it has a checkpoint, ascending."""

    def __contains__(self, partition_id: int) -> bool:
        return partition_id in self.results or partition_id in self.checkpoints


def committed_names(store: Store, layout: JobLayout) -> CommittedNames:
    """Raises: StoreError: a directory cannot be listed."""
    checkpoints: dict[int, list[int]] = {}
    for name in map(parse_checkpoint_name, store.list(layout.checkpoints_dir)):
        if name is not None and not name.attempt and not name.is_summary:
            bisect.insort(checkpoints.setdefault(name.partition_id, []), name.operation_idx)
    return CommittedNames(
        results=frozenset(committed_results(store.list(layout.results_dir))),
        checkpoints=checkpoints,
    )


def committed_manifests(
    store: Store, layout: JobLayout, names: CommittedNames, partition_id: int
) -> tuple[Manifest | None, Manifest | None]:
    """The newest checkpoint of a partition, and its result; None for what there is none of. Damaged ones are passed over."""
    is_done = partition_id in names.results
    result = _find_manifest(store, layout.result_manifest(partition_id)) if is_done else None
    indices = reversed(names.checkpoints.get(partition_id, []))
    paths = (layout.checkpoint_manifest(partition_id, index) for index in indices)
    return next((found for path in paths if (found := _find_manifest(store, path))), None), result


def _find_manifest(store: Store, path: str) -> Manifest | None:
    try:
        return read_manifest(store, path)
    except (FileNotFoundError, CheckpointError):
        return None


def find_resolve(store: Store, layout: JobLayout, operator_index: int) -> ResolveManifest | None:
    """The decisions of a dataset operator; None where there are none any more, or yet."""
    try:
        return read_resolve(store, layout.resolve_manifest(operator_index))
    except (FileNotFoundError, CheckpointError):
        return None
