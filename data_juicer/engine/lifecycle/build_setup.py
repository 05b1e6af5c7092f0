"""Settings -> what the parts of a run are made with. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, cast

import msgspec

from data_juicer.config import rules
from data_juicer.config.schema import JobConfig
from data_juicer.config.sources.arguments import export_options
from data_juicer.engine.protocol.worker_setup import OperatorSpec, WorkerSetup
from data_juicer.engine.scheduling.failures.retry import RetryPolicy
from data_juicer.engine.scheduling.save_costs import SaveCosts
from data_juicer.events.view import JobView
from data_juicer.formats.base import ExportOptions, FragmentLimits
from data_juicer.formats.registry import EXPORTS, FORMATS, result_format
from data_juicer.job.layout import JobLayout
from data_juicer.job.summary import JobStatus
from data_juicer.ops.base import Operator
from data_juicer.ops.effects import EffectMapper
from data_juicer.plan.keys import canonical, digest, plan_resolve_keys
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.policy import Strategy, checkpoint_indices
from data_juicer.plan.tasks import plan_segments
from data_juicer.storage.locations.uri import absolute, join
from data_juicer.store import codec
from data_juicer.store.manifest import OperatorIdentity
from data_juicer.store.results import ExportTarget

_MB = 1_000_000
_AS_USUAL = ExportOptions()


def row_bytes_max(config: JobConfig) -> int:
    """Longer rows are dead letters."""
    return config.partition.max_row_mb * _MB


def fragment_limits(config: JobConfig) -> FragmentLimits:
    partition = config.partition
    return FragmentLimits(
        rows_max=partition.size,
        size_bytes_max=partition.max_size_mb * _MB,
        row_bytes_max=row_bytes_max(config),
    )


def shard_memory_bytes(config: JobConfig, workers: int) -> int:
    """What one shard of a resolve may use: the workers share the memory of a resolve, and a shard needs no more than half of what
    its worker may grow to.
    """
    share = config.resolve_memory_mb * _MB // max(1, workers)
    limit = config.fault_tolerance.worker_memory_mb * _MB // 2
    return min(share, limit) if limit else share


def retry_policy(config: JobConfig) -> RetryPolicy:
    faults = config.fault_tolerance
    return RetryPolicy(
        retries_max=faults.max_retries if faults.enabled else 0,
        backoff=cast("Literal['exponential', 'linear', 'fixed']", faults.retry_backoff),
        seed=config.seed,
        isolates=faults.enabled,
    )


def speculates(config: JobConfig) -> bool:
    """Whether copies of stragglers are begun. Not where rows after each operator are kept for people: two attempts would write
    the same file.
    """
    faults = config.fault_tolerance
    is_asked = faults.speculate == "always" or (
        faults.speculate == "auto" and config.executor_type.startswith("ray")
    )
    return is_asked and faults.enabled and not config.intermediate_storage.preserve_intermediate_data


def unrepeatable_operators(operators: Sequence[Operator]) -> frozenset[int]:
    """Operators whose rows cost a call to the outside: nothing is paid twice."""
    return frozenset(index for index, operator in enumerate(operators) if isinstance(operator, EffectMapper))


def save_costs(config: JobConfig, operators: Sequence[Operator], view: JobView) -> SaveCosts | None:
    """What measures where checkpoints pay; None unless the strategy is auto.

    Args:
        view: what the events of earlier runs come to; each of those that did not end by itself has lost all of its workers.
    """
    checkpoint = config.checkpoint
    if not checkpoint.enabled or checkpoint.strategy != "auto":
        return None
    interrupted = view.runs - (view.status is JobStatus.COMPLETED)
    return SaveCosts(
        len(operators),
        checkpoint.overhead_max,
        always=unrepeatable_operators(operators),
        worked_s_before=max(view.core_s, view.worker_s),
        failures_before=view.retries + interrupted * max(1, view.workers),
    )


def gives_row_stats(config: JobConfig, operators: Iterable[Operator]) -> bool:
    """Whether stats of the rows go beside the export; an analysis exports nothing else."""
    wanted = export_options(config.export_type, config.export_extra_args).export_stats and not config.analyze
    return wanted and any(operator.measures() for operator in operators)


def export_target(config: JobConfig, *, row_stats: bool) -> ExportTarget:
    """
    Args:
        row_stats: what `gives_row_stats` says.
    """
    file_format, compression = EXPORTS[config.export_type]
    options = export_options(config.export_type, config.export_extra_args)
    if config.export_type == "tsv" and options.delimiter is None:
        options = msgspec.structs.replace(options, delimiter="\t")
    return ExportTarget(
        path=_file_of_export(absolute(config.export_path), FORMATS[file_format].exports_as),
        given_path=absolute(config.export_path),
        row_stats_path=rules.stats_path_of(absolute(config.export_path)) if row_stats else "",
        format=file_format,
        compression=compression,
        shard_size_bytes=config.export_shard_size,
        options=options,
        is_numbered=bool(FORMATS[file_format].exports_as)
        and not FORMATS[file_format].exports_as.startswith("."),
    )


def _file_of_export(path: str, exports_as: str) -> str:
    """See `formats.registry.FileFormat.exports_as`."""
    if exports_as.startswith("."):
        return path if path.endswith(exports_as) else path + exports_as
    return join(path, exports_as) if exports_as else path


def text_keys_needed(operators: Sequence[Operator], options: ExportOptions) -> tuple[str, ...]:
    """The text columns that rows must have: those of operators, and the one that is made tokens."""
    keys = text_keys_of(operators)
    made = {key for operator in operators for key in operator.text_keys_made()}
    return keys if options.text_key in {"", *keys, *made} else (*keys, options.text_key)


def text_keys_of(operators: Iterable[Operator]) -> tuple[str, ...]:
    """The text columns that rows must have: what operators read and none before them makes, in order of first use."""
    needed: dict[str, None] = {}
    made: set[str] = set()
    for operator in operators:
        needed |= dict.fromkeys(key for key in operator.text_keys_read() if key not in made)
        made |= {key for key in operator.text_keys_made() if key not in needed}
    return tuple(needed)


def dataset_operator_indices(operators: Sequence[Operator]) -> frozenset[int]:
    """The dataset operators of a recipe."""
    return frozenset(index for index, operator in enumerate(operators) if operator.scope == "dataset")


def with_resolve_keys(
    setup: WorkerSetup, operators: Sequence[Operator], partitions: Sequence[PartitionSpec]
) -> WorkerSetup:
    """The setup of workers, with what the keys after dataset operators depend on."""
    keys = plan_resolve_keys(
        setup.reader,
        setup.identities,
        dataset_operator_indices(operators),
        [partition.digest for partition in partitions],
    )
    return msgspec.structs.replace(setup, resolve_keys=keys)


def worker_setup(
    config: JobConfig,
    layout: JobLayout,
    run: int,
    operators: Sequence[Operator],
    identities: tuple[OperatorIdentity, ...],
    sources: Iterable[str],
    store_uri: str = "file:///",
    options: ExportOptions = _AS_USUAL,
) -> WorkerSetup:
    storage = config.intermediate_storage
    row_stats = gives_row_stats(config, operators)
    target = export_target(config, row_stats=row_stats)
    part_format = result_format(target.format, sources)
    text_keys = text_keys_needed(operators, options)
    return WorkerSetup(
        job_id=layout.job_id,
        run=run,
        job_dir=layout.job_dir,
        store_uri=store_uri,
        event_logs_dir=layout.event_logs_dir,
        checkpoints_dir=layout.checkpoints_dir,
        operators=tuple(
            OperatorSpec(name=entry.name, parameters=dict(entry.params)) for entry in config.process
        ),
        identities=identities,
        custom_operator_paths=tuple(absolute(path) for path in config.custom_operator_paths),
        text_key=config.text_keys[0],
        text_keys=text_keys,
        reader=_reader_digest(config, text_keys),
        export=_export_digest(config, target, part_format, options, row_stats=row_stats),
        row_bytes_max=row_bytes_max(config),
        null_text=cast('Literal["dead_letter", "drop", "empty"]', config.null_text),
        checkpoint_after=_checkpoint_after(config),
        checkpoint_format=cast("codec.Format", storage.format),
        checkpoint_compression=cast("codec.Compression", storage.compression),
        batch_rows_max=storage.arrow_batch_size if storage.use_arrow_batches else config.partition.size,
        memory_map=storage.arrow_memory_mapping,
        preserve_intermediate=storage.preserve_intermediate_data,
        result_format=part_format,
        export_options=options,
        result_compression=target.compression if target.parts_are_packed else "none",
        keep_stats=config.keep_stats_in_res_ds or config.analyze,
        keep_hashes=config.keep_hashes_in_res_ds,
        row_stats=row_stats,
        analyze=config.analyze,
        traced=_traced(config),
        trace_num=config.trace_num,
        seed=config.seed,
        op_timeout_s=config.fault_tolerance.op_timeout_s,
        memory_bytes_max=config.fault_tolerance.worker_memory_mb * _MB,
        is_split=len(plan_segments([operator.resources for operator in operators])) > 1,
        quarantine=config.fault_tolerance.on_bad_row == "quarantine",
    )


def _reader_digest(config: JobConfig, text_keys: Sequence[str]) -> str:
    """Of the settings that decide how rows are read: the key of a partition begins with it."""
    settings = {
        "text_keys": text_keys,
        "row_bytes_max": row_bytes_max(config),
        "null_text": config.null_text,
    }
    return digest(canonical(settings))


def _export_digest(
    config: JobConfig, target: ExportTarget, part_format: str, options: ExportOptions, *, row_stats: bool
) -> str:
    """Of the settings that decide how the result of a partition is encoded."""
    settings = {
        "format": part_format,
        "packed": target.parts_are_packed and target.compression,
        **_tokens(options),
        "stats": config.keep_stats_in_res_ds,
        **({"row_stats": True} if row_stats else {}),
    }
    return digest(canonical(settings))


def _tokens(options: ExportOptions) -> dict[str, object]:
    """What decides which tokens a partition's result holds; nothing where it holds none."""
    if not options.tokenizer_digest:
        return {}
    end = options.append_eod and options.eod_token
    return {"tokens": [options.tokenizer_digest, options.text_key, options.append_eod, end]}


def _checkpoint_after(config: JobConfig) -> frozenset[int]:
    checkpoint = config.checkpoint
    strategy = cast("Strategy", checkpoint.strategy if checkpoint.enabled else "disabled")
    names = [entry.name for entry in config.process]
    return checkpoint_indices(names, strategy, checkpoint.n_ops, checkpoint.op_names)


def _traced(config: JobConfig) -> frozenset[int]:
    if not config.open_tracer:
        return frozenset()
    names = config.op_list_to_trace
    return frozenset(index for index, entry in enumerate(config.process) if not names or entry.name in names)
