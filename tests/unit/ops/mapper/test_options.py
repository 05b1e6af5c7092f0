"""Options of text mappers that keep what the recorded results lose."""

from __future__ import annotations

import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.catalog import registry
from data_juicer.ops.resources import optional
from data_juicer.testing.rows import batch_of


def texts(name: str, params: dict[str, object], *given: str) -> list[str]:
    operator = registry.make(name, params)
    operator.prepare()
    return operator.process(batch_of([{"text": text} for text in given])).text("text").to_pylist()


def test_blocks_of_html_stay_apart_on_request() -> None:
    pages = (
        "<p>Un</p><p>Deux</p>",
        "a<script>var x</script>b<br>c",
        "<table><tr><td>1</td><td>2</td></tr></table>",
    )
    assert texts("clean_html_mapper", {}, *pages) == ["UnDeux", "avar xbc", "12"]
    assert texts("clean_html_mapper", {"keep_block_separators": True}, *pages) == [
        "Un\nDeux",
        "ab\nc",
        "1\n2",
    ]


def test_titles_and_includes_stay_on_request() -> None:
    sources = ("# Title\ntext", "#include <x>\nint x;", "// Copyright A\n\nint x;")
    assert texts("clean_copyright_mapper", {}, *sources) == ["text", "int x;", "int x;"]
    kept = texts("clean_copyright_mapper", {"keep_other_comments": True}, *sources)
    assert kept == ["# Title\ntext", "#include <x>\nint x;", "int x;"]


def test_a_chunk_is_cut_off_a_text_of_any_length() -> None:
    text = "abcdefgh " * 20_000
    for params in (
        {"max_len": 10},
        {"max_len": 10, "overlap_len": 1},
        {"max_len": 10, "split_pattern": None},
    ):
        parts = texts("text_chunk_mapper", params, text)
        assert len(parts) >= len(text) // 10
        assert max(map(len, parts)) <= 10


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("chinese_convert_mapper", {"mode": "s2x"}, "mode must be one of s2t"),
        ("replace_content_mapper", {"pattern": "("}, "pattern '\\('"),
        ("replace_content_mapper", {"pattern": ["a", "b"], "repl": ["x"]}, "repl has 1 values"),
        ("remove_table_text_mapper", {"min_col": 1}, "2 to 20"),
        ("text_chunk_mapper", {"split_pattern": None}, "cannot both be null"),
        ("text_chunk_mapper", {"max_len": 3, "overlap_len": 3}, "less than max_len"),
        ("sentence_split_mapper", {"lang": "xx"}, "lang must be one of en"),
        ("python_lambda_mapper", {"lambda_str": "1 + 1"}, "lambda of one argument"),
        ("python_file_mapper", {"file_path": "nowhere.py"}, "Python file that exists"),
        ("pii_redaction_mapper", {"extra_patterns": [["(", "x"]]}, "extra_patterns"),
        ("general_fused_op", {"fused_op_list": ["no_such_mapper"]}, "unknown"),
    ],
)
def test_a_wrong_value_is_an_error_of_the_recipe(name: str, params: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        registry.make(name, params)


def test_a_missing_library_is_named_with_what_to_type() -> None:
    with pytest.raises(
        ConfigError, match=r"x_mapper needs no_such_library.*pip install 'data-juicer\[text\]'"
    ):
        optional.need("no_such_library", operator="x_mapper")


def test_a_split_pattern_that_matches_nothing_at_the_start_of_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match="matches nothing"):
        texts("text_chunk_mapper", {"max_len": 3, "split_pattern": "(?=a)"}, "abcdef")
