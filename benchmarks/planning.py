"""A million partitions planned: ids, keys, what is pending; seconds and the memory that it takes beyond the imports."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.bench import ROOT, Bench
from benchmarks.driver import IDENTITIES, partition
from benchmarks.one_job import peak_bytes
from benchmarks.report import Measured
from data_juicer.formats.base import FragmentLimits
from data_juicer.plan.jobplan import plan_job
from data_juicer.plan.keys import KeyMaker
from data_juicer.plan.mapping import DatasetMapping, encode_mapping
from data_juicer.plan.partitions import SourcePart, assign_partitions
from data_juicer.plan.resume.inventory import Inventory

PARTITIONS = 1_000_000


def measure(bench: Bench) -> list[Measured]:
    seconds, gigabytes = [], []
    for _ in range(bench.repetitions):
        bench.say("planning")
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.planning"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        second, size = map(float, done.stdout.split())
        seconds.append(second)
        gigabytes.append(size / 1e9)
    return [
        Measured(
            what="a million partitions planned",
            values=seconds,
            unit="s",
            at_most=10,
            note="with mapping.json",
        ),
        Measured(what="  peak memory of it", values=gigabytes, unit="GB", at_most=1.0, note="whole process"),
    ]


def main() -> None:
    started_s = time.perf_counter()
    parts = [_part(number) for number in range(PARTITIONS)]
    partitions = tuple(assign_partitions([(part,) for part in parts], ()))
    del parts
    mapping = DatasetMapping(
        limits=FragmentLimits(rows_max=1000, size_bytes_max=10**9),
        materialize="auto",
        sources=(),
        partitions=partitions,
    )
    encode_mapping(mapping)
    plan = plan_job("job", partitions, Inventory(), KeyMaker("reader", IDENTITIES, "export"))
    if len(plan.pending) != PARTITIONS:
        raise RuntimeError("not everything is pending")
    print(time.perf_counter() - started_s, peak_bytes())


def _part(number: int) -> SourcePart:
    spec = partition(number)
    return SourcePart(fragment=spec.fragment, format=spec.format, source_path=spec.source_path)


if __name__ == "__main__":
    main()
