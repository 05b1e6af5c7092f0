"""Messages as turns of a dialogue, each a question and all that answers it. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from data_juicer.ops.chat.messages import content_text, role_of, tool_calls_of, tool_names

_NAMES_MAX: Final = 10
_MARKER_CHARACTERS: Final = 128
_SHORT_CHARACTERS: Final = 400
_END_CHARACTERS_MIN: Final = 200


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """Greatest lengths in characters, 0 for any, and the share of a shortened text that comes from its start."""

    tool_result: int
    answer: int
    question: int
    head_ratio: float


def turns_of(
    messages: list[dict[str, Any]], caps: Caps, *, include_system: bool
) -> tuple[list[tuple[str, str]], bool]:
    """The turns, and whether something was shortened."""
    builder = _Turns(caps)
    system: list[str] = []
    for message in messages:
        text = content_text(message.get("content"))
        role = role_of(message)
        if role == "system" and include_system and text:
            system.append(text)
        elif role == "user":
            builder.ask("\n\n".join([*system, text]).strip())
            system = []
        elif role == "assistant":
            builder.answer(text or _calls_text(tool_calls_of(message)))
        elif role == "tool":
            builder.add_result(text)
    return builder.turns, builder.shortened


class _Turns:
    def __init__(self, caps: Caps) -> None:
        self.turns: list[tuple[str, str]] = []
        self.shortened = False
        self._caps = caps

    def ask(self, text: str) -> None:
        self.turns.append((self._capped(text, self._caps.question), ""))

    def answer(self, text: str) -> None:
        if not self.turns:
            self.turns.append(("", ""))
        self._extend("\n\n", text)

    def add_result(self, text: str) -> None:
        if self.turns:
            self._extend("\n", "[Tool result]\n" + self._capped(text, self._caps.tool_result))

    def _extend(self, separator: str, text: str) -> None:
        question, before = self.turns[-1]
        joined = separator.join(part for part in (before, text) if part)
        self.turns[-1] = (question, self._capped(joined, self._caps.answer))

    def _capped(self, text: str, length_max: int) -> str:
        if length_max <= 0 or len(text) <= length_max:
            return text
        self.shortened = True
        return _shortened(text, length_max, self._caps.head_ratio)


def _calls_text(calls: list[Any]) -> str:
    names = list(dict.fromkeys(tool_names(calls)))
    more = [f"...+{len(names) - _NAMES_MAX}"] if len(names) > _NAMES_MAX else []
    return f"[Tool calls: {', '.join(names[:_NAMES_MAX] + more)}]" if names else ""


def _shortened(text: str, length_max: int, head_ratio: float) -> str:
    """Start and end of a text that is too long, with a note in between; where that is too short, the start alone."""
    budget = length_max - _MARKER_CHARACTERS
    if budget < _SHORT_CHARACTERS:
        return text[: max(0, length_max - 48)] + "\n…[truncated — agent_dialog_normalize_mapper]…"
    head = max(_END_CHARACTERS_MIN, int(budget * min(0.85, max(0.35, head_ratio))))
    tail = budget - head
    if tail < _END_CHARACTERS_MIN:
        tail = _END_CHARACTERS_MIN
        head = max(_END_CHARACTERS_MIN, budget - tail)
    omitted = len(text) - head - tail
    marker = f"\n\n[··· {omitted} chars omitted from middle; head+tail preserved — agent_dialog_normalize_mapper]\n\n"
    over = head + len(marker) + tail - length_max
    if over > 0:
        head = max(120, head - over)
    return text[:head] + marker + text[-tail:]
