"""The settings of py-data-juicer 1.6.1 with their defaults, by name: its configuration loads, but for what is missing."""

import pytest

from data_juicer.config.config import load_config, load_recipe
from data_juicer.errors import ConfigError

DEFAULTS = {
    "project_name": "all", "dataset_path": "in.jsonl", "export_path": "out/result.jsonl", "export_type": "jsonl",
    "export_shard_size": 0, "export_in_parallel": False, "keep_stats_in_res_ds": False, "keep_hashes_in_res_ds": False,
    "export_extra_args": {}, "load_dataset_kwargs": {}, "load_jsonl_lenient": False, "auto_op_parallelism": True,
    "elastic_juicer_adaptive_batching": False, "elastic_juicer_profile_seed": False, "np": 4, "text_keys": "text",
    "suffixes": [], "turbo": False, "skip_op_error": True, "use_cache": True, "ds_cache_dir": None,
    "open_monitor": False, "use_checkpoint": False, "temp_dir": None, "open_tracer": False, "op_list_to_trace": [],
    "trace_num": 10, "trace_keys": [], "op_fusion": False, "fusion_strategy": "probe", "cache_compress": None,
    "adaptive_batch_size": False, "decrypt_after_reading": False, "encrypt_before_export": False,
    "encryption_key_path": None, "image_key": "images", "image_bytes_key": "image_bytes",
    "image_special_token": "<__dj__image>", "audio_key": "audios", "audio_special_token": "<__dj__audio>",
    "video_key": "videos", "video_special_token": "<__dj__video>", "eoc_special_token": "<|__dj__eoc|>",
    "executor_type": "default", "use_dag": None, "read_options": {}, "ray_address": "auto",
    "override_num_blocks": None,
    "partition": {
        "mode": "auto", "size": None, "num_of_partitions": None, "partitions_per_node": "auto",
        "max_concurrent_partitions": "auto", "max_gpu_workers_per_device": 5, "max_concurrent_gpu_probes": "auto",
        "gpu_preflight_enabled": True, "gpu_probe_timeout_seconds": None, "gpu_probe_warmup_batches": 1,
        "gpu_probe_steady_batches": 3, "gpu_probe_sample_offset": 0, "gpu_probe_sample_shuffle": False,
        "gpu_probe_sample_seed": 42, "execution_group_size": "auto", "max_initialization_overhead_ratio": 0.1,
        "target_size_mb": 256,
    },
    "checkpoint": {"enabled": True, "strategy": "every_n_ops", "n_ops": 5, "op_names": []},
    "percentiles": [0.25, 0.5, 0.75], "export_original_dataset": False, "save_stats_in_one_file": False,
    "data_probe_algo": "uniform", "data_probe_ratio": 1.0, "hpo_config": None, "custom_operator_paths": [],
    "work_dir": None, "job_id": None, "resume": None, "strict_preflight": True, "event_logging": {"enabled": True},
    "event_log_dir": None, "checkpoint_dir": None, "partition_dir": None, "generated_dataset_config": None,
    "export_aws_credentials": None, "mapper_fusion": True, "mapper_fusion_vram_limit": 0.9,
    "min_common_dep_num_to_combine": -1, "conflict_resolve_strategy": "split", "open_insight_mining": False,
    "op_list_to_mine": [], "auto_num": 1000, "debug": False, "auto": False, "resource_optimization": {},
    "process": [{"language_id_score_filter": {"lang": "zh", "min_score": 0.8}}],
}  # fmt: skip
MISSING = {
    "encrypt_before_export": True,
    "encryption_key_path": "key",
    "open_insight_mining": True,
}
"""What is not built here, with values that ask for it."""


def test_the_whole_configuration_loads_and_says_what_has_no_effect() -> None:
    config = load_recipe(DEFAULTS, {}, {})
    assert config.np == 4
    assert config.checkpoint.strategy == "every_n_ops"
    assert config.partition.size == 1000
    assert len(config.notices) < 25, "one for each reason"
    assert any("use_dag" in notice for notice in config.notices)
    reported = " ".join(config.notices)
    assert all(f"partition.{name}" in reported for name in DEFAULTS["partition"] if name != "size")


@pytest.mark.parametrize("key", MISSING)
def test_what_is_missing_is_refused_where_it_is_asked_for(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^recipe: {key}: not available yet$"):
        load_recipe({**DEFAULTS, key: MISSING[key]}, {}, {})


def test_of_two_inputs_the_stronger_source_counts_then_dataset_path() -> None:
    long_form = {"configs": [{"path": "long.jsonl"}]}
    config = load_recipe({**DEFAULTS, "dataset": long_form}, {}, {})
    assert config.sources() == ("in.jsonl",)
    assert "recipe: dataset: not used, since dataset_path names the input" in config.notices
    config = load_recipe(DEFAULTS, {"dataset": long_form}, {})
    assert config.sources() == ("long.jsonl",)


PROCESS = [
    "clean_links_mapper",
    {"text_length_filter": {"min_len": 1}},
    {"text_length_filter": {"max_len": 9}},
]


@pytest.mark.parametrize(
    ("words", "parameters"),
    [
        (["--text_length_filter.min_len", "5"], [{"min_len": 5}, {"max_len": 9, "min_len": 5}]),
        (["--text_length_filter.min_len=-5"], [{"min_len": -5}, {"max_len": 9, "min_len": -5}]),
        (["--text_length_filter.a", "x", "y", "--np", "2"], [{"min_len": 1, "a": ["x", "y"]}, {"max_len": 9, "a": ["x", "y"]}]),
        (["--text_length_filter.a"], [{"min_len": 1, "a": True}, {"max_len": 9, "a": True}]),
        (["--text_length_filter.a", "[1, {b: c}]"], [{"min_len": 1, "a": [1, {"b": "c"}]}, {"max_len": 9, "a": [1, {"b": "c"}]}]),
        (["--text_length_filter.a", "1e3"], [{"min_len": 1, "a": 1000.0}, {"max_len": 9, "a": 1000.0}]),
        (["--text_length_filter.a", "en"], [{"min_len": 1, "a": "en"}, {"max_len": 9, "a": "en"}]),
        (["--text_length_filter.a", "'"], [{"min_len": 1, "a": "'"}, {"max_len": 9, "a": "'"}]),
    ],
)  # fmt: skip
def test_parameters_of_operators_are_set_on_the_command_line(words, parameters) -> None:
    config = load_config(["--dataset_path", "x", "--process", str(PROCESS), *words], {})
    assert [dict(entry.params) for entry in config.process[1:]] == parameters
    again = load_config(config.arguments, {})
    assert again.process == config.process


def test_parameters_of_operators_are_set_by_a_program_too() -> None:
    config = load_recipe({"dataset_path": "x", "process": PROCESS}, {"text_length_filter.min_len": 5}, {})
    assert [dict(entry.params) for entry in config.process[1:]] == [
        {"min_len": 5},
        {"max_len": 9, "min_len": 5},
    ]


@pytest.mark.parametrize("strategy", ["EVERY_OP", "EVERY_PARTITION", "EVERY_N_OPS", "DISABLED", "Every_Op"])
def test_strategies_in_capitals_are_the_same(strategy: str) -> None:
    config = load_config(["--dataset_path", "x", "--checkpoint.strategy", strategy], {})
    assert config.checkpoint.strategy == strategy.lower()


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ({"resume": "a", "job_id": "b"}, 'resume: "a": job_id asks for another job'),
        ({"resume": "a", "new": True}, 'resume: "a": new asks for another job'),
        ({"job_id": "-a"}, "does not begin with a dot or a dash"),
        ({"resume": ".a"}, "does not begin with a dot or a dash"),
    ],
)
def test_ids_that_contradict_each_other_are_refused(settings, reported: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe({"dataset_path": "x", **settings}, {}, {})
    assert reported in str(caught.value)
