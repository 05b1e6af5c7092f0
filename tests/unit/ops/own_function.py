"""A function of a user's, for python_file_mapper."""

from __future__ import annotations

from typing import Any


def shout(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "text": row["text"].upper()}
