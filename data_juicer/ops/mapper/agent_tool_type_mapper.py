"""Which tools an agent used most."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from data_juicer.ops.bases.row_mapper import RowMapper, meta_of
from data_juicer.rows.batch import META_FIELD


class AgentToolTypeMapper(RowMapper):
    """Tool usage of agent runs: tags a row with the tool that its tags name most often, and with the most frequent ones.

    Example: agent_tool_types [read, write, read] -> primary_tool_type read, dominant_tool_types [read, write]

    Args:
        tool_types_meta_key: the tag that lists the tools.
        primary_key: the tag for the most frequent one, null without tools.
        dominant_key: the tag for the most frequent ones.
        top_k_dominant: how many these are at most.
    """

    name: ClassVar[str] = "agent_tool_type_mapper"

    def __init__(
        self,
        tool_types_meta_key: str = "agent_tool_types",
        primary_key: str = "primary_tool_type",
        dominant_key: str = "dominant_tool_types",
        top_k_dominant: int = 5,
    ) -> None:
        self.tool_types_meta_key = tool_types_meta_key
        self.primary_key = primary_key
        self.dominant_key = dominant_key
        self.top_k_dominant = top_k_dominant

    def fields_read(self) -> tuple[str, ...]:
        return (META_FIELD,)

    def fields_written(self) -> tuple[str, ...]:
        return (META_FIELD,)

    def map_row(self, row: dict[str, Any]) -> None:
        meta = meta_of(row)
        listed = meta.get(self.tool_types_meta_key)
        tools = [str(tool).strip() for tool in listed] if isinstance(listed, list) else []
        ranked = [tool for tool, _ in Counter(filter(None, tools)).most_common(self.top_k_dominant)]
        meta[self.primary_key] = ranked[0] if ranked else None
        meta[self.dominant_key] = ranked
