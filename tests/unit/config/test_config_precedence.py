"""Which of several sources of one setting counts."""

import os

import pytest

from data_juicer.config.config import load_config, load_recipe
from data_juicer.config.schema import DEFAULTS, SPECS, JobConfig
from data_juicer.config.sources.legacy import BELOW_PARTITION, FLAT, TRUTH_VALUES
from data_juicer.config.spec import Choice, Flag, Integer
from data_juicer.errors import ConfigError

INPUT = {"dataset_path": "in.jsonl"}


def load(recipe=None, environ=None, **overrides):
    return load_recipe(INPUT | (recipe or {}), overrides, environ or {})


def write(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text("dataset_path: in.jsonl\n" + text)
    return str(path)


def test_each_source_wins_over_the_one_before_it(tmp_path):
    flat = "partition_size: 2\n"
    nested = flat + "partition: {size: 3}\n"
    variables = {"DJ_PARTITION__SIZE": "4"}
    flags = ["--partition.size", "5"]
    assert load_config(["--config", write(tmp_path, "")], {}).partition.size == 1000
    assert load_config(["--config", write(tmp_path, flat)], {}).partition.size == 2
    assert load_config(["--config", write(tmp_path, nested)], {}).partition.size == 3
    assert load_config(["--config", write(tmp_path, nested)], variables).partition.size == 4
    assert load_config(["--config", write(tmp_path, nested), *flags], variables).partition.size == 5


def test_fault_tolerance_wins_over_partition_and_partition_over_flat():
    flat = {"max_retries": 1}
    partition = flat | {"partition": {"max_retries": 2}}
    nested = partition | {"fault_tolerance": {"max_retries": 4}}
    assert [load(each).fault_tolerance.max_retries for each in ({}, flat, partition, nested)] == [3, 1, 2, 4]


def test_precedence_is_not_the_order_of_writing():
    settings = {"fault_tolerance": {"max_retries": 4}, "partition": {"max_retries": 2, "size": 7}}
    config = load({**settings, "max_retries": 1, "partition_size": 9})
    assert (config.fault_tolerance.max_retries, config.partition.size) == (4, 7)


def test_a_flat_flag_wins_over_a_nested_recipe():
    assert load({"partition": {"size": 3}}, partition_size=7).partition.size == 7


@pytest.mark.parametrize(("old", "new"), sorted({**FLAT, **BELOW_PARTITION}.items()))
def test_every_older_name_sets_what_it_stands_for(old, new):
    value = True if old in TRUTH_VALUES else other_value(new)
    changed = load(fault_tolerance={"on_bad_row": "fail"}) if old in TRUTH_VALUES else load()
    section, _, leaf = old.rpartition(".")
    recipe = {section: {leaf: value}} if section else {old: value}
    if old in TRUTH_VALUES:
        assert changed.flat()[new] == "fail"
        assert load({old: False}).flat()[new] == "fail"
        assert load({old: True}).flat()[new] == "quarantine"
    else:
        assert load(recipe).flat()[new] == value != changed.flat()[new]


def other_value(key):
    """A value of a setting that is not its default."""
    match SPECS[key]:
        case Flag():
            return not DEFAULTS[key]
        case Integer():
            return DEFAULTS[key] + 1
        case Choice(choices=choices):
            return next(choice for choice in reversed(choices) if choice != DEFAULTS[key])


def test_a_setting_given_twice_with_equal_weight_is_refused():
    with pytest.raises(
        ConfigError, match=r"recipe: partition\.size: given twice, here and as partition\.size"
    ):
        load({"partition": {"size": 1}, "partition.size": 2})


def test_flags_are_read_by_the_type_of_their_setting():
    config = load_config(
        [
            "--dataset_path", "a.jsonl", "b, c.jsonl", "--np", "2", "--checkpoint.strategy=manual",
            "--checkpoint.op_names", "x_mapper,y_mapper", "--checkpoint.enabled", "false", "--verify_input",
            "--process", "[x_mapper, {y_mapper: {ratio: 1e-1}}]", "--custom-operator-paths", "ops.py",
            "--text_keys", '["q", "a"]', "--fault_tolerance.drain_s", "5", "--partition.size", "1e6",
        ],
        {},
    )  # fmt: skip
    assert config.dataset_path == ("a.jsonl", "b, c.jsonl")
    assert (config.np, config.verify_input, config.partition.size) == (2, True, 1_000_000)
    assert config.checkpoint.op_names == ("x_mapper", "y_mapper")
    assert not config.checkpoint.enabled
    assert [(entry.name, dict(entry.params)) for entry in config.process] == [
        ("x_mapper", {}),
        ("y_mapper", {"ratio": 0.1}),
    ]
    assert config.text_keys == ("q", "a")
    assert config.custom_operator_paths == ("ops.py",)
    assert config.fault_tolerance.drain_s == 5.0


def test_a_variable_that_is_no_setting_is_named_and_ignored():
    config = load(environ={"DJ_PARTITION__SIZEE": "1", "OTHER": "x"})
    assert config.notices == (
        "DJ_PARTITION__SIZEE: not a setting, ignored; did you mean DJ_PARTITION__SIZE?",
    )


def test_a_name_alone_with_null_and_with_no_parameters_are_the_same_operator():
    assert len({str(load({"process": [entry]}).process) for entry in ("a", {"a": None}, {"a": {}})}) == 1


def test_settings_that_change_nothing_here_are_accepted_with_one_notice_each(tmp_path):
    recipe = write(tmp_path, "use_cache: false\nop_fusion: true\npartition: {mode: auto}\nvalidators: []\n")
    notices = load_config(["--config", recipe], {}).notices
    assert [notice.split(": ")[:3] for notice in notices] == [
        [f"{recipe}:2", "use_cache", "no effect here"],
        [f"{recipe}:3", "op_fusion", "no effect here"],
        [f"{recipe}:4", "partition.mode", "no effect here"],
    ]


def test_what_follows_from_other_settings_is_filled_in():
    config = load({"export_path": "out/x.jsonl.zst", "intermediate_storage": {"format": "jsonl"}})
    assert (config.export_type, config.work_dir) == ("jsonl.zst", "out")
    assert config.intermediate_storage.compression == "none"
    assert load().intermediate_storage.compression == "snappy"
    assert config.np == len(os.sched_getaffinity(0))


def test_the_inputs_are_those_of_either_form():
    dataset = {"configs": [{"type": "local", "path": "a"}, {"path": "b"}]}
    assert load_recipe({"dataset": dataset}, {}, {}).sources() == ("a", "b")
    assert load_recipe({"dataset_path": ["a", "b"]}, {}, {}).sources() == ("a", "b")


def test_a_path_that_begins_with_a_number_is_no_mixture():
    assert load_recipe({"dataset_path": "2024 crawl/a.jsonl"}, {}, {}).sources() == ("2024 crawl/a.jsonl",)


def test_loading_creates_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    load({"work_dir": "w", "event_log_dir": "e", "checkpoint_dir": "c"})
    assert os.listdir(tmp_path) == []


def test_a_config_made_in_python_is_checked_like_a_recipe():
    with pytest.raises(ConfigError, match=r"^np: 0 is not an integer from 1 to 4096$"):
        JobConfig(dataset_path=("a",), np=0)
