"""Rows in memory with the methods of a dataset that operators of DataJuicer's use. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from data_juicer.ops.base_op import columns_of, rows_of

Row = dict[str, Any]


class RowDataset:
    """A dataset of rows, each a dict. Methods return new datasets, as those of Hugging Face's do."""

    def __init__(self, rows: Sequence[Row], numbers: Sequence[int] | None = None) -> None:
        """
        Args:
            numbers: of each row among those that the operator was given; by default they are counted.
        """
        self._rows = list(rows)
        self.numbers = list(range(len(rows)) if numbers is None else numbers)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def num_rows(self) -> int:
        return len(self._rows)

    @property
    def column_names(self) -> list[str]:
        return list(dict.fromkeys(key for row in self._rows for key in row))

    @property
    def features(self) -> dict[str, None]:
        """The names of the fields; their types are not known."""
        return dict.fromkeys(self.column_names)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __getitem__(self, key: str | int | slice | Sequence[int]) -> Any:
        """A column by its name, a row by its number, or rows as a dict of lists."""
        if isinstance(key, str):
            if self._rows and key not in self.features:
                raise KeyError(key)
            return [row.get(key) for row in self._rows]
        if isinstance(key, int):
            return self._rows[key]
        rows = self._rows[key] if isinstance(key, slice) else [self._rows[number] for number in key]
        return columns_of(rows, self.features)

    def to_list(self) -> list[Row]:
        return list(self._rows)

    def to_dict(self) -> dict[str, list[Any]]:
        return columns_of(self._rows, {})

    def select(self, indices: Iterable[int], **_: Any) -> RowDataset:
        chosen = [int(index) for index in indices]
        return RowDataset([self._rows[index] for index in chosen], [self.numbers[index] for index in chosen])

    def filter(
        self,
        function: Callable[..., Any],
        with_indices: bool = False,
        batched: bool = False,
        batch_size: int = 1000,
        fn_kwargs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> RowDataset:
        given = dict(fn_kwargs or {})
        if batched:
            kept = [flag for part in self._parts(batch_size) for flag in function(part, **given)]
        else:
            kept = self._row_by_row(function, given, with_indices=with_indices)
        return self.select([number for number, keep in enumerate(kept) if keep])

    def map(
        self,
        function: Callable[..., Any],
        with_indices: bool = False,
        batched: bool = False,
        batch_size: int = 1000,
        fn_kwargs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> RowDataset:
        """Raises: ValueError: a function of batches gave another number of rows."""
        given = dict(fn_kwargs or {})
        if batched:
            made = [row for part in self._parts(batch_size) for row in rows_of(function(part, **given))]
        else:
            made = self._row_by_row(function, given, with_indices=with_indices)
        if len(made) != len(self):
            raise ValueError(f"{len(made)} rows for {len(self)}")
        return RowDataset([{**old, **new} for old, new in zip(self._rows, made, strict=True)], self.numbers)

    def _parts(self, batch_size: int) -> Iterator[dict[str, list[Any]]]:
        """The rows as dicts of lists, so many at once."""
        for start in range(0, len(self), batch_size):
            yield columns_of(self._rows[start : start + batch_size], {})

    def _row_by_row(
        self, function: Callable[..., Any], given: Mapping[str, Any], *, with_indices: bool
    ) -> list[Any]:
        """What the function makes of a copy of each row."""
        return [
            function(dict(row), *([number] if with_indices else []), **given)
            for number, row in enumerate(self._rows)
        ]

    def sort(self, column_names: str | Sequence[str], reverse: bool = False, **_: Any) -> RowDataset:
        names = [column_names] if isinstance(column_names, str) else list(column_names)
        order = sorted(
            range(len(self)), key=lambda number: [self._rows[number][name] for name in names], reverse=reverse
        )
        return self.select(order)

    def shuffle(self, seed: int | None = None, **_: Any) -> RowDataset:
        order = list(range(len(self)))
        random.Random(seed).shuffle(order)  # noqa: S311 - the seed decides it
        return self.select(order)

    def remove_columns(self, column_names: str | Sequence[str]) -> RowDataset:
        gone = {column_names} if isinstance(column_names, str) else set(column_names)
        rows = [{key: value for key, value in row.items() if key not in gone} for row in self._rows]
        return RowDataset(rows, self.numbers)


def kept_rows(kept: Any) -> tuple[list[int], list[Row]]:
    """The numbers of the rows that an operator kept, and the rows.

    Raises: TypeError: it returned no dataset that was made of the one it was given.
    """
    if not isinstance(kept, RowDataset):
        raise TypeError(f"process must return a dataset, it returned {type(kept).__name__}")
    return kept.numbers, kept.to_list()
