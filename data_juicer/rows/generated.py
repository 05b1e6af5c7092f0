"""Rows that an operator makes itself, such as one of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from data_juicer.rows.batch import Batch, RowSource


def own_rows(source: RowSource, rows: Sequence[Mapping[str, bytes]]) -> Batch:
    """A batch of rows of raw JSON values that come from no row of the source."""
    own = np.full(len(rows), -1, np.int32)
    names = sorted({name for row in rows for name in row})
    fields = {name: pa.array([row.get(name) for row in rows], pa.large_binary()) for name in names}
    return Batch(source, own, fields=fields, base=own)
