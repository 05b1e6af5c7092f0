"""Messages of chat models and agents, in the forms of several providers, as text. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_THOUGHTS: Final = ("thinking", "reasoning", "reasoning_content")


def role_of(message: dict[str, Any]) -> str:
    """In lower case; empty where a message names none."""
    return str(message.get("role") or "").lower()


def dicts_of(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; nothing of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def content_text(content: Any) -> str:
    """What a message says: a string, or blocks of text and thoughts, each on a line of its own; stripped."""
    if isinstance(content, list):
        parts = (_block_text(block) for block in content)
        return "\n".join(part for part in parts if part).strip()
    return _flat(content)


def tool_calls_of(message: dict[str, Any]) -> list[Any]:
    """The calls of tools in a message."""
    calls = message.get("tool_calls") or message.get("tool_use") or []
    return calls if isinstance(calls, list) else []


def tool_names(calls: list[Any]) -> Iterator[str]:
    """The tools that are called, in order."""
    for call in dicts_of(calls):
        function = call.get("function") or call.get("function_call")
        name = (function.get("name") if isinstance(function, dict) else None) or call.get("name")
        if name:
            yield str(name)


def reply_text(choices: Any) -> str:
    """The first reply among choices that says something."""
    for choice in dicts_of(choices):
        message = choice.get("message") or choice.get("delta") or choice
        content = message.get("content") if isinstance(message, dict) else None
        text = content_text(content) if isinstance(content, str | list) else ""
        if text:
            return text
    return ""


def _block_text(block: Any) -> str:
    if isinstance(block, str):
        return block.strip()
    if not isinstance(block, dict):
        return ""
    kind = block.get("type")
    if kind in {"text", "input_text"} or (kind not in _THOUGHTS and "text" in block):
        return _flat(block.get("text"))
    return _flat(next((block[key] for key in _THOUGHTS if block.get(key)), None))


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        inner = (value[key] for key in ("value", "text", "content") if value.get(key) not in (None, ""))
        return _flat(next(inner, None))
    if isinstance(value, list):
        return "\n".join(_flat(item) for item in value if item not in (None, "")).strip()
    return "" if value is None else str(value).strip()
