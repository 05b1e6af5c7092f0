"""What an export must not replace, found before anything is created."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from data_juicer.config.schema import JobConfig
from data_juicer.errors import ConfigError
from data_juicer.job.layout import JobLayout
from data_juicer.storage.base import Store
from data_juicer.storage.locations.uri import absolute
from data_juicer.store.results import shard_pattern


def refuse_to_replace(
    store: Store, config: JobConfig, export_path: str, sources: Iterable[str], layout: JobLayout
) -> None:
    """Paths are compared by the files that they lead to: a file may have several names.

    Args:
        sources: paths of the files of the input.
    Raises: ConfigError: the export would replace something that is no earlier export, or a file of the job itself.
    """
    if (kind := store.find_kind(export_path)) is not None:
        raise _refused(export_path, f"is {kind}, which is not replaced by a file")
    is_there = store.exists(export_path)
    shard = shard_pattern(export_path) if config.export_shard_size else None
    for path, what in _kept(config, sources) if is_there or shard else ():
        is_shard = (
            shard is not None
            and shard.fullmatch(os.path.basename(path))
            and _beside(store, path, export_path)
        )
        if is_shard or (is_there and store.is_same(path, export_path)):
            raise _refused(export_path, f"would replace {path}, {what}")
    if _is_of_job(store, export_path, layout):
        raise _refused(export_path, f"lies where job {layout.job_id} has files of its own")


def _kept(config: JobConfig, sources: Iterable[str]) -> Iterator[tuple[str, str]]:
    if config.recipe_path is not None:
        yield absolute(config.recipe_path), "the recipe"
    for path in config.custom_operator_paths:
        yield absolute(path), "which holds custom operators"
    for path in sources:
        yield absolute(path), "an input of this job"


def _is_of_job(store: Store, export_path: str, layout: JobLayout) -> bool:
    """The job's directory itself may hold the export, but under no name that the job uses, and not its other directories."""
    directory = os.path.dirname(export_path)
    if store.is_same(directory, layout.job_dir):
        return os.path.basename(export_path) in layout.own_names()
    own = [path for path in layout.own_directories() if path != layout.job_dir]
    return any(f"{directory}/".startswith(f"{path}/") or store.is_same(directory, path) for path in own)


def _beside(store: Store, path: str, export_path: str) -> bool:
    return store.is_same(os.path.dirname(path), os.path.dirname(export_path))


def _refused(export_path: str, found: str) -> ConfigError:
    return ConfigError(f"export_path: {export_path} {found}. Nothing was changed; export to another file.")
