"""Makes one row of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from data_juicer.ops.dataset.grouping.grouper import Grouper
from data_juicer.ops.dataset.text_hash import HASH

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch


class NaiveGrouper(Grouper):
    """Grouping of all rows: makes one row, whose fields are lists; it must fit into the memory of a worker."""

    name: ClassVar[str] = "naive_grouper"

    def keys(self, batch: Batch) -> pa.Array:
        return pa.array([bytes(16)] * len(batch), HASH)
