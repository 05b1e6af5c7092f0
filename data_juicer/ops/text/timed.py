"""A bound for regular expressions that need a backtracking engine."""

from __future__ import annotations

from typing import Final

LIMIT_S: Final = 10.0
"""Seconds that one expression may work on one text; then it raises TimeoutError and the row is a dead letter."""
