"""Runs mappers, filters and aggregators of DataJuicer's class interface (`ops/base_op.py`) over batches.

Rows are decoded whole, handed over as dicts, and compared afterwards by their encoding with a second decoding, since
operators change nested values in place: only fields whose value changed are written back, so that all others leave
as they came (1 and 1.0 and true differ). As in `Dataset.map`, what an operator returns updates the row, unless it
is the very dict that the operator was given: fields that are gone from that one were removed.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import pyarrow as pa

from data_juicer.kernels.arrays import Mask
from data_juicer.ops import base, base_op
from data_juicer.ops.bases.returned_lists import returned_lists
from data_juicer.ops.catalog.parameters import FIELD_KEYS, attribute_parameters
from data_juicer.rows import json_values
from data_juicer.rows.batch import STATS_FIELD, Batch
from data_juicer.rows.stats import stats_columns, stats_rows
from data_juicer.rows.written_rows import with_field, with_values
from data_juicer.utils.constant import Fields


class Foreign:
    """What all adapters do: make the operator with the parameters of its own `__init__` and the shared ones."""

    foreign: ClassVar[type[base_op.OP]]
    explicit: frozenset[str] = frozenset()
    """Parameters that the recipe names; set by the registry. A class may have other defaults for names of fields."""

    def __init__(self, **own: Any) -> None:
        shared = {key: getattr(self, key) for key in attribute_parameters(self.foreign) if hasattr(self, key)}
        kinds = {parameter.kind for parameter in inspect.signature(self.foreign).parameters.values()}
        given = {key: value for key, value in shared.items() if key in self.explicit or key not in FIELD_KEYS}
        passed = given if inspect.Parameter.VAR_KEYWORD in kinds else {}
        self.operator = cast("Any", self.foreign(**{**passed, **own}))
        for key in given.keys() - passed.keys():
            setattr(self.operator, key, given[key])
        self.text_key = self.operator.text_key
        self.is_batched: bool = self.operator.is_batched_op()

    def text_keys_read(self) -> tuple[str, ...]:
        """None: the operator sees the row as it is, and what it cannot work on is its own to say."""
        return ()

    def measures(self) -> bool:
        return True  # it may write whatever it likes


class ForeignMapper(Foreign, base.Mapper):
    def process(self, batch: Batch) -> Batch:
        samples = samples_of(batch, self.name)
        if not self.is_batched:
            after = _one_by_one(f"{self.name}: process_single", self.operator.process_single, batch, samples)
        else:
            after = _batched(f"{self.name}: process_batched", self.operator.process_batched, batch, samples)
        if len(after) == len(batch):
            return with_values(batch, _without_empty_metas(batch, after))
        return _new_rows(batch, after, self.text_key)


class ForeignAggregator(Foreign, base.Mapper):
    """Sees a row of a grouper, whose fields are lists, and gives fields that replace those or join them."""

    kind: ClassVar[base.Kind] = "aggregator"

    def process(self, batch: Batch) -> Batch:
        return with_values(batch, [self._aggregated(sample) for sample in samples_of(batch, self.name)])

    def _aggregated(self, sample: dict[str, Any]) -> dict[str, Any]:
        sample.setdefault(Fields.batch_meta, {})
        after = {**sample, **self.operator.process_single(sample)}
        if not after[Fields.batch_meta]:
            del after[Fields.batch_meta]
        return after


class _Decided(dict[str, pa.Array]):
    """Stats with the decision beside them: DataJuicer's filters decide with the whole row at hand."""

    kept: Mask


class ForeignFilter(Foreign, base.Filter):
    def compute_stats(self, batch: Batch) -> Mapping[str, pa.Array]:
        samples = [
            {**sample, STATS_FIELD: dict(sample.get(STATS_FIELD) or {})}
            for sample in samples_of(batch, self.name)
        ]
        before = [dict(sample[STATS_FIELD]) for sample in samples]
        if self.name in base_op.NON_STATS_FILTERS.modules:
            after = samples
        elif self.is_batched:
            what = f"{self.name}: compute_stats_batched"
            after = _batched(what, self.operator.compute_stats_batched, batch, samples)
        else:
            what = f"{self.name}: compute_stats_single"
            after = _one_by_one(what, self.operator.compute_stats_single, batch, samples)
        if len(after) != len(batch):
            raise ValueError(f"{self.name} gave stats of {len(after)} rows for {len(batch)}")
        if not all(isinstance(row.get(STATS_FIELD), dict) for row in after):
            raise ValueError(f"{what} must leave a dict of stats in the field {STATS_FIELD!r}")
        decided = _Decided(stats_columns([_new_stats(*pair) for pair in zip(before, after, strict=True)]))
        decided.kept = np.array([self._decide(row) for row in after], np.bool_)
        return decided

    def _decide(self, row: dict[str, Any]) -> bool:
        if not self.is_batched:
            return bool(self.operator.process_single(row))
        kept = list(self.operator.process_batched({key: [value] for key, value in row.items()}))
        if len(kept) != 1:
            raise ValueError(f"{self.name}: process_batched gave {len(kept)} decisions about one row")
        return bool(kept[0])

    def keep(self, stats: Mapping[str, pa.Array]) -> Mask:
        if isinstance(stats, _Decided):
            return stats.kept
        return np.array([self._decide({STATS_FIELD: row}) for row in stats_rows(stats)], np.bool_)


def _new_stats(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The stats of a row that the operator added or changed."""
    return {
        name: value
        for name, value in after[STATS_FIELD].items()
        if name not in before or value is not before[name]
    }


def samples_of(batch: Batch, name: str) -> list[dict[str, Any]]:
    """The rows as dicts; for an operator that writes tags, with a dict for them."""
    samples = [batch.row(index) for index in range(len(batch))]
    if name in base_op.TAGGING_OPS.modules:
        for sample in samples:
            if not isinstance(sample.get(Fields.meta), dict):
                sample[Fields.meta] = {}
    return samples


def _one_by_one(
    what: str, process: Any, batch: Batch, samples: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Run a method of one row over the rows of a batch.

    Args:
        what: names the method at the beginning of an error.
    Raises: ValueError: it returned something else than a row.
    """
    after = []
    for index, sample in enumerate(samples):
        names = tuple(sample)
        row = process(sample)
        if not isinstance(row, dict):
            raise ValueError(  # noqa: TRY004 - the row is to blame as much
                f"{what} must return the row, a dict; it returned {row!r:.80}"
            )
        if row is not sample and any(name not in row for name in names):
            row = {**batch.row(index), **row}
        after.append(row)
    return after


def _batched(
    what: str, process: Any, batch: Batch, samples: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Run a method of dicts of lists; fields that a row lacks are None in its list, and left out again after it.

    Raises: ValueError: it returned something else, or another number of rows without some of their fields.
    """
    if not samples:
        return []
    given = base_op.columns_of(list(samples), {})
    names = tuple(given)
    returned = process(given)
    columns = returned_lists(what, returned)
    after = base_op.rows_of(columns) if columns else [{} for _ in samples]
    gone = [name for name in names if name not in columns] if returned is not given else []
    if len(after) != len(samples):
        if gone and after:
            raise ValueError(
                f"{what} returned {len(after)} rows for {len(samples)} without their field {gone[0]!r}; "
                "where the number of rows changes, it must return every field"
            )
        return after
    if gone:
        after = [{**batch.row(index), **row} for index, row in enumerate(after)]
    return [
        {key: value for key, value in row.items() if value is not None or key in sample or key not in names}
        for row, sample in zip(after, samples, strict=True)
    ]


def _without_empty_metas(batch: Batch, after: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A dict for tags that was given to a row and nothing was written to is none of the row's."""
    return [
        {key: value for key, value in row.items() if key != Fields.meta}
        if row.get(Fields.meta) == {} and Fields.meta not in batch.raw_row(index)
        else row
        for index, row in enumerate(after)
    ]


def _new_rows(batch: Batch, after: Sequence[Mapping[str, Any]], text_key: str) -> Batch:
    """Rows of the operator's own, all fields written; which row each came from is not known."""
    own = np.full(len(after), -1, np.int32)
    made = Batch(batch.source, own, base=own)
    keys = dict.fromkeys([text_key, *(key for row in after for key in row)])
    for key in keys:
        if key == STATS_FIELD:
            continue
        column = [None if key not in row else json_values.encode_field(key, row[key]) for row in after]
        if any(item is not None for item in column):
            made = with_field(made, key, column)
    return made.with_stats(stats_columns([row.get(STATS_FIELD) or {} for row in after]))
