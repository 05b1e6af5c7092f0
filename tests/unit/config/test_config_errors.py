"""What people read when a setting is wrong."""

import pytest

from data_juicer.config.config import load_config, load_recipe
from data_juicer.config.operators import check_operators
from data_juicer.config.rules import COMPRESSIONS
from data_juicer.config.sources import foreign
from data_juicer.errors import ConfigError

RECIPES = {
    "partition: {sizee: 5}": "2: partition.sizee: unknown setting; did you mean partition.size?",
    "partition:\n  size: abc": '3: partition.size: "abc" is not an integer from 1 to 2147483647',
    "partition:\n  size: 0": "3: partition.size: 0 is not an integer from 1 to 2147483647",
    "partition:\n  size: true": "3: partition.size: true is not an integer from 1 to 2147483647",
    "partition: 5": "2: partition: 5 is not a mapping of settings such as partition: {size: ...}",
    "stratgey: every_op": "2: stratgey: unknown setting; did you mean checkpoint.strategy?",
    "zzzz: 1": "2: zzzz: unknown setting",
    "checkpoint: {strategy: always}": '2: checkpoint.strategy: "always" is not one of every_op, every_partition, '
    "every_n_ops, manual, auto, disabled",
    "checkpoint: {strategy: manual}": "2: checkpoint.op_names: empty; the strategy manual needs the operators after "
    "which to save",
    "process: [a_mapper]\ncheckpoint:\n  strategy: manual\n  op_names: [b_mapper]": "5: checkpoint.op_names[0]: "
    '"b_mapper" is not among the operators of process; did you mean a_mapper?',
    "fault_tolerance: {max_dead_letter_ratio: 2}": "2: fault_tolerance.max_dead_letter_ratio: 2 is not a number from "
    "0 to 1",
    "fault_tolerance: {drain_s: .nan}": "2: fault_tolerance.drain_s: nan is not a value that JSON can hold",
    "job_id: ../x": '2: job_id: "../x" is not a name of 1 to 128 characters from A-Z a-z 0-9 . _ - that does not begin with a dot or a dash (or null)',
    "job_id: 2024": "2: job_id: 2024 is not a name of 1 to 128 characters from A-Z a-z 0-9 . _ - that does not begin with a dot or a dash (or null); put it in quotes",
    "text_keys: []": "2: text_keys: empty; expected a field name or a list of such",
    "text_keys: [a, 3]": "2: text_keys[1]: 3 is not a field name",
    "export_path: out.txt": '2: export_path: "out.txt" ends with none of .jsonl',
    "dataset: {configs: [{type: huggingface}]}": '2: dataset.configs[0].type: "huggingface" is not available; the '
    "types are: local, remote",
    "process: {a: b}": "2: process: a mapping is not a list of operators",
    "process:\n- x\n- {a: 1, b: 2}": "4: process[1]: a mapping: an operator is written as `name` or as",
    "process:\n- a_mapper: {p: .inf}": "3: process[0].a_mapper.p: inf is not a value that JSON can hold",
    "process:\n- a-b": '3: process[0]: "a-b" is not an operator name',
    "partition: {size: 1}\npartition: {size: 2}": "3: partition: this key is given twice",
    "process: [": "3: not YAML: did not find expected",
    "a: !!python/object:os.system {}": "2: tag tag:yaml.org,2002:python/object:os.system is not supported",
}


@pytest.mark.parametrize("text", RECIPES)
def test_a_wrong_recipe_is_answered_with_line_key_value_and_what_is_allowed(text, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"dataset_path: in.jsonl\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(["--config", str(path)], {})
    message = str(caught.value)
    assert message.startswith(f"{path}:")
    assert len(message.splitlines()) == 1
    assert RECIPES[text] in message


COMMANDS = {
    "": "command line: no recipe; type dj-process --config RECIPE",
    "--np": "command line: argument --np: expected one argument",
    "--dataset_path x --np two": 'command line: np: "two" is not an integer from 1 to 4096',
    "--partition.sizee 5": "command line: partition.sizee: unknown setting; did you mean partition.size?",
    "--check 5": "command line: check: unknown setting",
    "--dataset_path x -- y": "command line:",
    "recipe.yaml": "command line: a recipe is named by --config; type dj-process --config recipe.yaml",
    "my␣recipe.JSON --np 2": "command line: a recipe is named by --config; type dj-process --config 'my recipe.JSON'",
    "run": 'command line: "run" belongs to no setting; write --setting value',
    "--dataset_path x --process [text_length_filter] --text_lenght_filter.min_len 3": (
        "command line: text_lenght_filter.min_len: neither a setting nor a parameter of an operator of process; "
        "did you mean text_length_filter?"
    ),
    "--config no/such.yaml": "no/such.yaml: the recipe cannot be read: No such file or directory",
    "--dataset_path x --process [": "command line: process: not readable as YAML: [:",
    "--dataset_path 0.5␣a␣0.5": 'command line: dataset_path: "0.5 a 0.5": the last weight has no path',
}


@pytest.mark.parametrize("line", COMMANDS)
def test_a_wrong_command_line_is_answered_in_one_line(line):
    with pytest.raises(ConfigError) as caught:
        load_config([word.replace("␣", " ") for word in line.split()], {})
    assert str(caught.value).startswith(COMMANDS[line])
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("key", foreign.REFUSED)
def test_a_setting_that_would_change_the_result_is_accepted_only_where_it_asks_for_nothing(key):
    for value in foreign.REFUSED[key]:
        load_recipe({"dataset_path": "a", key: value}, {}, {})
    with pytest.raises(ConfigError, match=f"^recipe: {key}: not available yet$"):
        load_recipe({"dataset_path": "a", key: True}, {}, {})


@pytest.mark.parametrize("format_", COMPRESSIONS)
@pytest.mark.parametrize("compression", ["snappy", "gzip", "zstd", "lz4", "none"])
def test_a_compression_that_the_format_lacks_is_refused_with_those_it_has(format_, compression):
    storage = {"intermediate_storage": {"format": format_, "compression": compression}}
    if compression in COMPRESSIONS[format_]:
        config = load_recipe({"dataset_path": "a", **storage}, {}, {})
        assert config.intermediate_storage.compression == compression
    else:
        with pytest.raises(
            ConfigError, match=f"{compression} is no compression of format {format_}; choose one of: "
        ):
            load_recipe({"dataset_path": "a", **storage}, {}, {})


def test_an_unknown_operator_and_parameter_are_named_with_file_line_and_path(tmp_path):
    path = tmp_path / "recipe.yaml"
    for text, expected in {
        "- clean_links_maper:": f"{path}:3: process[0].clean_links_maper: ",
        "- clean_links_mapper: {patern: x}": f"{path}:3: process[0].clean_links_mapper.patern: ",
    }.items():
        path.write_text(f"dataset_path: in.jsonl\nprocess:\n{text}\n")
        with pytest.raises(ConfigError) as caught:
            check_operators(load_config(["--config", str(path)], {}))
        assert str(caught.value).startswith(expected)
        assert "did you mean" in str(caught.value)


@pytest.mark.parametrize("key", ["op_timeout_s", "worker_memory_mb"])
def test_a_limit_on_workers_is_refused_where_there_are_none(key):
    settings = {"dataset_path": "a", "fault_tolerance": {key: 600}}
    load_recipe({**settings, "executor_type": "local"}, {}, {})
    with pytest.raises(ConfigError, match=f"fault_tolerance.{key}: executor_type inline has no worker"):
        load_recipe({**settings, "executor_type": "inline"}, {}, {})
