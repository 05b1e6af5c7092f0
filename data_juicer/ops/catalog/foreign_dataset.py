"""Runs deduplicators, selectors and groupers of DataJuicer's class interface.

Their `process` is given a whole dataset, so that all rows are kept in the memory of the process that resolves: such an
operator is for datasets that fit there. What `compute_hash` adds to a row is computed where the row is resolved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from data_juicer.errors import OperatorError
from data_juicer.foreign_code import Contained, error_text
from data_juicer.ops import base, base_op
from data_juicer.ops.catalog.foreign_rows import Foreign, samples_of
from data_juicer.ops.catalog.row_dataset import RowDataset, kept_rows
from data_juicer.ops.dataset.decisions import KEEP
from data_juicer.ops.dataset.grouping.grouper import Grouper
from data_juicer.ops.dataset.grouping.members import KEY
from data_juicer.ops.dataset.text_hash import HASH
from data_juicer.rows import json_values

if TYPE_CHECKING:
    from data_juicer.ops.dataset.scratch import Scratch
    from data_juicer.ops.dataset.summaries import Summaries
    from data_juicer.rows.batch import Batch

ROW: Final = "row"


def adapter_of(foreign: type[base_op.OP]) -> type[base.Operator]:
    """The adapter for a deduplicator, a selector or a grouper."""
    if issubclass(foreign, base_op.Deduplicator):
        return ForeignDeduplicator
    return ForeignSelector if issubclass(foreign, base_op.Selector) else ForeignGrouper


class _ForeignRemover(Foreign, base.RowRemover):
    """Keeps the rows that are in what `process` returns."""

    def summarise(self, batch: Batch) -> pa.Table:
        rows = [json_values.encode(sample) for sample in samples_of(batch, self.name)]
        return pa.table({ROW: pa.array(rows, pa.large_binary())})

    def resolve(self, summaries: Summaries, scratch: Scratch) -> Iterator[pa.Table]:
        """Raises: OperatorError: the operator raised, or gave something else than rows of the dataset."""
        raw = [row for table in summaries for row in table.column(ROW).to_pylist()]
        rows = [json.loads(row) for row in raw]
        kept, after = self._kept(rows)
        for number, row in zip(kept, after, strict=True):
            if any(row.get(key) != value for key, value in json.loads(raw[number]).items()):
                raise OperatorError(
                    f"{self.name} changes rows, where it can only keep or remove them here; let a mapper change them"
                )
        keep = np.zeros(len(rows), np.bool_)
        keep[kept] = True
        start = 0
        for count in summaries.rows:
            yield pa.table({KEEP: pa.array(keep[start : start + count])})
            start += count

    def _kept(self, rows: list[dict[str, Any]]) -> tuple[list[int], list[dict[str, Any]]]:
        """The numbers of the rows that stay, and those rows as the operator left them."""
        try:
            with Contained():
                return kept_rows(self.run(RowDataset(rows)))
        except Exception as error:
            raise OperatorError(
                f"{self.name}: {type(error).__name__}: {error_text(error)} (while it was given all {len(rows):,} rows)"
            ) from error

    def run(self, dataset: RowDataset) -> Any:
        return self.operator.process(dataset)


class ForeignSelector(_ForeignRemover):
    kind: ClassVar[base.Kind] = "selector"
    ledger_outcome: ClassVar[base.LedgerOutcome] = "filtered"


class ForeignDeduplicator(_ForeignRemover):
    kind: ClassVar[base.Kind] = "deduplicator"
    ledger_outcome: ClassVar[base.LedgerOutcome] = "duplicate"

    def run(self, dataset: RowDataset) -> Any:
        hashed = dataset.map(self.operator.compute_hash, batched=self.is_batched)
        return self.operator.process(hashed, 0)[0]


class ForeignGrouper(Foreign, Grouper):
    """Makes the rows that `process` returns of all rows, in one partition."""

    def keys(self, batch: Batch) -> pa.Array:
        return pa.array([bytes(16)] * len(batch), HASH)

    def summarise(self, batch: Batch) -> pa.Table:
        return pa.table({KEY: self.keys(batch)})

    def group(self, members: Sequence[Mapping[str, bytes]]) -> Sequence[Mapping[str, bytes]]:
        rows = [{key: json_values.decode(raw) for key, raw in member.items()} for member in members]
        with Contained():
            made = self.operator.process(RowDataset(rows))
        for key in dict.fromkeys(key for row in made for key in row):
            json_values.check_name(key)
        return [{key: json_values.encode_field(key, value) for key, value in row.items()} for row in made]
