"""Whether the tools of an agent succeeded."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final

from data_juicer.kernels.patterns.timed import TimedPattern
from data_juicer.ops.bases.row_mapper import RowMapper, meta_of
from data_juicer.ops.chat.messages import dicts_of, role_of
from data_juicer.rows.batch import META_FIELD

_TOOL_ROLES: Final = ("tool", "tool_use")
_ERROR: Final = (
    *(r"(?i)\berror\s*:", r"(?i)\bexception\b", r"(?i)\bfailed\b", r"(?i)\bfailure\b"),
    *(r"(?i)not\s+found", r"(?i)permission\s+denied"),
    *("(?:执行|操作|请求|调用|接口)失败", "(?:发生|出现)错误", "错误码"),
    *("无法访问", "权限不足", "无权限", "找不到(?:文件|路径)?"),
)
_OBJECT_CHARACTERS_MAX: Final = 10_000
_PREVIEW_CHARACTERS: Final = 200


class ToolSuccessTaggerMapper(RowMapper):
    """Tool success rate of agent runs: tags a row with how many tool results among its messages are successes, errors or empty.

    A result that no error pattern matches is a success. The ratio is successes over successes and errors, null without
    any.

    Example: a tool message `Error: file not found` -> tool_fail_count 1, tool_success_ratio 0.0

    Args:
        messages_key: the field with the messages.
        tool_role_names: the roles whose messages are results of tools; by default tool and tool_use.
        success_patterns: known from recipes; without effect, since what is no error is a success.
        error_patterns: regular expressions of Python's `re` in place of the built-in ones.
        store_per_tool_results: also tag each result with its label and its first 200 characters.
    """

    name: ClassVar[str] = "tool_success_tagger_mapper"

    def __init__(
        self,
        messages_key: str = "messages",
        tool_role_names: list[str] | None = None,
        success_patterns: list[str] | None = None,
        error_patterns: list[str] | None = None,
        store_per_tool_results: bool = True,
    ) -> None:
        self.messages_key = messages_key
        self.tool_roles = frozenset(tool_role_names or _TOOL_ROLES)
        self.error = [TimedPattern(pattern, "pattern") for pattern in error_patterns or _ERROR]
        self.store_per_tool_results = store_per_tool_results

    def fields_read(self) -> tuple[str, ...]:
        return (self.messages_key, META_FIELD)

    def fields_written(self) -> tuple[str, ...]:
        return (META_FIELD,)

    def map_row(self, row: dict[str, Any]) -> None:
        results = [
            _result_text(message.get("content"))
            for message in _messages(row.get(self.messages_key))
            if role_of(message) in self.tool_roles
        ]
        labels = [self._label(text) for text in results]
        successes, failures = labels.count("success"), labels.count("error")
        meta = meta_of(row)
        meta["tool_success_count"] = successes
        meta["tool_fail_count"] = failures
        meta["tool_unknown_count"] = labels.count("unknown")
        meta["tool_success_ratio"] = successes / (successes + failures) if successes + failures else None
        if self.store_per_tool_results:
            meta["tool_results"] = [
                {"content_preview": text[:_PREVIEW_CHARACTERS], "result": label}
                for text, label in zip(results, labels, strict=True)
            ]

    def _label(self, text: str) -> str:
        if not text:
            return "unknown"
        if any(pattern.is_in(text) for pattern in self.error):
            return "error"
        return "success"


def _messages(value: Any) -> list[dict[str, Any]]:
    """Messages, as a list or as JSON of one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            return []
    return dicts_of(value)


def _result_text(content: Any) -> str:
    if isinstance(content, dict):
        return json.dumps(content, ensure_ascii=False)[:_OBJECT_CHARACTERS_MAX]
    if isinstance(content, list):
        blocks = (
            _result_text(block.get("text"))
            if isinstance(block, dict) and block.get("type") == "text"
            else block
            for block in content
        )
        return "\n".join(_result_text(block) for block in blocks if isinstance(block, str | dict)).strip()
    return "" if content is None else str(content).strip()
