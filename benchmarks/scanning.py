"""Scan of plain JSON Lines from the page cache: row ends, byte ranges, digests; one core."""

from __future__ import annotations

from benchmarks.bench import ROWS_A_PARTITION, Bench
from benchmarks.machinery import SIZE_BYTES_MAX, source_of, timed
from benchmarks.report import Measured
from data_juicer.formats.base import FragmentLimits
from data_juicer.formats.jsonl.scan import scan_plain
from data_juicer.storage.posix import PosixStore


def measure(bench: Bench) -> list[Measured]:
    source = source_of(bench.data(bench.megabytes))
    limits = FragmentLimits(rows_max=ROWS_A_PARTITION, size_bytes_max=SIZE_BYTES_MAX)
    seconds = [
        timed(lambda: list(scan_plain(PosixStore(), source, limits)))[0] for _ in range(bench.repetitions + 2)
    ]
    speeds = [source.size_bytes / 1e9 / each for each in seconds]
    return [
        Measured(
            what="scan of JSON Lines", values=speeds, unit="GB/s", at_least=1.0, note="CPU time, from cache"
        )
    ]
