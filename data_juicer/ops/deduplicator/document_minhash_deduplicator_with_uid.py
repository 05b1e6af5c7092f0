"""Removes documents that are like one with a lower number, by MinHash."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch

UID: Final = "__dj__uid"


class DocumentMinhashDeduplicatorWithUid(DocumentMinhashDeduplicator):
    """Near-duplicate removal with MinHash LSH, as `document_minhash_deduplicator`; of each cluster the document with the lowest `__dj__uid` stays.

    Every document must have that field, an integer.
    """

    name: ClassVar[str] = "document_minhash_deduplicator_with_uid"
    has_ranks: ClassVar[bool] = True

    def summarise(self, batch: Batch) -> pa.Table:
        """Raises: ValueError: a row has no such number."""
        uids = batch.column(UID)
        for uid in uids:
            if type(uid) is not int:
                raise ValueError(f"the field {UID} must hold an integer, found {uid!r:.80}")
        return super().summarise(batch).append_column(UID, pa.array(uids, pa.int64()))

    def known_summary(self, indexed: pa.Table) -> pa.Table:
        """Known rows stay whatever numbers others have."""
        lowest = np.full(indexed.num_rows, np.iinfo(np.int64).min)
        return super().known_summary(indexed).append_column(UID, pa.array(lowest))

    def ranks(self, summary: pa.Table) -> npt.NDArray[np.int64]:
        ranks: npt.NDArray[np.int64] = summary.column(UID).to_numpy()
        return ranks
