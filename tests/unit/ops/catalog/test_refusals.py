"""What a recipe says about an operator that can mean nothing, or cannot be made, is refused in one line that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.catalog import registry
from data_juicer.ops.catalog.missing import why_missing


def refusal(name: str, params: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as refused:
        registry.make(name, params)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("name", "params", "reported"),
    [
        ("text_length_filter", {"min_len": 10, "max_len": 5}, "min_len = 10 is above max_len = 5"),
        ("words_num_filter", {"max_num": 3}, "min_num = 10 is above max_num = 3"),
        (
            "alphanumeric_filter",
            {"min_ratio": 0.9, "max_ratio": 0.5},
            "min_ratio = 0.9 is above max_ratio = 0.5",
        ),
        (
            "range_specified_field_selector",
            {"field_key": "n", "lower_rank": 5, "upper_rank": 2},
            "lower_rank = 5 is above upper_rank = 2",
        ),
        (
            "specified_numeric_field_filter",
            {"field_key": "n", "min_value": 2, "max_value": 1},
            "min_value = 2.0 is above max_value = 1.0",
        ),
    ],
)
def test_bounds_between_which_nothing_lies_are_refused(
    name: str, params: dict[str, Any], reported: str
) -> None:
    assert refusal(name, params) == f"operator {name}: {reported}: no row could be kept"


def test_bounds_that_keep_something_are_taken() -> None:
    registry.make("text_length_filter", {"min_len": 5, "max_len": 5})
    registry.make("text_length_filter", {"min_len": 10, "max_len": 5, "reversed_range": True})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("image_aspect_ratio_filter", "image operators need a reader of pictures"),
        ("video_captioning_from_vlm_mapper", "video operators need a reader of videos"),
        ("audio_duration_filter", "audio operators need a reader of sounds"),
        ("generate_qa_from_text_mapper", "ask a language model, or run one, are not here yet"),
    ],
)
def test_an_operator_of_datajuicers_that_is_not_here_is_named_as_such(name: str, why: str) -> None:
    reported = refusal(name, {})
    assert why in reported
    assert "did you mean" not in reported


def test_no_operator_that_is_here_is_reported_as_missing() -> None:
    assert [name for name in registry.names() if why_missing(name)] == []


BROKEN = """
from data_juicer.ops.base_op import OPERATORS, Mapper

@OPERATORS.register_module("refusing_init_mapper")
class RefusingInitMapper(Mapper):
    def __init__(self, mode: str = "a", level: int = 1, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.mode = {"a": 1}[mode]
        if level > 3:
            raise RuntimeError("level is\\ntoo high")
        self.share = 1 / level
"""


@pytest.mark.parametrize(
    ("params", "reported"),
    [
        ({"mode": "zz"}, "operator refusing_init_mapper: mode = 'zz': KeyError: 'zz'"),
        ({"level": 9, "mode": "a"}, "operator refusing_init_mapper: RuntimeError: level is too high"),
        ({"level": 0}, "operator refusing_init_mapper: level = 0: ZeroDivisionError: division by zero"),
    ],
)
def test_an_init_that_raises_is_reported_with_operator_and_parameter(
    tmp_path: Path, params: dict[str, Any], reported: str
) -> None:
    file = Path(tmp_path, "refusing.py")
    file.write_text(BROKEN)
    from data_juicer.ops.catalog import custom

    custom.load_custom([str(file)], taken=list)
    assert refusal("refusing_init_mapper", params) == reported


@pytest.mark.parametrize("name", ["batch_mode", "adaptive_batching", "input_columns", "tmp_file_name"])
def test_parameters_that_cannot_change_a_result_are_taken_by_every_operator(name: str) -> None:
    assert (
        registry.make("clean_links_mapper", {name: None}).canonical
        == registry.make("clean_links_mapper", {}).canonical
    )
