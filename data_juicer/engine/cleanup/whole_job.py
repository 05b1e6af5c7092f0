"""A whole job removed: every file that a run of it writes, by its name, and the directories that are empty then.

The export is not the job's: it stays. So does whatever else is in the directories of the job. The summary goes last, so that
what is left of a removal that was interrupted still is a job, and can be removed again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Final

from data_juicer.engine.cleanup.orphan_copies import is_copy_name
from data_juicer.engine.cleanup.remover import Remover
from data_juicer.job.layout import JobLayout, is_rotated
from data_juicer.job.names import (
    is_intermediate_name,
    parse_checkpoint_name,
    parse_intermediate_dir,
    parse_produced_name,
    parse_resolve_name,
    parse_result_name,
    parse_run_name,
    parse_shard_name,
    parse_shown_letters_name,
)
from data_juicer.storage.base import Store
from data_juicer.storage.disk import ASIDE_SUFFIX
from data_juicer.store.commit import SET_ASIDE

_JSON: Final = ".json"


def remove_job(store: Store, layout: JobLayout, *, is_dry: bool = False) -> Remover:
    """Remove a job that nobody works on; its lock is held by the caller.

    Args:
        is_dry: only find out what would be removed.
    """
    remover = Remover(store, layout, is_dry=is_dry)
    for directory, is_own in _directories(store, layout):
        are_logs = directory == layout.event_logs_dir
        remover.remove(directory, [name for name in store.list(directory) if is_own(name)], are_logs=are_logs)
    for path in layout.documents():
        directory, name = os.path.split(path)
        if name in store.list(directory):
            are_logs = path in {layout.events_log, layout.events_jsonl}
            remover.remove(directory, [name], are_logs=are_logs)
    if not is_dry:
        _remove_empty(remover, layout)
    return remover


def _directories(store: Store, layout: JobLayout) -> Iterator[tuple[str, Callable[[str], bool]]]:
    """Each directory with what in it is a file of the job, manifests before the files that they name."""
    for directory in (layout.results_dir, layout.checkpoints_dir):
        yield os.path.join(directory, SET_ASIDE), _is_set_aside
    yield os.path.join(layout.shards_dir, SET_ASIDE), lambda name: _is_shard(name.partition(_JSON)[0] + _JSON)
    yield layout.shards_dir, lambda name: _is_shard(name) and name.endswith(_JSON)
    yield layout.shards_dir, _is_shard
    yield layout.results_dir, lambda name: _is_result(name) and name.endswith(_JSON)
    yield layout.results_dir, _is_result
    yield layout.checkpoints_dir, lambda name: _is_checkpoint(name) and name.endswith(_JSON)
    yield layout.checkpoints_dir, _is_checkpoint
    yield layout.dead_letter_dir, lambda name: _is_result(name) or parse_shown_letters_name(name) is not None
    yield layout.trace_dir, lambda name: _is_result(name) or is_intermediate_name(name)
    yield layout.produced_dir, lambda name: parse_produced_name(name) is not None
    yield layout.partitions_dir, is_copy_name
    for name in store.list(layout.intermediate_dir):
        if parse_intermediate_dir(name) is not None:
            yield os.path.join(layout.intermediate_dir, name), is_intermediate_name
    yield layout.runs_dir, lambda name: parse_run_name(name) is not None
    yield layout.event_logs_dir, lambda name: is_rotated(name, layout)
    for directory in (layout.job_dir, layout.metadata_dir, layout.runs_dir):
        yield directory, lambda name: name.endswith(ASIDE_SUFFIX)


def _is_result(name: str) -> bool:
    return parse_result_name(name) is not None or name.endswith(ASIDE_SUFFIX)


def _is_checkpoint(name: str) -> bool:
    return (
        parse_checkpoint_name(name) is not None
        or parse_resolve_name(name) is not None
        or name.endswith(ASIDE_SUFFIX)
    )


def _is_shard(name: str) -> bool:
    return parse_shard_name(name) is not None or name.endswith(ASIDE_SUFFIX)


def _is_set_aside(name: str) -> bool:
    """A manifest that was set aside, with a number after its name where there was one already."""
    manifest = f"{name.partition(_JSON)[0]}{_JSON}"
    return _is_result(manifest) or _is_checkpoint(manifest)


def _remove_empty(remover: Remover, layout: JobLayout) -> None:
    """The directories that nothing is in any more, those inside before those above."""
    store, roots = remover.store, layout.claimed_directories()
    inside = [
        os.path.join(layout.intermediate_dir, name)
        for name in store.list(layout.intermediate_dir)
        if parse_intermediate_dir(name) is not None
    ]
    asides = [
        os.path.join(directory, SET_ASIDE)
        for directory in (layout.results_dir, layout.checkpoints_dir, layout.shards_dir)
    ]
    own = {*inside, *asides, layout.produced_dir, *layout.own_directories()} - set(roots)
    for directory in sorted(own, key=len, reverse=True):
        above, name = os.path.split(directory)
        with remover.open(above) as parent:
            if parent is not None:
                parent.remove_dir(name)
    for root in reversed(roots):
        store.remove_dir(root)  # only where it is empty, and never through a link
