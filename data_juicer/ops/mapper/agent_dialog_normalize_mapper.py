"""Runs of agents as dialogues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from data_juicer.ops.bases.row_mapper import RowMapper, meta_of
from data_juicer.ops.chat.dialog import Caps, turns_of
from data_juicer.ops.chat.messages import (
    content_text,
    dicts_of,
    reply_text,
    role_of,
    tool_calls_of,
    tool_names,
)
from data_juicer.rows.batch import META_FIELD

_SKILLS: Final = (
    re.compile(r"[/\\]([a-zA-Z][a-zA-Z0-9_]*)[/\\]SKILL\.md", re.IGNORECASE),
    re.compile(r"##\s+([a-zA-Z][a-zA-Z0-9_]*(?:\.[a-zA-Z0-9_]+)?)\s*(?:\n|$)"),
    re.compile(r"##\s+([\u4e00-\u9fff][\u4e00-\u9fff0-9_\-]{1,32})\s*(?:\n|$)"),
    re.compile(r"Check\s+[\"'].*?([a-zA-Z][a-zA-Z0-9_]*)/SKILL\.md", re.IGNORECASE),
)
_LINEAGE: Final = {
    "request_model": "agent_request_model",
    "pt": "agent_pt",
    "total_cost_time": "agent_total_cost_time_ms",
}


class AgentDialogNormalizeMapper(RowMapper):
    """Dialogue normalisation for agent runs: turns messages into one text, a list of turns, and the last question and answer.

    A turn is a message of the user with everything until the next: answers, calls of tools by name, their results.
    The row is tagged with the number of turns, places of the last messages, tools, skills and where the run came from.

    Example: messages user `Hi`, assistant `Hello` -> text `User: Hi`, empty line, `Assistant: Hello`

    Args:
        messages_key: the field with the messages.
        choices_key: the field with replies, for a run whose messages end without an answer.
        text_key: the field for the text.
        history_key: the field for the dialogue, a list of pairs.
        query_key: the field for the last question.
        response_key: the field for the last answer.
        extract_tool_skill_tags: tag the row with the tools and skills that messages name.
        include_system_in_first_user: put what the system says before what the user says first.
        user_label: what precedes a question in the text.
        assistant_label: what precedes an answer.
        copy_lineage_fields: tag the row with its fields request_model, pt and total_cost_time.
        copy_request_id: tag the row with the first of `request_id_keys` that is not empty.
        request_id_keys: fields that may name the run.
        history_tool_result_max_chars: greatest length of one result of a tool, 0 for any; the middle is left out.
        history_max_assistant_trace_chars: the same for the answer of a turn.
        history_max_user_chars: the same for a question.
        history_compress_head_ratio: the share of what is kept that comes from the start, 0.35 to 0.85.
    """

    name: ClassVar[str] = "agent_dialog_normalize_mapper"

    def __init__(
        self,
        messages_key: str = "messages",
        choices_key: str = "choices",
        text_key: str = "text",
        history_key: str = "dialog_history",
        query_key: str = "query",
        response_key: str = "response",
        extract_tool_skill_tags: bool = True,
        include_system_in_first_user: bool = False,
        user_label: str = "User",
        assistant_label: str = "Assistant",
        copy_lineage_fields: bool = True,
        copy_request_id: bool = True,
        request_id_keys: list[str] = ["request_id", "trace_id", "id"],  # noqa: B006 - read only
        history_tool_result_max_chars: int = 10_000,
        history_max_assistant_trace_chars: int = 0,
        history_max_user_chars: int = 0,
        history_compress_head_ratio: float = 0.62,
    ) -> None:
        self.messages_key = messages_key
        self.choices_key = choices_key
        self.text_key = text_key
        self.history_key = history_key
        self.query_key = query_key
        self.response_key = response_key
        self.extract_tool_skill_tags = extract_tool_skill_tags
        self.include_system = include_system_in_first_user
        self.labels = (user_label, assistant_label)
        self.lineage = _LINEAGE if copy_lineage_fields else {}
        self.request_id_keys = request_id_keys if copy_request_id else []
        self.caps = Caps(
            tool_result=history_tool_result_max_chars,
            answer=history_max_assistant_trace_chars,
            question=history_max_user_chars,
            head_ratio=history_compress_head_ratio,
        )

    def text_keys_made(self) -> tuple[str, ...]:
        return (self.text_key, self.query_key, self.response_key)

    def fields_read(self) -> tuple[str, ...]:
        return (self.messages_key, self.choices_key, *self.request_id_keys, *self.lineage)

    def fields_written(self) -> tuple[str, ...]:
        return (self.text_key, self.history_key, self.query_key, self.response_key, META_FIELD)

    def map_row(self, row: dict[str, Any]) -> None:
        messages = dicts_of(row.get(self.messages_key))
        turns, shortened = turns_of(messages, self.caps, include_system=self.include_system)
        query, response = turns[-1] if turns else ("", "")
        row[self.text_key] = "\n\n".join(self._labelled(turns))
        row[self.history_key] = [list(turn) for turn in turns]
        row[self.query_key] = query
        row[self.response_key] = response or reply_text(row.get(self.choices_key))
        meta = meta_of(row)
        meta["agent_dialog_history_compressed"] = shortened
        meta["agent_turn_count"] = len(turns)
        if self.extract_tool_skill_tags:
            meta["agent_tool_types"] = _tag(
                name for each in messages for name in tool_names(tool_calls_of(each))
            )
            meta["agent_skill_types"] = _tag(name for each in messages for name in _skills(each))
        for role in ("user", "assistant"):
            indices = [place for place, each in enumerate(messages) if role_of(each) == role]
            if indices:
                meta[f"agent_last_{role}_msg_idx"] = indices[-1]
        self._tag_origin(row, meta)

    def _labelled(self, turns: list[tuple[str, str]]) -> Iterator[str]:
        for turn in turns:
            yield from (f"{label}: {said}" for label, said in zip(self.labels, turn, strict=True) if said)

    def _tag_origin(self, row: dict[str, Any], meta: dict[str, Any]) -> None:
        names = (str(row[key]).strip() for key in self.request_id_keys if row.get(key) is not None)
        named = next(filter(None, names), None)
        if named is not None:
            meta["agent_request_id"] = named
        for key, tag in self.lineage.items():
            if row.get(key) is not None:
                meta[tag] = row[key]


def _skills(message: dict[str, Any]) -> Iterator[str]:
    text = content_text(message.get("content"))
    return (match[1] for pattern in _SKILLS for match in pattern.finditer(text))


def _tag(names: Iterator[str]) -> list[str]:
    """Names without repeats; one empty name for none, so that the tag is a list of strings in every row."""
    return list(dict.fromkeys(filter(None, (name.strip() for name in names)))) or [""]
