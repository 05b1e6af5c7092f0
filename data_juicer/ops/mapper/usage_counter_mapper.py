"""Tokens that a model was paid for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from data_juicer.ops.bases.row_mapper import RowMapper, meta_of
from data_juicer.ops.chat.messages import dicts_of
from data_juicer.rows.batch import META_FIELD

_OF_THE_ROW = (
    *("usage_metadata", "prompt_tokens", "completion_tokens"),
    *("input_tokens", "output_tokens", "total_tokens"),
)


class UsageCounterMapper(RowMapper):
    """Token usage accounting: tags a row with the prompt, completion and total tokens of its usage records (OpenAI, Anthropic).

    Prompt and completion tokens are sums; the total is the first that a record names, else both together; null
    where nothing was counted.

    Example: usage {prompt_tokens: 3, completion_tokens: 4, total_tokens: 7} -> the same three as tags

    Args:
        choices_key: the field with the choices of the reply, which may have records of their own.
        usage_key: the field with the record of the row.
        response_metadata_key: the field with metadata of the reply, which may have a record.
        dedupe_identical_usage: count a record that occurs again with the same numbers once.
    """

    name: ClassVar[str] = "usage_counter_mapper"
    version: ClassVar[int] = 2

    def __init__(
        self,
        choices_key: str = "choices",
        usage_key: str = "usage",
        response_metadata_key: str = "response_metadata",
        dedupe_identical_usage: bool = True,
    ) -> None:
        self.choices_key = choices_key
        self.usage_key = usage_key
        self.response_metadata_key = response_metadata_key
        self.dedupe_identical_usage = dedupe_identical_usage

    def fields_read(self) -> tuple[str, ...]:
        return (self.choices_key, self.usage_key, self.response_metadata_key, *_OF_THE_ROW, META_FIELD)

    def fields_written(self) -> tuple[str, ...]:
        return (META_FIELD,)

    def map_row(self, row: dict[str, Any]) -> None:
        usages = list(self._usages(row))
        if self.dedupe_identical_usage:
            first: dict[tuple[float, float, float], _Usage] = {}
            for usage in usages:
                first.setdefault(usage.key, usage)
            usages = list(first.values())
        totals = (usage.total for usage in usages if usage.total is not None)
        meta = meta_of(row)
        prompt = sum(usage.prompt for usage in usages)
        completion = sum(usage.completion for usage in usages)
        meta["prompt_tokens"] = prompt
        meta["completion_tokens"] = completion
        meta["total_tokens"] = next(totals, prompt + completion or None)

    def _usages(self, row: dict[str, Any]) -> Iterator[_Usage]:
        own = row.get(self.usage_key)
        yield _Usage.of(own if isinstance(own, dict) else row)
        metadata = row.get(self.response_metadata_key)
        if isinstance(metadata, dict):
            yield _Usage.of(metadata)
        for choice in dicts_of(row.get(self.choices_key)):
            yield _Usage.of(choice)
            message = choice.get("message") or choice.get("delta")
            if isinstance(message, dict):
                yield _Usage.of(message)


class _Usage(NamedTuple):
    prompt: float
    completion: float
    total: float | None

    @property
    def key(self) -> tuple[float, float, float]:
        return (
            self.prompt,
            self.completion,
            self.prompt + self.completion if self.total is None else self.total,
        )

    @staticmethod
    def of(holder: dict[str, Any]) -> _Usage:
        """The record that an object holds, or is."""
        inner = holder.get("usage") or holder.get("usage_metadata")
        record = inner if isinstance(inner, dict) else {}
        if not _counts(record) and _counts(holder):
            record = holder
        return _Usage(
            _number(record.get("prompt_tokens") or record.get("input_tokens")) or 0,
            _number(record.get("completion_tokens") or record.get("output_tokens")) or 0,
            _number(record.get("total_tokens")),
        )


def _counts(record: dict[str, Any]) -> bool:
    return record.get("prompt_tokens") is not None or record.get("completion_tokens") is not None


def _number(value: Any) -> float | None:
    if isinstance(value, float):
        return value
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError, OverflowError):
        return None
