"""DataJuicer's settings that are not ours: those that change no result here, and those that would. Pure.

A recipe written for DataJuicer runs unchanged: what is in NO_EFFECT is accepted and named once at the start, what is in
REFUSED is accepted at a value that asks for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

_CACHE: Final = "nothing is cached; checkpoints keep what was done"
_SPEED: Final = "operators work on whole columns and share their work in any case"
_MEDIA: Final = "no operator here reads media"
_ANALYSIS: Final = "only DataJuicer's analyzer reads it"
_SANDBOX: Final = "only DataJuicer's sandbox reads it"
_PARTITIONS: Final = "partition.size and partition.max_size_mb cut the input"
_RAY: Final = "environments of operators are not managed"
_PROBES: Final = "operators declare what they need; nothing is probed on a GPU"
_TEMPORARY: Final = "temporary files stay in the directories of the job"

NO_EFFECT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "use_cache": _CACHE,
        "ds_cache_dir": _CACHE,
        "cache_compress": _CACHE,
        "temp_dir": _TEMPORARY,
        "partition_dir": _TEMPORARY,
        "use_checkpoint": "checkpoint.enabled and checkpoint.strategy decide",
        "open_monitor": "resources are recorded in the event log",
        "op_fusion": _SPEED,
        "fusion_strategy": _SPEED,
        "turbo": _SPEED,
        "adaptive_batch_size": _SPEED,
        "auto_op_parallelism": "np says how many workers there are",
        "export_in_parallel": "the result is written in parallel in any case",
        "debug": "the event log holds the details",
        "trace_keys": "traces hold the fields that an operator read or wrote, and the line of the row",
        "image_key": _MEDIA,
        "image_bytes_key": _MEDIA,
        "image_special_token": _MEDIA,
        "audio_key": _MEDIA,
        "audios_key": _MEDIA,
        "audio_special_token": _MEDIA,
        "video_key": _MEDIA,
        "videos_key": _MEDIA,
        "video_special_token": _MEDIA,
        "eoc_special_token": _MEDIA,
        "auto": _ANALYSIS,
        "auto_num": _ANALYSIS,
        "percentiles": "only dj-analyze reads it",
        "export_original_dataset": _ANALYSIS,
        "save_stats_in_one_file": _ANALYSIS,
        "op_list_to_mine": _ANALYSIS,
        "hpo_config": _SANDBOX,
        "data_probe_algo": _SANDBOX,
        "data_probe_ratio": _SANDBOX,
        "min_common_dep_num_to_combine": _RAY,
        "conflict_resolve_strategy": _RAY,
        "resource_optimization": _PARTITIONS,
        "partition.mode": _PARTITIONS,
        "partition.num_of_partitions": _PARTITIONS,
        "partition.target_size_mb": _PARTITIONS,
        "intermediate_storage.write_partitions": "partition.materialize decides",
        "partition.partitions_per_node": _PARTITIONS,
        "partition.max_concurrent_partitions": _PARTITIONS,
        "partition.execution_group_size": _PARTITIONS,
        "partition.max_initialization_overhead_ratio": _PARTITIONS,
        "override_num_blocks": _PARTITIONS,
        "partition.max_gpu_workers_per_device": _PROBES,
        "partition.max_concurrent_gpu_probes": _PROBES,
        "partition.gpu_preflight_enabled": _PROBES,
        "partition.gpu_probe_timeout_seconds": _PROBES,
        "partition.gpu_probe_warmup_batches": _PROBES,
        "partition.gpu_probe_steady_batches": _PROBES,
        "partition.gpu_probe_sample_offset": _PROBES,
        "partition.gpu_probe_sample_shuffle": _PROBES,
        "partition.gpu_probe_sample_seed": _PROBES,
        "use_dag": "the event log records the plan and what became of it",
        "read_options": "sources are read by byte ranges of a fixed size",
        "load_jsonl_lenient": "a row that cannot be read is a dead letter in any case",
        "strict_preflight": "settings, operators and input are checked before the first row in any case",
        "elastic_juicer_adaptive_batching": _SPEED,
        "elastic_juicer_profile_seed": _SPEED,
        "mapper_fusion": _SPEED,
        "mapper_fusion_vram_limit": _SPEED,
    }
)
"""Setting -> why it makes no difference."""

CREDENTIALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "aws_access_key_id": "AWS_ACCESS_KEY_ID",
        "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "aws_session_token": "AWS_SESSION_TOKEN",
        "aws_region": "AWS_REGION",
        "endpoint_url": "AWS_ENDPOINT_URL",
    }
)
"""What DataJuicer's remote sources and `export_aws_credentials` take -> the variable that says it here."""


def why_no_credentials(names: Iterable[str]) -> str:
    """Why these keys of CREDENTIALS are refused; no value is shown."""
    variables = ", ".join(CREDENTIALS[name] for name in names)
    return f"a recipe is copied into its job and holds no credentials: set {variables} in the environment instead"


REFUSED: Final[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
    {
        "generated_dataset_config": (None, {}),
        "export_aws_credentials": (None, {}),
        "open_insight_mining": (False,),
        "decrypt_after_reading": (False,),
        "encrypt_before_export": (False,),
        "encryption_key_path": (None,),
    }
)
"""Setting that would change what comes out -> the values that ask for nothing."""

NAMES: Final = frozenset(NO_EFFECT) | frozenset(REFUSED)
