"""What a run of a recipe would reuse of a job, and why not the rest; nothing is changed.

The input is not read: partitions of sources whose size and time are what they were are compared, others are unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import msgspec

from data_juicer.engine.lifecycle.build_setup import fragment_limits, with_resolve_keys, worker_setup
from data_juicer.engine.lifecycle.wanted import WantedJob
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.errors import CheckpointCorruptError
from data_juicer.formats.base import SourceFile
from data_juicer.job.lock import newest_run
from data_juicer.plan.keys import KeyMaker
from data_juicer.plan.mapping import DatasetMapping, decode_mapping
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.resume.found import FoundPlan, find_plan
from data_juicer.plan.resume.report import ResumeReport, resume_report
from data_juicer.storage.base import Store


class Reuse(msgspec.Struct, frozen=True, kw_only=True):
    setup: WorkerSetup
    found: FoundPlan
    partitions: tuple[PartitionSpec, ...]
    """Those that are known."""
    unknown: tuple[SourceFile, ...]
    """Sources that a run would read before it knows their partitions."""
    report: ResumeReport


def find_reuse(store: Store, wanted: WantedJob) -> Reuse:
    """Compare what a job has committed with what a recipe asks for. Raises: StoreError."""
    config, layout = wanted.config, wanted.layout
    mapping = _known_mapping(store, wanted)
    partitions = unchanged_partitions(mapping, wanted.sources)
    known = {part.source_path for spec in partitions for part in spec.parts}
    setup = worker_setup(
        config,
        layout,
        newest_run(store, layout) + 1,
        wanted.operators,
        wanted.identities,
        [source.format for source in wanted.sources],
        store.uri or "",
    )
    setup = with_resolve_keys(setup, wanted.operators, partitions)
    keys = KeyMaker(setup.reader, setup.identities, setup.export, setup.resolve_keys)
    found = find_plan(store, layout, partitions, keys)
    return Reuse(
        setup=setup,
        found=found,
        partitions=tuple(partitions),
        unknown=tuple(source for source in wanted.sources if source.path not in known),
        report=resume_report(setup.run, found.plan, found.inventory, layout, keys.operators),
    )


def _known_mapping(store: Store, wanted: WantedJob) -> DatasetMapping | None:
    """What an earlier run found in the input; None where it would be cut in another way now."""
    config, path = wanted.config, wanted.layout.dataset_mapping
    try:
        mapping = decode_mapping(store.read(path), path, wanted.layout.partitions_dir)
    except (FileNotFoundError, CheckpointCorruptError):
        return None
    with_suffix = config.add_suffix or any(operator.reads_suffix() for operator in wanted.operators)
    limits = fragment_limits(config)
    if config.partition.auto_configure:  # a resume keeps what was chosen
        sizes = mapping.limits
        limits = msgspec.structs.replace(limits, rows_max=sizes.rows_max, size_bytes_max=sizes.size_bytes_max)
    asked = (limits, config.partition.materialize, with_suffix)
    joins = {"always": True, "never": False}.get(config.partition.join_files, mapping.joins)
    if (mapping.limits, mapping.materialize, mapping.with_suffix, mapping.joins) != (*asked, joins):
        return None
    return mapping


def unchanged_partitions(
    mapping: DatasetMapping | None, sources: Sequence[SourceFile]
) -> list[PartitionSpec]:
    """The partitions of sources that are as they were, in the order of the output."""
    if mapping is None:
        return []
    now = {source.path: (source.size_bytes, source.mtime_ns) for source in sources}
    same = {
        source.path: source.index
        for source in mapping.sources
        if now.get(source.path) == (source.size_bytes, source.mtime_ns)
    }
    places = {same[source.path]: at for at, source in enumerate(sources) if source.path in same}
    others = list(accumulate((source.path not in same for source in sources), initial=0))

    def is_same(spec: PartitionSpec) -> bool:
        """All of its files are as they were, and no other is among them."""
        indexes = spec.source_indexes
        if not places.keys() >= set(indexes):
            return False
        return others[places[indexes[0]]] == others[places[indexes[-1]]]

    return [spec for spec in mapping.partitions if is_same(spec)]
