"""Halving towards the rows that fail, so that one bad row costs one row. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from data_juicer.errors import ConfigError, StoreError
from data_juicer.rows.batch import Batch

Span = tuple[int, int]
"""Rows [start, stop) of a batch."""
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row of the batch that was given, and what the operator raised on it alone."""

    row: int
    error: Exception


NEVER_A_ROWS_FAULT = (ConfigError, StoreError)
"""Errors that say something about the job; they pass through, since halving would blame every row."""


def apply_isolated(
    apply: Callable[[Batch], Made],
    batch: Batch,
    spans: Sequence[Span] | None = None,
    announce: Callable[[int, int], None] = lambda _start, _stop: None,
) -> tuple[list[tuple[int, Made]], list[FailedRow]]:
    """Apply an operator to a batch; where it raises, to halves of it, down to single rows.

    Args:
        spans: what is given to the operator at once, in order; None: the whole batch.
        announce: called with the span that the operator is given next.
    Returns: the pieces that went through, each with the number of its first row in `batch`; the rows that did not.
    Cost: one call a span if nothing fails; about 2 log2(rows) calls for each failing row.
    """
    done: list[tuple[int, Made]] = []
    failed: list[FailedRow] = []
    left = [(0, len(batch))] if spans is None else list(reversed(spans))
    while left:
        start, stop = left.pop()
        announce(start, stop)
        piece = batch if stop - start == len(batch) else batch.take(np.arange(start, stop, dtype=np.int32))
        try:
            done.append((start, apply(piece)))
        except NEVER_A_ROWS_FAULT:
            raise
        except Exception as error:  # whatever an operator raises is an answer about its rows
            if stop - start == 1:
                failed.append(FailedRow(start, error))
            elif stop > start:
                middle = (start + stop) // 2
                left += [(middle, stop), (start, middle)]
            else:
                raise
    return done, failed
