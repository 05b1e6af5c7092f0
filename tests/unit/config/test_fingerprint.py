"""The plain form of a config, and what of it decides the result."""

import json

import pytest

from data_juicer.config.config import load_recipe
from data_juicer.config.fingerprint import canonical, digest, dump, result_settings
from data_juicer.errors import ConfigError

RECIPE = {
    "dataset_path": ["a.jsonl", "b c.jsonl"],
    "process": ["x_mapper", {"y_filter": {"min_ratio": 0.25, "names": ["p", None], "deep": {"k": 2**70}}}],
    "export_path": "out/r.parquet",
    "checkpoint": {"strategy": "every_n_ops", "n_ops": 3},
    "intermediate_storage": {"format": "arrow"},
}


def load(**overrides):
    return load_recipe(RECIPE, overrides, {})


def test_a_config_survives_the_way_to_json_and_back():
    config = load()
    plain = json.loads(json.dumps(dump(config)))
    assert load_recipe(plain, {}, {}) == config
    assert load_recipe(plain, {}, {}).notices == ()


def test_a_damaged_plain_form_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"^recipe: np: 0 is not"):
        load_recipe(dump(load()) | {"np": 0}, {}, {})


def test_defaults_left_out_and_written_out_are_the_same():
    assert digest(dump(load())) == digest(dump(load(seed=42, checkpoint={"enabled": True})))


@pytest.mark.parametrize(
    "change",
    [
        {"np": 7}, {"executor_type": "inline"}, {"work_dir": "w"}, {"export_path": "elsewhere.parquet"},
        {"max_retries": 9}, {"intermediate_storage": {"compression": "lz4"}}, {"checkpoint_dir": "c"},
        {"event_logging": {"enabled": False}}, {"project_name": "p"}, {"job_id": "j"}, {"partition": {"size": 3}},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_change_no_result_are_not_among_the_result_settings(change):
    assert result_settings(load(**change)) == result_settings(load())
    assert digest(dump(load(**change))) != digest(dump(load()))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 7}, {"text_keys": "q"}, {"process": ["x_mapper"]}, {"keep_stats_in_res_ds": True},
        {"export_type": "jsonl"}, {"export_shard_size": 10}, {"dataset_path": "a.jsonl"}, {"suffixes": ".txt"},
        {"add_suffix": True},
        {"partition": {"max_row_mb": 1}}, {"process": list(reversed(RECIPE["process"]))},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_change_the_result_change_the_digest(change):
    assert digest(result_settings(load(**change))) != digest(result_settings(load()))


def test_one_input_is_the_same_in_both_forms():
    recipe = {key: value for key, value in RECIPE.items() if key != "dataset_path"}
    dataset = {"configs": [{"path": path} for path in RECIPE["dataset_path"]]}
    assert result_settings(load_recipe(recipe | {"dataset": dataset}, {}, {})) == result_settings(load())


def test_equal_values_in_another_order_have_equal_bytes():
    assert canonical({"b": 1, "a": {"d": "é", "c": 2}}) == canonical({"a": {"c": 2, "d": "é"}, "b": 1})
    assert canonical({"a": 1}) != canonical({"a": 1.0})
