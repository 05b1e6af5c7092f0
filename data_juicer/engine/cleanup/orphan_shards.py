"""What the shards of a resolve leave for each other: needed until the decisions are committed."""

from __future__ import annotations

from data_juicer.engine.cleanup.remover import Remover
from data_juicer.errors import CheckpointError, StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.job.names import parse_shard_name
from data_juicer.storage.capabilities import OwnDirectory
from data_juicer.storage.disk import ASIDE_SUFFIX
from data_juicer.store.resolve.shards import read_shard


def sweep_shards(remover: Remover, layout: JobLayout) -> set[str]:
    """Remove what no shard that counts names, while no worker runs; of resolves that are committed, everything.

    Returns: the files beside the checkpoints that committed shards name.
    """
    with remover.open(layout.shards_dir) as own:
        return set() if own is None else _sweep(remover, own, layout)


def drop_shard_files(remover: Remover, own: OwnDirectory) -> None:
    """Remove all of them, manifests first."""
    names = [name for name in own.list() if parse_shard_name(name) is not None]
    _remove(remover, own, names)


def _sweep(remover: Remover, own: OwnDirectory, layout: JobLayout) -> set[str]:
    store, named, gone = remover.store, set[str](), list[str]()
    by_operator: dict[int, list[str]] = {}
    for name in own.list():
        index = parse_shard_name(name)
        if index is not None:
            by_operator.setdefault(index, []).append(name)
        elif name.endswith(ASIDE_SUFFIX):
            gone.append(name)
    for index, names in by_operator.items():
        manifests = [name for name in names if name.endswith(".json")]
        if not manifests or store.exists(layout.resolve_manifest(index)):
            gone += names
            continue
        try:
            files = {read_shard(store, f"{layout.shards_dir}/{name}").file for name in manifests}
        except (CheckpointError, StoreError, FileNotFoundError):
            continue  # what it names is not known
        named |= files
        gone += [name for name in names if name.endswith(".shard") and name not in files]
    _remove(remover, own, gone)
    return named


def _remove(remover: Remover, own: OwnDirectory, names: list[str]) -> None:
    manifests = [name for name in names if name.endswith(".json")]
    remover.remove_from(own, manifests)
    if manifests:
        own.sync()
    remover.remove_from(own, [name for name in names if name not in manifests])
