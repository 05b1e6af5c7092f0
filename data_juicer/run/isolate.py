"""Halving towards the rows that fail, so that one bad row costs one row. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data_juicer.errors import ConfigError, StoreError
from data_juicer.ops.batch import Batch


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row of the batch that was given, and what the operator raised on it alone."""

    row: int
    error: Exception


NEVER_A_ROWS_FAULT = (ConfigError, StoreError)
"""Errors that say something about the job; they pass through, since halving would blame every row."""


def apply_isolated(
    apply: Callable[[Batch], Batch], batch: Batch
) -> tuple[list[tuple[int, Batch]], list[FailedRow]]:
    """Apply an operator to a batch; where it raises, to halves of it, down to single rows.

    Returns: the pieces that went through, each with the number of its first row in `batch`; the rows that did not.
    Cost: one call if nothing fails; about 2 log2(rows) calls for each failing row.
    """
    done: list[tuple[int, Batch]] = []
    failed: list[FailedRow] = []
    left = [(0, len(batch))]
    while left:
        start, stop = left.pop()
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
