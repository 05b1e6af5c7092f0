"""Mappers of records beyond their recorded cases."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.catalog import registry
from data_juicer.rows.batch import META_FIELD, STATS_FIELD, Batch
from data_juicer.testing.rows import DictRows


def after(name: str, params: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    operator = registry.make(name, params)
    operator.prepare()
    keys = [key for key in operator.text_keys_read() if key in row]
    return operator.process(Batch.of(DictRows([row], keys), 1)).row(0)


def bad_case(row: dict[str, Any], **params: Any) -> tuple[str, list[str]]:
    meta = after("agent_bad_case_signal_mapper", params, row)[META_FIELD]
    return meta["agent_bad_case_tier"], [signal["code"] for signal in meta["agent_bad_case_signals"]]


def test_signals_that_recipes_switch_on_are_reported() -> None:
    row = {
        META_FIELD: {"dialog_sentiment_labels": ["Angry user"], "dialog_coreference": {"score": "1"}},
        STATS_FIELD: {"perplexity": 900.0, "llm_difficulty_score": 0.8, "llm_quality_score": 0.3},
    }
    switched = {
        "signal_on_negative_sentiment_hint": True,
        "signal_on_high_perplexity": True,
        "signal_hard_query_poor_reply": True,
    }
    codes = [
        "negative_sentiment_label_hint",
        "high_perplexity",
        "hard_query_low_reply_quality_conjunction",
        "dialog_turn_quality_meta_low",
    ]
    assert bad_case(row, **switched) == ("watchlist", codes)
    assert bad_case(row, **switched, min_medium_signals_for_watchlist=5) == ("none", codes)
    assert bad_case(row, signal_on_low_dialog_quality_meta=False) == ("none", [])
    assert bad_case({}) == ("none", [])


def test_thresholds_come_from_a_calibration_by_model(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(
        json.dumps({"default": {"max_total_tokens": 10}, "by_request_model": {"m": {"max_total_tokens": 99}}})
    )
    params = {"calibration_json_path": str(path), "auto_calibrate_thresholds": True}
    assert bad_case({META_FIELD: {"total_tokens": 50}}, **params)[1] == ["high_token_usage"]
    assert bad_case({META_FIELD: {"total_tokens": 50, "agent_request_model": "m"}}, **params)[1] == []
    assert bad_case({META_FIELD: {"total_tokens": 50}}, **params, max_total_tokens=60)[1] == []
    with pytest.raises(ConfigError, match="calibration_json_path"):
        registry.make("agent_bad_case_signal_mapper", {**params, "calibration_json_path": "nowhere.json"})


def test_stats_of_filters_in_the_same_run_are_read() -> None:
    import pyarrow as pa

    batch = Batch.of(DictRows([{"id": 1}], ()), 1).with_stats({"perplexity": pa.array([900.0])})
    operator = registry.make("agent_bad_case_signal_mapper", {"signal_on_high_perplexity": True})
    assert operator.process(batch).column(META_FIELD)[0]["agent_bad_case_tier"] == "watchlist"


def test_a_long_result_of_a_tool_keeps_its_ends() -> None:
    messages = [{"role": "user", "content": "q"}, {"role": "tool", "content": "a" * 900 + "z" * 900}]
    row = after(
        "agent_dialog_normalize_mapper", {"history_tool_result_max_chars": 1000}, {"messages": messages}
    )
    assert row[META_FIELD]["agent_dialog_history_compressed"] is True
    assert row["response"].startswith("[Tool result]\naaa")
    assert row["response"].endswith("zzz")
    assert len(row["response"]) <= 1000 + len("[Tool result]\n")


def test_contents_of_several_providers_are_text() -> None:
    content = [{"type": "text", "text": {"value": "one"}}, {"thinking": "two"}, "three", 4]
    row = after("agent_dialog_normalize_mapper", {}, {"messages": [{"role": "USER", "content": content}]})
    assert row["query"] == "one\ntwo\nthree"


def test_the_total_of_tokens_is_the_first_one_named() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    other = {"input_tokens": 5, "output_tokens": "x", "total_tokens": 9}
    row = after("usage_counter_mapper", {}, {"usage": usage, "choices": [{"usage": other}, {"usage": usage}]})
    assert row[META_FIELD] == {"prompt_tokens": 6, "completion_tokens": 1, "total_tokens": 2}


def test_a_row_with_tables_keeps_them() -> None:
    row = {"text": "<table><tr><td>a</td></tr></table>", META_FIELD: {"html_tables": "mine"}}
    assert after("extract_tables_from_html_mapper", {}, row) == row


def test_files_beyond_the_total_size_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "paper.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in (("a.tex", b"first"), ("b.txt", b"no"), ("c.tex", b"second"), ("d.tex", b"3")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    row = {"compressed_file": str(path)}
    assert after("latex_merge_tex_mapper", {}, row)["text"] == "first\n\nsecond\n\n3"
    assert after("latex_merge_tex_mapper", {"max_total_size": 6}, row)["text"] == "first\n\n3"


def test_fused_operators_do_what_they_do_one_by_one() -> None:
    fused = registry.make(
        "general_fused_op",
        {"fused_op_list": ["agent_dialog_normalize_mapper", {"text_length_filter": {"min_len": 9}}]},
    )
    fused.prepare()
    assert fused.text_keys_read() == ()
    rows = [{"messages": [{"role": "user", "content": text}]} for text in ("hi", "a longer one")]
    batch = fused.process(Batch.of(DictRows(rows, ()), 2))
    assert batch.text("text").to_pylist() == ["User: a longer one"]
