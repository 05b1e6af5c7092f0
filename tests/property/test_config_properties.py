"""Whatever is typed or written, config answers with a JobConfig or one ConfigError of one line."""

import json

from hypothesis import given
from hypothesis import strategies as st

from data_juicer.config.config import load_config, load_recipe
from data_juicer.config.fingerprint import canonical, digest, dump
from data_juicer.config.schema import SPECS, JobConfig
from data_juicer.config.sources import foreign, legacy
from data_juicer.config.sources.yaml_text import parse_yaml
from data_juicer.errors import ConfigError

KEYS = sorted({*SPECS, *JobConfig.SECTIONS, *legacy.FLAT, *legacy.BELOW_PARTITION, *foreign.NAMES, "config"})
ANY_TEXT = st.text(st.characters(), max_size=40)  # lone surrogates included, as os.fsdecode gives them
WORDS = st.one_of(
    ANY_TEXT,
    st.sampled_from(
        ["", "true", "false", "null", "1", "-1", "1e6", "a,b", "[a, b]", "[a, {b: {c: 1}}]", "{", "--"]
    ),
    st.sampled_from(KEYS).map(lambda key: f"--{key}"),
    st.builds(lambda key, text: f"--{key}={text}", st.sampled_from(KEYS), ANY_TEXT),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT | st.integers(), inner, max_size=4),
    max_leaves=12,
)
YAML_MARKS = st.text(st.sampled_from("ab:-[]{},&*!|>?#'\"%@ \n\t0.<~"), max_size=60)


def message_of(load):
    """What `load` was refused with, or None; anything but a ConfigError escapes and fails the test."""
    try:
        load()
    except ConfigError as error:
        return str(error)
    return None


def check_outcome(load):
    message = message_of(load)
    if message is None:
        config = load()
        assert isinstance(config, JobConfig)
        assert load_recipe(json.loads(canonical(dump(config))), {}, {}) == config
    else:
        assert message.isprintable()  # so it is one line
        assert len(message) < 1200


@given(st.lists(WORDS, max_size=8))
def test_any_words_on_the_command_line(words):
    check_outcome(lambda: load_config([word for word in words if not word.startswith("--config")], {}))


@given(
    st.one_of(YAML_MARKS, ANY_TEXT).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.binary(max_size=60)
)
def test_any_text_as_a_recipe(text):
    message = message_of(lambda: parse_yaml(text, "recipe"))
    assert message is None or len(message.splitlines()) == 1
    if message is None and isinstance(value := parse_yaml(text, "recipe").value, dict):
        check_outcome(lambda: load_recipe(value, {}, {}))


@given(st.dictionaries(st.sampled_from(KEYS) | ANY_TEXT, VALUES, max_size=5))
def test_any_values_in_a_recipe(recipe):
    check_outcome(lambda: load_recipe(recipe, {}, {}))
    check_outcome(lambda: load_recipe({"dataset_path": "in.jsonl"}, recipe, {}))


@given(st.sampled_from(sorted(JobConfig.SECTIONS)), st.dictionaries(ANY_TEXT, VALUES, max_size=3))
def test_any_values_in_a_section(section, inner):
    check_outcome(lambda: load_recipe({"dataset_path": "in.jsonl", section: inner}, {}, {}))


@given(st.lists(st.one_of(ANY_TEXT, VALUES, st.dictionaries(st.just("an_operator"), VALUES)), max_size=4))
def test_any_values_as_operators(entries):
    check_outcome(lambda: load_recipe({"dataset_path": "in.jsonl", "process": entries}, {}, {}))


@given(st.dictionaries(st.sampled_from(sorted(SPECS)), WORDS, max_size=4))
def test_any_variables(settings):
    environ = {"DJ_" + key.upper().replace(".", "__"): value for key, value in settings.items()}
    check_outcome(lambda: load_recipe({"dataset_path": "in.jsonl"}, {}, environ))


@given(st.integers(1, 10**6), st.sampled_from(["every_op", "every_n_ops", "disabled"]), st.booleans())
def test_every_source_gives_the_same_config(size, strategy, enabled):
    from_recipe = load_recipe(
        {
            "dataset_path": "i",
            "partition": {"size": size},
            "checkpoint": {"strategy": strategy, "enabled": enabled},
        },
        {},
        {},
    )
    flags = [
        "--partition.size",
        str(size),
        f"--checkpoint.strategy={strategy}",
        "--checkpoint.enabled",
        str(enabled),
    ]
    variables = {
        "DJ_PARTITION__SIZE": str(size),
        "DJ_CHECKPOINT__STRATEGY": strategy,
        "DJ_CHECKPOINT__ENABLED": str(enabled).lower(),
    }
    from_flags = load_config(["--dataset_path", "i", *flags], {})
    from_variables = load_recipe({"dataset_path": "i"}, {}, variables)
    assert from_recipe == from_flags == from_variables
    assert digest(dump(from_recipe)) == digest(dump(from_flags))
