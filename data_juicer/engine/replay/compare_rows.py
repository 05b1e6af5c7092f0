"""Which rows of two results are the same, in whatever order they are: by a hash of each row, in passes of bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_A_PASS: Final = 10_000_000
"""Hashes that are held at once; some 160 MB."""
_ENCODER: Final = msgspec.json.Encoder(order="sorted")

Tables = Callable[[], "Iterable[pa.Table]"]


class RowDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Equal rows count as often as they are there."""

    rows_both: int
    rows_only_a: int
    rows_only_b: int
    examples_a: tuple[dict[str, Any], ...] = ()
    examples_b: tuple[dict[str, Any], ...] = ()


def compare_rows(
    a: Tables, b: Tables, rows: int, examples: int, rows_a_pass: int = ROWS_A_PASS
) -> RowDifference:
    """
    Args:
        a: gives the tables of a result anew each time that it is called; `b` likewise.
        rows: about how many both have together.
        examples: rows to show of each side.
    """
    passes = max(1, -(-rows // rows_a_pass))
    both = only_a = only_b = 0
    found_a: list[int] = []
    found_b: list[int] = []
    for part in range(passes):
        values_a, counts_a = np.unique(_hashes(a(), part, passes), return_counts=True)
        values_b, counts_b = np.unique(_hashes(b(), part, passes), return_counts=True)
        _, at_a, at_b = np.intersect1d(values_a, values_b, assume_unique=True, return_indices=True)
        common = np.minimum(counts_a[at_a], counts_b[at_b])
        both += int(common.sum())
        counts_a[at_a] -= common
        counts_b[at_b] -= common
        only_a += int(counts_a.sum())
        only_b += int(counts_b.sum())
        found_a += values_a[counts_a > 0][: examples - len(found_a)].tolist()
        found_b += values_b[counts_b > 0][: examples - len(found_b)].tolist()
    return RowDifference(
        rows_both=both,
        rows_only_a=only_a,
        rows_only_b=only_b,
        examples_a=tuple(_rows_with(a(), set(found_a))),
        examples_b=tuple(_rows_with(b(), set(found_b))),
    )


def _hashes(tables: Iterable[pa.Table], part: int, passes: int) -> npt.NDArray[np.uint64]:
    """Of the rows whose hash belongs to this pass, shape (rows,)."""
    parts = [np.empty(0, np.uint64)]
    for table in tables:
        hashes = np.fromiter((_hash(row) for row in table.to_pylist()), np.uint64, table.num_rows)
        parts.append(hashes[hashes % np.uint64(passes) == part] if passes > 1 else hashes)
    return np.concatenate(parts)


def _rows_with(tables: Iterable[pa.Table], hashes: set[int]) -> Iterator[dict[str, Any]]:
    """The first row of each hash."""
    for table in tables:
        if not hashes:
            return
        for row in table.to_pylist():
            value = _hash(row)
            if value in hashes:
                hashes.discard(value)
                yield row


def _hash(row: dict[str, Any]) -> int:
    return int(
        xxhash.xxh3_64_intdigest(
            _ENCODER.encode({key: value for key, value in row.items() if value is not None})
        )
    )
