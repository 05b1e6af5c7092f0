"""Operators by name: found without imports, made from checked parameters, refused in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.base import Operator
from data_juicer.ops.catalog import parameters, registry


def refusal(name: str, params: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        registry.make(name, params)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_names_are_listed_without_importing_an_operator() -> None:
    code = (
        "import sys; from data_juicer.ops.catalog import registry; assert 'clean_links_mapper' in registry.names();"
        "assert not [m for m in sys.modules if m.startswith(('data_juicer.ops.mapper.', 'pyarrow', 'numpy', 'polars'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_built_in_module_holds_its_operator_with_checkable_parameters() -> None:
    for name in registry.names():
        cls = registry.find(name)
        assert issubclass(cls, Operator)
        assert cls.name == name
        for key, parameter in parameters.own_parameters(cls).items():
            assert parameter.annotation is not parameter.empty, f"{name}.{key}"


def test_an_unknown_operator_is_answered_with_the_nearest_name() -> None:
    assert "did you mean 'clean_links_mapper'?" in refusal("clean_link_mapper", {})


def test_an_unknown_parameter_is_answered_with_the_nearest_name_and_what_is_allowed() -> None:
    message = refusal("text_length_filter", {"min_length": 3})
    assert "did you mean 'min_len'?" in message
    assert "Allowed: max_len, min_len." in message


@pytest.mark.parametrize("value", ["ten", 1.5, True, [1], {"a": 1}])
def test_a_value_of_another_type_is_refused_with_the_value(value: object) -> None:
    assert "min_len" in refusal("text_length_filter", {"min_len": value})


def test_an_integer_is_taken_where_a_float_is_wanted() -> None:
    assert registry.make("special_characters_filter", {"max_ratio": 1})


def test_a_value_that_the_operator_refuses_is_a_config_error() -> None:
    assert "NFX" in refusal("fix_unicode_mapper", {"normalization": "NFX"})
    assert "no regular expression" in refusal("clean_links_mapper", {"pattern": "("})


def test_a_range_of_a_parameter_is_held() -> None:
    assert "rep_len" in refusal("character_repetition_filter", {"rep_len": 0})


def test_field_keys_are_set_and_the_recipes_text_key_is_the_default() -> None:
    assert registry.make("text_length_filter", {}, text_key="body").text_key == "body"
    assert registry.make("text_length_filter", {"text_key": "title"}, text_key="body").text_key == "title"


def test_resources_are_accepted_by_every_operator_and_decide_nothing() -> None:
    plain = registry.make("clean_links_mapper", {})
    speedy = registry.make("clean_links_mapper", {"num_proc": 4, "batch_size": 7, "mem_required": "1GB"})
    assert registry.canonical_params(plain) == registry.canonical_params(speedy)


@pytest.mark.parametrize(
    ("name", "explicit"),
    [
        ("text_length_filter", {"min_len": 10}),
        ("text_length_filter", {"text_key": "text", "reversed_range": False}),
        ("special_characters_filter", {"min_ratio": 0, "max_ratio": 0.25}),
        ("average_line_length_filter", {"min_len": 10.0}),
        ("clean_links_mapper", {"pattern": None, "repl": "", "image_key": "images"}),
    ],
)
def test_an_explicit_default_has_the_key_of_an_omitted_one(name: str, explicit: dict[str, object]) -> None:
    assert registry.canonical_params(registry.make(name, explicit)) == registry.canonical_params(
        registry.make(name, {})
    )


@pytest.mark.parametrize("changed", [{"min_len": 11}, {"text_key": "body"}, {"min_closed_interval": False}])
def test_a_parameter_that_decides_the_result_changes_the_key(changed: dict[str, object]) -> None:
    other = registry.canonical_params(registry.make("text_length_filter", changed))
    assert other != registry.canonical_params(registry.make("text_length_filter", {}))
    assert json.loads(other)


def test_a_custom_file_that_does_not_import_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("x = 1\nimport no_such_module_anywhere\n")
    with pytest.raises(
        ConfigError,
        match=r"broken\.py:2: it needs the module no_such_module_anywhere, which is not installed",
    ):
        registry.load_custom([str(file)])
    file.write_text("x = (\n")
    with pytest.raises(ConfigError, match=r"broken\.py:1: SyntaxError"):
        registry.load_custom([str(file)])


def test_a_custom_path_that_is_missing_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        registry.load_custom([str(tmp_path / "none.py")])
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(ConfigError, match="holds no operator"):
        registry.load_custom([str(tmp_path / "empty.py")])


NATIVE = """
from data_juicer.ops.base import TextMapper

class {cls}(TextMapper):
    name = "{name}"

    def __init__(self, tail: str = "{tail}") -> None:
        self.tail = tail

    def map_text(self, text):
        import pyarrow.compute as pc
        return pc.binary_join_element_wise(text, self.tail, "")
"""


def test_the_version_of_a_custom_operator_follows_its_source(tmp_path: Path) -> None:
    file = tmp_path / "native.py"
    file.write_text(NATIVE.format(cls="Tail", name="native_tail_mapper", tail="!"))
    assert registry.load_custom([str(tmp_path)]) == ["native_tail_mapper"]
    first = registry.find("native_tail_mapper")
    assert registry.load_custom([str(file)]) == ["native_tail_mapper"]
    assert registry.find("native_tail_mapper") is first
    file.write_text(NATIVE.format(cls="Tail", name="native_tail_mapper", tail="?"))
    registry.load_custom([str(file)])
    changed = registry.find("native_tail_mapper")
    assert (changed.version != first.version, len(str(changed.version))) == (True, 32)
    assert "native_tail_mapper" in registry.names()


def test_a_custom_operator_may_not_take_a_built_in_name(tmp_path: Path) -> None:
    file = tmp_path / "thief.py"
    file.write_text(NATIVE.format(cls="Thief", name="clean_links_mapper", tail=""))
    with pytest.raises(ConfigError, match="'clean_links_mapper' is taken"):
        registry.load_custom([str(file)])


def test_a_whole_number_may_be_written_as_recipes_write_large_ones() -> None:
    large = registry.make("text_length_filter", {"max_len": 2e5})
    assert registry.canonical_params(large) == registry.canonical_params(
        registry.make("text_length_filter", {"max_len": 200_000})
    )
    with pytest.raises(ConfigError, match=r"max_len = 0\.5"):
        registry.make("text_length_filter", {"max_len": 0.5})
