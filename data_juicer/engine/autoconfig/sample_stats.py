"""What a sample of rows says about all of them: sizes of rows, texts and media. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from data_juicer.engine.autoconfig.modality import Detected, Medium, detect


class MediumFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a row refers to."""

    medium: Medium
    size_bytes: int
    decoded_bytes: int = 0
    """Of all its pixels or samples, as its header says; 0 where the header does not say."""


class SampledRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the sample."""

    size_bytes: int
    """As the input has it."""
    text_chars: int
    kinds: frozenset[Medium] = frozenset()
    files: tuple[MediumFile, ...] = ()
    files_missing: int = 0
    """Files that the row refers to and that could not be looked at."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Median, 95th percentile and mean of a size."""

    median: float = 0.0
    p95: float = 0.0
    mean: float = 0.0

    @staticmethod
    def of(sizes: Sequence[float]) -> Spread:
        """Of sizes, shape (rows,); zeros without any."""
        if not sizes:
            return Spread()
        median, p95 = np.percentile(sizes, (50, 95))
        return Spread(median=float(median), p95=float(p95), mean=float(np.mean(sizes)))


class SampleStats(msgspec.Struct, frozen=True, kw_only=True):
    """What was sampled of the input."""

    rows: int
    sources: int
    """Files that the rows are from."""
    detected: Detected
    row_bytes: Spread
    text_chars: Spread
    media_count: float = 0.0
    """Files that a row refers to, on average."""
    media_bytes: Spread = msgspec.field(default_factory=Spread)
    """Of the files of one row together."""
    decoded_bytes: Spread = msgspec.field(default_factory=Spread)
    """The same once they are decoded, as far as headers say."""
    files_missing: int = 0


def summarise_sample(rows: Sequence[SampledRow], sources: int) -> SampleStats:
    """The stats of a sample; all are 0 where it is empty."""
    return SampleStats(
        rows=len(rows),
        sources=sources,
        detected=detect([row.kinds for row in rows]),
        row_bytes=Spread.of([row.size_bytes for row in rows]),
        text_chars=Spread.of([row.text_chars for row in rows]),
        media_count=float(np.mean([len(row.files) + row.files_missing for row in rows])) if rows else 0.0,
        media_bytes=Spread.of([sum(file.size_bytes for file in row.files) for row in rows]),
        decoded_bytes=Spread.of([sum(file.decoded_bytes for file in row.files) for row in rows]),
        files_missing=sum(row.files_missing for row in rows),
    )
