"""Redaction beyond the text of a row."""

from __future__ import annotations

from typing import Any

from data_juicer.ops.catalog import registry
from data_juicer.rows.batch import Batch
from data_juicer.testing.rows import DictRows, batch_of

ROW = {
    "text": "plain",
    "images": ["/home/x.jpg", "token=abc"],
    "meta": {"path": "/tmp/q", "other": "/tmp/z"},
    "messages": [
        {"content": "mail a@b.co", "tool_calls": [{"function": {"arguments": "password: x1"}}]},
        {"content": [{"type": "text", "text": "/etc/passwd"}, "10.0.0.1"]},
    ],
    "dialog_history": [["at /home/u", "token: t"]],
}


def redacted(row: dict[str, Any], **params: Any) -> dict[str, Any]:
    return registry.make("pii_redaction_mapper", params).process(batch_of([row])).row(0)


def test_strings_of_lists_and_under_telling_keys_are_redacted_once() -> None:
    after = redacted(ROW)
    assert after["images"] == ["[PATH_REDACTED]", "token=[REDACTED]"]
    assert after["meta"] == {"path": "[PATH_REDACTED]", "other": "/tmp/z"}
    assert after["messages"][0]["tool_calls"][0]["function"]["arguments"] == "password: [REDACTED]"
    assert after["messages"][1]["content"] == [{"type": "text", "text": "[PATH_REDACTED]"}, "[IP_REDACTED]"]
    assert after["dialog_history"] == [["at [PATH_REDACTED]", "token: [REDACTED]"]]


def test_other_fields_are_left_alone_on_request() -> None:
    after = redacted(ROW, only_redact_keys=True)
    assert (after["images"], after["meta"]) == (ROW["images"], ROW["meta"])
    assert after["messages"][0]["content"] == "mail [EMAIL_REDACTED]"


def test_a_row_without_text_is_redacted_too() -> None:
    row = {"query": "mail a@b.co", "n": 1.0}
    batch = Batch.of(DictRows([row], text_keys=()), 1)
    after = registry.make("pii_redaction_mapper", {}).process(batch)
    assert after.row(0) == {"query": "mail [EMAIL_REDACTED]", "n": 1.0}


def test_a_replacement_is_taken_literally() -> None:
    row = {"text": "at /home/u and a@b.co"}
    after = redacted(row, path_replacement=r"\1 \g<0>", email_replacement="\\")
    assert after["text"] == r"at \1 \g<0> and " + "\\"


def test_extra_patterns_come_last() -> None:
    after = redacted({"text": "case 77 of a@b.co"}, extra_patterns=[[r"case \d+", "CASE"]])
    assert after["text"] == "CASE of [EMAIL_REDACTED]"


def test_a_long_run_of_letters_takes_linear_time() -> None:
    text = "a" * 200_000 + " b@c.de"
    assert redacted({"text": text})["text"] == "a" * 200_000 + " [EMAIL_REDACTED]"
