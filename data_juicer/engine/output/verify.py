"""Every committed file of a job read and compared with the manifest that names it, the export and the log included.

Nothing is changed: what is found here is what the next run would set aside or make again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from data_juicer.engine.output.published import find_changes
from data_juicer.engine.results.files import files_of, find_damage
from data_juicer.errors import CheckpointCorruptError, CheckpointError, DataJuicerError
from data_juicer.events import history
from data_juicer.events import types as t
from data_juicer.job import summary as summaries
from data_juicer.job.layout import JobLayout
from data_juicer.job.summary import JobStatus, JobSummary
from data_juicer.plan.mapping import decode_mapping
from data_juicer.plan.resume.inventory import Inventory, take_inventory
from data_juicer.plan.resume.results import ResultManifests
from data_juicer.storage.base import Store
from data_juicer.store.export.results_manifest import ResultsManifest, find_results, read_parts
from data_juicer.store.ledger import check_ledgers
from data_juicer.store.manifest import DataFile, Manifest
from data_juicer.store.staging import read_file


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it was committed."""

    path: str
    problem: str
    answer: str
    """What the next run of the job does about it."""


_REDONE = "the next run computes this partition again from the checkpoint before"
_REMADE = "the next run makes it again"
_NO_STATS = "its rows are safe; dj-jobs stats and what-if go without this partition"


def find_problems(
    store: Store, layout: JobLayout, heartbeat: Callable[[], None] = lambda: None
) -> Iterator[Finding]:
    """Read every byte that a manifest names.

    Args:
        heartbeat: called before each file is read.
    Raises: StoreError: a directory cannot be read.
    """
    summary = _find_summary(store, layout)
    if isinstance(summary, Finding):
        yield summary
    inventory = take_inventory(store, layout)
    for damage in inventory.damaged:
        yield Finding(path=damage.path, problem=damage.reason, answer=_REDONE)
    yield from _check_results(store, layout, inventory, heartbeat)
    yield from _check_checkpoints(store, layout, inventory, heartbeat)
    yield from _check_mapping(store, layout)
    if isinstance(summary, JobSummary):
        yield from _check_export(store, layout, summary, inventory)
        yield from _check_log(store, layout, summary, inventory)


def _find_summary(store: Store, layout: JobLayout) -> JobSummary | Finding:
    try:
        return summaries.load(store, layout)
    except DataJuicerError as error:
        return Finding(path=layout.summary, problem=str(error), answer=_REMADE)


def _check_results(
    store: Store, layout: JobLayout, inventory: Inventory, heartbeat: Callable[[], None]
) -> Iterator[Finding]:
    manifests = ResultManifests(store, layout)
    for path, manifest in inventory.results.values():
        heartbeat()
        files = files_of(manifest, manifests.has, manifests.exported)
        problem = _wrong_ledgers(manifest) or find_damage(store, layout, files)
        if problem is not None:
            yield Finding(path=path, problem=problem, answer=_REDONE)
        problem = _damaged(store, layout.results_dir, manifest.stats)
        if problem is not None:
            yield Finding(path=path, problem=problem, answer=_NO_STATS)


def _check_checkpoints(
    store: Store, layout: JobLayout, inventory: Inventory, heartbeat: Callable[[], None]
) -> Iterator[Finding]:
    """Files that several checkpoints of a partition share are read once."""
    checkpoints = [entry for entries in inventory.checkpoints.values() for entry in entries]
    seen: set[str] = set()
    for path, manifest in [*checkpoints, *inventory.summaries.values()]:
        heartbeat()
        new = [file for file in manifest.all_files if file.name not in seen]
        seen.update(file.name for file in new)
        problem = _wrong_ledgers(manifest) or _damaged(store, layout.checkpoints_dir, new)
        if problem is not None:
            yield Finding(path=path, problem=problem, answer=_REDONE)


def _wrong_ledgers(manifest: Manifest) -> str | None:
    try:
        check_ledgers(manifest.ledgers, where=f"partition {manifest.partition}")
    except CheckpointError as error:
        return str(error)
    return None


def _damaged(store: Store, directory: str, files: Sequence[DataFile]) -> str | None:
    try:
        for file in files:
            read_file(store, directory, file, memory_map=True)
    except CheckpointCorruptError as error:
        return str(error)
    return None


def _check_mapping(store: Store, layout: JobLayout) -> Iterator[Finding]:
    """Copies of the input that the mapping names are there; their bytes are checked when they are read."""
    path = layout.dataset_mapping
    try:
        mapping = decode_mapping(store.read(path), path, layout.partitions_dir)
    except FileNotFoundError:
        return
    except CheckpointError as error:
        yield Finding(path=path, problem=str(error), answer="the next run scans the input again")
        return
    for copy in sorted({path for spec in mapping.partitions for path in spec.copy_paths}):
        if not store.exists(copy):
            yield Finding(path=copy, problem="is missing", answer="the next run copies the input again")


def _check_export(
    store: Store, layout: JobLayout, summary: JobSummary, inventory: Inventory
) -> Iterator[Finding]:
    path, is_complete = layout.results_manifest, summary.status is JobStatus.COMPLETED
    try:
        results = find_results(store, path)
    except CheckpointError as error:
        yield Finding(path=path, problem=str(error), answer=_REMADE)
        return
    if results is None:
        if is_complete:
            yield Finding(path=path, problem="is missing", answer=_REMADE)
        return
    if results.is_exported:
        for change in find_changes(store, results, layout):
            yield Finding(path=path, problem=change.partition(";")[0], answer=_REMADE)
        yield from _check_counts(store, results, summary, inventory, path)


def _check_counts(
    store: Store, results: ResultsManifest, summary: JobSummary, inventory: Inventory, path: str
) -> Iterator[Finding]:
    committed = sum(manifest.rows for _, manifest in inventory.results.values())
    if len(inventory.results) == len(read_parts(store, path)) and committed != results.rows:
        problem = f"says {results.rows:,} rows, the committed results hold {committed:,}"
        yield Finding(path=path, problem=problem, answer=_REMADE)
    if summary.status is JobStatus.COMPLETED and summary.counts.rows_out != results.rows:
        problem = f"the summary says {summary.counts.rows_out:,} rows, the results manifest {results.rows:,}"
        yield Finding(path=path, problem=problem, answer=_REMADE)


def _check_log(
    store: Store, layout: JobLayout, summary: JobSummary, inventory: Inventory
) -> Iterator[Finding]:
    """Numbers without gaps, and a committed result for each partition that the log calls complete."""
    last, named = 0, set()
    for record in history.read_records(store, layout):
        if last and record.seq != last + 1:
            problem = f"event {record.seq:,} follows event {last:,}"
            yield Finding(
                path=layout.events_jsonl, problem=problem, answer="nothing: manifests decide what is done"
            )
        last = record.seq
        if isinstance(record.event, t.PartitionComplete):
            named.add(record.event.partition_id)
    damaged = {damage.path for damage in inventory.damaged}
    known = inventory.results.keys() | {each for each in named if layout.result_manifest(each) in damaged}
    unseen = named - known if summary.status is JobStatus.COMPLETED else set()
    for partition in sorted(unseen):
        problem = f"partition {partition} is complete in the event log and has no committed result"
        yield Finding(path=layout.result_manifest(partition), problem=problem, answer=_REDONE)
