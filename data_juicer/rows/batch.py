"""Rows on their way through operators, column at a time.

A batch never copies what no operator touches. It holds the number of each row in its source (`origin`) and, beside it,
only what operators decoded or wrote: text columns, other fields as raw JSON, statistics. Everything else stays in the
source and is fetched by `origin` when a row is exported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from data_juicer.kernels.arrays import Mask
from data_juicer.rows import json_values
from data_juicer.rows.place import Place

Rows = npt.NDArray[np.int32]
Shared = TypeVar("Shared", bound="pa.Array | npt.NDArray[Any]")

STATS_FIELD: Final = "__dj__stats__"
META_FIELD: Final = "__dj__meta__"


class RowSource(Protocol):
    """The rows of one partition as they were read; immutable, shared by all batches of the partition."""

    def text(self, key: str) -> pa.Array:
        """The text field `key` of every row of the source: large_string, shape (rows,), no nulls.

        Raises: KeyError: `key` was not among the text keys that the source was read with.
        """

    def fields(self, origin: int) -> dict[str, bytes]:
        """All fields of one row in their order, as raw JSON values."""

    def field(self, key: str) -> pa.Array:
        """One field of every row as raw JSON: large_binary, shape (rows,), null where the row has no such field."""

    def may_hold(self, key: str) -> bool:
        """False only where no row has this field; cheap."""

    def row_ids(self) -> npt.NDArray[np.uint64]:
        """A number for each row that depends on its place in the input only, not on partitions."""

    def numbers(self) -> npt.NDArray[np.int64]:
        """`place(origin).row` of every row: its number among all rows of the partition, unreadable ones included."""

    def row_bytes(self) -> npt.NDArray[np.int64]:
        """About how many bytes each row has, shape (rows,)."""

    def place(self, origin: int) -> Place:
        """Where one row came from."""

    def raw(self, origin: int) -> bytes:
        """One row as it came in: its untouched bytes, or as a JSON object where the format has no text."""


class Batch(msgspec.Struct, frozen=True):
    """Rows in order. Immutable: every operation gives a new batch that shares what did not change."""

    source: RowSource
    origin: Rows
    """Row of the source that each row came from, shape (rows,); -1 where an operator made a row of its own."""
    texts: Mapping[str, pa.Array] = msgspec.field(default_factory=dict)
    """Text columns that operators decoded or wrote: large_string, no nulls."""
    fields: Mapping[str, pa.Array] = msgspec.field(default_factory=dict)
    """Other fields that operators wrote, as raw JSON: large_binary, null where the row lacks the field."""
    stats: Mapping[str, pa.Array] = msgspec.field(default_factory=dict)
    """Stats of filters, one array a name; large_binary holds raw JSON, where types may differ from row to row."""
    base: Rows | None = None
    """For each row its number in the batch that `rebased` gave last, shape (rows,); None: not moved since."""
    unwritten: frozenset[str] = frozenset()
    """Text columns of which it is known that nobody wrote them since then: each row has the text that it had."""
    cache: dict[tuple[str, ...], Any] = msgspec.field(default_factory=dict)
    """Shared work: (column, what, parameters ...) -> an array with one entry a row."""

    def __len__(self) -> int:
        return len(self.origin)

    @staticmethod
    def of(source: RowSource, rows: int) -> Batch:
        """Every row of a source, untouched."""
        return Batch(source, np.arange(rows, dtype=np.int32))

    # ---- reading

    def text(self, key: str) -> pa.Array:
        """The text column `key`: large_string, shape (rows,), no nulls.

        Raises: KeyError: neither the source was read with this text key nor did an operator write it.
                ValueError: an operator wrote something else than a string there, or made a row without it.
        """
        known = self.texts.get(key)
        if known is not None:
            return known
        cached = self.cache.get((key, "text"))
        if cached is None and (key in self.fields or self._outer(key) is not None):
            cached = self.cache[key, "text"] = json_values.decode_texts(self.raw(key))
        if cached is None:
            whole = self.source.text(key)
            untouched = len(whole) == len(self) and bool((self.origin == np.arange(len(self))).all())
            if not untouched and bool((self.origin < 0).any()):
                raise ValueError(f"a row that an operator made has no text {key!r}")
            cached = whole if untouched else whole.take(pa.array(self.origin))
            self.cache[key, "text"] = cached
        return cached

    def find_text(self, key: str) -> pa.Array | None:
        """The text column `key` as `text` gives it; None where it is none, or some row holds no string there."""
        try:
            return self.text(key)
        except (KeyError, ValueError):
            return None

    def raw(self, key: str) -> pa.Array:
        """The field `key` as raw JSON: large_binary, shape (rows,), null where a row lacks it."""
        if key in self.texts:
            return json_values.encode_texts(self.texts[key])
        known = self.fields.get(key)
        if known is not None:
            return known
        outer = self._outer(key)
        if outer is not None:
            return json_values.inner_column(outer, self.fields[outer], key)
        own = self.origin < 0
        column = self.source.field(key).take(pa.array(self.origin, mask=own))
        for name, texts in self.texts.items():
            if self._is_inside(name, key):
                column = json_values.with_inner(key, column, name, texts)
        return column

    def _outer(self, key: str) -> str | None:
        """The field that an operator wrote and `key` reaches into, if there is one."""
        return next((name for name in self.fields if self._is_inside(key, name)), None)

    def _is_inside(self, key: str, outer: str) -> bool:
        """Whether `key` reaches into the field `outer`: not where a row has a field of that name."""
        if not key.startswith(f"{outer}.") or key in self.fields:
            return False
        return not any(key in self.source.fields(origin) for origin in self.origin.tolist() if origin >= 0)

    def binary(self, key: str) -> pa.Array:
        """The field `key` as bytes: large_binary, shape (rows,), null where a row lacks it or holds null.

        In JSON bytes are base64, as binary columns of Parquet are there. Raises: ValueError: a value is no base64.
        """
        return json_values.decode_binary(self.raw(key))

    def with_binary(self, key: str, column: pa.Array) -> Batch:
        """This batch with the field `key` set to bytes: large_binary, null where it becomes null."""
        return self.with_raw(key, json_values.encode_binary(column))

    def column(self, key: str) -> list[Any]:
        """The field `key` as Python values, shape (rows,); `values.MISSING` where a row lacks it."""
        if key in self.texts:
            return list(self.texts[key].to_pylist())
        return [
            json_values.MISSING if raw is None else json_values.decode(raw)
            for raw in self.raw(key).to_pylist()
        ]

    def row_ids(self) -> npt.NDArray[np.uint64]:
        """For each row a number that depends on its place in the input only."""
        return self.source.row_ids()[self.origin]

    def numbers(self) -> npt.NDArray[np.int64]:
        """The number of each row among all rows of the partition as it was read, -1 for one that an operator made."""
        made = self.origin < 0
        if made.all():
            return np.full(len(made), -1, np.int64)
        return np.where(made, -1, self.source.numbers()[self.origin])

    @property
    def written_bytes(self) -> int:
        """Of the columns that operators wrote; cheap."""
        return sum(column.nbytes for column in (*self.texts.values(), *self.fields.values()))

    def row_bytes(self) -> npt.NDArray[np.int64]:
        """About how many bytes each row has, what operators wrote included; shape (rows,)."""
        sizes = (
            np.where(self.origin < 0, 0, self.source.row_bytes()[self.origin]) if len(self) else np.zeros(0)
        )
        total: npt.NDArray[np.int64] = sizes.astype(np.int64)
        for column in (*self.texts.values(), *self.fields.values()):
            total += pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
        return total

    def row(self, index: int) -> dict[str, Any]:
        """One row as a dict, every field decoded, statistics under STATS_FIELD."""
        row = {key: json_values.decode(raw) for key, raw in self.raw_row(index).items()}
        if self.stats:
            recorded = row.get(STATS_FIELD)
            row[STATS_FIELD] = {**(recorded if isinstance(recorded, dict) else {}), **self.row_stats(index)}
        return row

    def raw_row(self, index: int) -> dict[str, bytes]:
        """One row as raw JSON values in the order of its source, new fields last; without statistics.

        The fields of a row of an operator's own are sorted, so that no other row decides about their order.
        """
        origin = int(self.origin[index])
        row = self.source.fields(origin) if origin >= 0 else {}
        for key, column in self.texts.items():
            if origin < 0 or self.changed(key)[index]:
                json_values.put(row, key, json_values.encode(column[index].as_py()))
        for key, column in self.fields.items():
            raw = column[index].as_py()
            if raw is None:
                row.pop(key, None)
            else:
                row[key] = raw
        return row if origin >= 0 else dict(sorted(row.items()))

    def changed(self, key: str) -> Mask:
        """Where the text column `key` differs from the source; true for rows without origin."""
        if key not in self.texts:
            return np.zeros(len(self), np.bool_)
        mask: Mask | None = self.cache.get((key, "changed"))
        if mask is None:
            own = self.origin < 0
            try:
                before = self.source.text(key).take(pa.array(self.origin, mask=own))
            except KeyError:  # the operator that wrote the text made the field
                mask = np.ones(len(self), np.bool_)
            else:
                mask = pc.not_equal(before, self.texts[key]).fill_null(True).to_numpy(zero_copy_only=False)
            self.cache[key, "changed"] = mask
        return mask

    def row_stats(self, index: int) -> dict[str, Any]:
        """The stats of one row by name."""
        return {name: json_values.stat_value(column[index]) for name, column in self.stats.items()}

    # ---- writing

    def with_text(self, key: str, column: pa.Array) -> Batch:
        """This batch with the text column `key` replaced: large_string, shape (rows,), no nulls."""
        if len(column) != len(self) or column.null_count:
            raise ValueError(
                f"column {key!r}: {len(column)} values with {column.null_count} nulls for {len(self)} rows"
            )
        if column is self.texts.get(key) or column is self.cache.get((key, "text")):
            return self
        outer = self._outer(key)
        if outer is not None:  # only the field holds it, so that what was written last counts
            return self.with_raw(outer, json_values.with_inner(outer, self.fields[outer], key, column))
        fields = {name: values for name, values in self.fields.items() if name != key}
        cache = {entry: array for entry, array in self.cache.items() if entry[0] != key}
        return replace(
            self,
            texts={**self.texts, key: column},
            fields=fields,
            unwritten=self.unwritten - {key},
            cache=cache,
        )

    def with_column(self, key: str, column: Sequence[Any]) -> Batch:
        """This batch with the field `key` set to Python values; `values.MISSING` removes it from a row."""
        raw = [
            None if value is json_values.MISSING else json_values.encode_field(key, value) for value in column
        ]
        return self.with_raw(key, pa.array(raw, pa.large_binary()))

    def with_raw(self, key: str, column: pa.Array) -> Batch:
        """This batch with the field `key` set to raw JSON: large_binary, null removes it from a row."""
        json_values.check_name(key)
        if len(column) != len(self):
            raise ValueError(f"field {key!r}: {len(column)} values for {len(self)} rows")
        names = {*self.texts, *(entry[0] for entry in self.cache)}
        gone = {name for name in names if name == key or self._is_inside(name, key)}
        texts = {name: values for name, values in self.texts.items() if name not in gone}
        cache = {entry: array for entry, array in self.cache.items() if entry[0] not in gone}
        return replace(self, texts=texts, fields={**self.fields, key: column}, cache=cache)

    def without_field(self, key: str) -> Batch:
        """This batch without what operators wrote to the field `key`."""
        if key not in self.fields:
            return self
        return replace(self, fields={name: column for name, column in self.fields.items() if name != key})

    def with_stats(self, stats: Mapping[str, pa.Array]) -> Batch:
        """This batch with more stats, each shape (rows,)."""
        for name in stats:
            json_values.check_name(name)
        return replace(self, stats={**self.stats, **stats})

    # ---- rows

    def select(self, mask: Mask) -> Batch:
        """The rows where `mask`, shape (rows,), is true."""
        return self if bool(mask.all()) else self.take(np.flatnonzero(mask).astype(np.int32))

    def take(self, rows: npt.NDArray[np.integer[Any]]) -> Batch:
        """The rows with these numbers, in this order; a number may come twice."""
        indices = pa.array(rows)

        def taken(columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
            return {name: column.take(indices) for name, column in columns.items()}

        return Batch(
            source=self.source,
            origin=self.origin[rows],
            texts=taken(self.texts),
            fields=taken(self.fields),
            stats=taken(self.stats),
            base=(rows if self.base is None else self.base[rows]).astype(np.int32),
            unwritten=self.unwritten,
            cache={
                entry: array.take(indices) if isinstance(array, pa.Array) else array[rows]
                for entry, array in self.cache.items()
            },
        )

    def rebased(self) -> Batch:
        """The same rows; `base` counts from here on. What a checkpoint holds is derived from the batch before it."""
        return replace(self, base=None, unwritten=frozenset(self.texts))

    def shared(self, key: str, what: str, *parameters: str, make: Callable[[pa.Array], Shared]) -> Shared:
        """What several operators need of the text column `key`, made once and dropped when the text changes.

        Args:
            make: text column -> an Arrow or numpy array whose first dimension is the rows.
        """
        entry = (key, what, *parameters)
        if entry not in self.cache:
            self.cache[entry] = make(self.text(key))
        made: Shared = self.cache[entry]
        return made
