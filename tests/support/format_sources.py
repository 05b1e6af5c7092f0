"""What tests of formats share."""

from __future__ import annotations

from typing import Protocol

from data_juicer.formats.base import FragmentLimits, ReadRows, SourceFile

LIMITS = FragmentLimits(rows_max=1000, size_bytes_max=1 << 26)


class WriteSource(Protocol):
    def __call__(self, data: bytes, name: str = "corpus.jsonl") -> SourceFile:
        """Write a file and give it as a source."""


class ReadAll(Protocol):
    def __call__(self, data: bytes, *text_keys: str, row_bytes_max: int = 1 << 30) -> ReadRows:
        """Read bytes as the one fragment of a JSON Lines file; text key `text` if none is given."""
