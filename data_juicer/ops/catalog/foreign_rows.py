"""Runs mappers, filters and aggregators of DataJuicer's class interface (`ops/base_op.py`) over batches.

Rows are decoded whole, handed over as dicts, and compared afterwards by their encoding with a second decoding, since
operators change nested values in place: only fields whose value changed are written back, so that all others leave
as they came (1 and 1.0 and true differ).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import pyarrow as pa

from data_juicer.kernels.arrays import Mask
from data_juicer.ops import base, base_op
from data_juicer.ops.catalog.parameters import FIELD_KEYS, attribute_parameters
from data_juicer.rows import json_values
from data_juicer.rows.batch import STATS_FIELD, Batch
from data_juicer.rows.stats import stats_columns, stats_rows
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


class ForeignMapper(Foreign, base.Mapper):
    def process(self, batch: Batch) -> Batch:
        samples = samples_of(batch, self.name)
        if not self.is_batched:
            after = [self._checked(self.operator.process_single(sample)) for sample in samples]
        else:
            after = _batched(self.operator.process_batched, samples)
        if len(after) == len(batch):
            return _written(batch, after)
        return _new_rows(batch, after, self.text_key)

    def _checked(self, row: Any) -> dict[str, Any]:
        if not isinstance(row, dict):
            raise TypeError(
                f"{self.name}: process_single must return the row, a dict; it returned {row!r:.80}"
            )
        return row


class ForeignAggregator(Foreign, base.Mapper):
    """Sees a row of a grouper, whose fields are lists, and gives fields that replace those or join them."""

    kind: ClassVar[base.Kind] = "aggregator"

    def process(self, batch: Batch) -> Batch:
        return _written(batch, [self._aggregated(sample) for sample in samples_of(batch, self.name)])

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
            after = _batched(self.operator.compute_stats_batched, samples)
        else:
            after = [self.operator.compute_stats_single(sample) for sample in samples]
        if len(after) != len(batch):
            raise ValueError(f"{self.name} gave stats of {len(after)} rows for {len(batch)}")
        decided = _Decided(stats_columns([_new_stats(*pair) for pair in zip(before, after, strict=True)]))
        decided.kept = np.array([self._decide(row) for row in after], np.bool_)
        return decided

    def _decide(self, row: dict[str, Any]) -> bool:
        if not self.is_batched:
            return bool(self.operator.process_single(row))
        (kept,) = self.operator.process_batched({key: [value] for key, value in row.items()})
        return bool(kept)

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


def _batched(process: Any, samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run a method of dicts of lists; fields that a row lacks are None in its list, and left out again after it."""
    if not samples:
        return []
    given = base_op.columns_of(list(samples), {})
    after = base_op.rows_of({key: list(column) for key, column in process(given).items()})
    if len(after) != len(samples):
        return after
    return [
        {key: value for key, value in row.items() if value is not None or key in sample or key not in given}
        for row, sample in zip(after, samples, strict=True)
    ]


def _written(batch: Batch, after: Sequence[Mapping[str, Any]]) -> Batch:
    """The batch with the fields that changed."""
    before = [batch.raw_row(index) for index in range(len(batch))]
    after = [_without_empty_meta(*pair) for pair in zip(before, after, strict=True)]
    keys = dict.fromkeys(
        key for rows in (before, after) for row in rows for key in cast("Iterable[str]", row)
    )
    for key in keys:
        if key == STATS_FIELD:
            continue
        column = [
            _raw(key, old.get(key), new.get(key, json_values.MISSING))
            for old, new in zip(before, after, strict=True)
        ]
        if column != [old.get(key) for old in before]:
            batch = _with_field(batch, key, column)
    held = (row.get(STATS_FIELD) for row in after)
    figures = [row if isinstance(row, dict) else {} for row in held]  # a grouper makes a list of them
    return batch.with_stats(stats_columns(figures)) if any(figures) else batch


def _without_empty_meta(before: Mapping[str, bytes], after: Mapping[str, Any]) -> Mapping[str, Any]:
    """A dict for tags that was given to a row and nothing was written to is none of the row's."""
    if Fields.meta in before or after.get(Fields.meta) != {}:
        return after
    return {key: value for key, value in after.items() if key != Fields.meta}


def _raw(key: str, old: bytes | None, value: Any) -> bytes | None:
    """The field as raw JSON: the old bytes if they mean the same."""
    if value is json_values.MISSING:
        return None
    new = json_values.encode_field(key, value)
    if old is not None and (new == old or new == json_values.encode(json_values.decode(old))):
        return old
    return new


def _with_field(batch: Batch, key: str, column: Sequence[bytes | None]) -> Batch:
    raw = pa.array(column, pa.large_binary())
    if not _is_text(batch, key):
        return batch.with_raw(key, raw)
    texts = [json_values.MISSING if item is None else json_values.decode(item) for item in column]
    wrong = next((text for text in texts if not isinstance(text, str)), None)
    if wrong is not None:
        raise TypeError(f"field {key!r} is a text and must stay a string, the operator made it {wrong!r}")
    return batch.with_text(key, pa.array(texts, pa.large_string()))


def _is_text(batch: Batch, key: str) -> bool:
    """Whether the field must hold strings: not where an operator put something else there, as groupers do."""
    if key in batch.texts or key in batch.fields:
        return key in batch.texts
    try:
        batch.source.text(key)
    except KeyError:
        return False
    return True


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
            made = _with_field(made, key, column)
    return made.with_stats(stats_columns([row.get(STATS_FIELD) or {} for row in after]))
