"""How the values of one stat are spread over the rows of a job. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from data_juicer.rows.recorded_stats import new_sketch

Floats = npt.NDArray[np.float64]

VALUES_MAX: Final = 1_000_000
"""Values that are kept one by one; from more a KLL sketch is made."""
_MERGE_K: Final = 4_000
"""Of that sketch: ranks are right within 0.09 % of the rows, with 99 % confidence, where partitions were exact."""
BINS: Final = 40
_LOG_FROM: Final = 50.0
"""A histogram has bins of equal ratio where the greatest value is so many times the median."""
WORDS_MAX: Final = 10_000
"""Different values of a stat that is no number."""


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """`counts[i]` rows are from `edges[i]` to `edges[i + 1]`; the last bin holds its upper edge too."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    is_logarithmic: bool


class Distribution:
    """The numbers of a stat, added a partition at a time, in bounded memory."""

    def __init__(self) -> None:
        self.count = 0
        """Numbers, without those that are missing."""
        self.missing = 0
        """NaN and null."""
        self.minimum = float("inf")
        self.maximum = float("-inf")
        self._total = 0.0
        self._has_total = True
        self._parts: list[Floats] = []
        self._sketch: Any = None
        self._sorted: Floats | None = None

    def add(self, values: npt.NDArray[Any], missing: int = 0) -> None:
        """Take values in, shape (rows,); NaN counts as missing."""
        numbers = values.astype(np.float64)
        present = numbers[~np.isnan(numbers)]
        self.missing += missing + len(numbers) - len(present)
        if not len(present):
            return
        self.count += len(present)
        self.minimum = min(self.minimum, float(present.min()))
        self.maximum = max(self.maximum, float(present.max()))
        self._total += float(present.sum())
        self._sorted = None
        if self._sketch is not None:
            self._sketch.update(present)
            return
        self._parts.append(present)
        if self.count > VALUES_MAX:
            self._begin_sketch()

    def add_sketch(self, sketch: Any, rows: int) -> None:
        """Take the sketch of a partition of `rows` rows in."""
        self.missing += rows - sketch.n
        if sketch.is_empty():
            return
        if self._sketch is None:
            self._begin_sketch()
        self._sketch.merge(sketch)
        self._has_total = False
        self.count += sketch.n
        self.minimum = min(self.minimum, sketch.get_min_value())
        self.maximum = max(self.maximum, sketch.get_max_value())

    @property
    def is_exact(self) -> bool:
        return self._sketch is None

    @property
    def rank_error(self) -> float:
        """By which share of the rows a percentile or a share may be wrong, with 99 % confidence; 0.0 where it is exact."""
        return 0.0 if self._sketch is None else float(self._sketch.normalized_rank_error(False))

    @property
    def mean(self) -> float | None:
        """None where sketches do not tell it, or there is no number."""
        return self._total / self.count if self.count and self._has_total else None

    def percentiles(self, shares: Sequence[float]) -> list[float]:
        """The values that these shares of the rows, 0 to 1, are at or below (nearest ranks). Raises: ValueError: no number."""
        if not self.count:
            raise ValueError("no number was added")
        if self._sketch is not None:
            return [float(value) for value in self._sketch.get_quantiles(list(shares))]
        ordered = self._ordered()
        ranks = np.clip(np.ceil(np.asarray(shares) * len(ordered)).astype(np.int64) - 1, 0, len(ordered) - 1)
        return [float(value) for value in ordered[ranks]]

    def count_below(self, value: float, *, inclusive: bool) -> int:
        """How many numbers are below a value, or also equal to it; near to it by `rank_error` where that is not 0."""
        if not self.count:
            return 0
        if self._sketch is not None:
            return round(float(self._sketch.get_rank(value, inclusive)) * self.count)
        found = np.searchsorted(self._ordered(), value, side="right" if inclusive else "left")
        return int(found)

    def histogram(self, bins: int = BINS) -> Histogram | None:
        """None where there is no number."""
        if not self.count or not np.isfinite([self.minimum, self.maximum]).all():
            return None
        edges, is_logarithmic = self._edges(bins)
        below = [self.count_below(float(edge), inclusive=False) for edge in edges[:-1]]
        counts = np.diff([*below, self.count])
        return Histogram(
            edges=tuple(map(float, edges)),
            counts=tuple(int(max(0, count)) for count in counts),
            is_logarithmic=is_logarithmic,
        )

    def _edges(self, bins: int) -> tuple[Floats, bool]:
        low, high = self.minimum, self.maximum
        if low == high:
            return np.array([low, high]), False
        (median,) = self.percentiles([0.5])
        if low >= 0 and median > 0 and high / median > _LOG_FROM:
            begin = max(low, min(1.0, median / 1000))
            edges = np.geomspace(begin, high, bins + 1 if begin == low else bins)
            return (edges if begin == low else np.concatenate([[low], edges])), True
        is_whole = self.is_exact and bool((self._ordered() % 1 == 0).all())
        if is_whole:  # as many numbers a bin, so that no bin holds two and its neighbour one
            step = np.ceil((high - low + 1) / bins)
            return np.arange(low, high + step + 1, step), False
        return np.linspace(low, high, bins + 1), False

    def _ordered(self) -> Floats:
        if self._sorted is None:
            self._sorted = np.sort(np.concatenate(self._parts)) if self._parts else np.empty(0)
            self._parts = [self._sorted]
        return self._sorted

    def _begin_sketch(self) -> None:
        self._sketch = new_sketch(_MERGE_K)
        for part in self._parts:
            self._sketch.update(part)
        self._parts = []


class Words:
    """The values of a stat that is no number, with how many rows have each, in bounded memory."""

    def __init__(self) -> None:
        self.count = 0
        self.missing = 0
        self.others = 0
        """Rows with a value that came after the first WORDS_MAX different ones."""
        self._counts: Counter[str] = Counter()

    def add(self, values: Sequence[Any]) -> None:
        for value, rows in Counter(values).items():
            if value is None:
                self.missing += rows
                continue
            word = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
            self.count += rows
            if word in self._counts or len(self._counts) < WORDS_MAX:
                self._counts[word] += rows
            else:
                self.others += rows

    def most_common(self, words_max: int) -> list[tuple[str, int]]:
        return self._counts.most_common(words_max)

    @property
    def distinct(self) -> int:
        return len(self._counts)
