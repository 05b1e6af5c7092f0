"""How long the texts of a batch are, counted once for all operators that ask."""

from __future__ import annotations

from data_juicer.ops.batch import Batch
from data_juicer.ops.text.codepoints import Counts, lengths


def shared_lengths(batch: Batch, key: str) -> Counts:
    """Characters of each row of the text column `key`, counted once for all operators."""
    return batch.shared(key, "length", make=lengths)
