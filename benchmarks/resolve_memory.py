"""Peak memory of the resolve of MinHash over synthetic signatures, against `resolve_memory_mb`.

    python -m benchmarks.resolve_memory --rows 2000000 --memory_mb 1024 --folder FOLDER

Signatures are random; one row in ten has the signature of a row before it. Prints one line of JSON: rows, bytes of the
summaries, seconds, rows removed, and the peak resident memory above what the process had before, in MB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from pathlib import Path

import numpy as np
import xxhash

from benchmarks.synthetic_summaries import summary
from data_juicer.ops.base import DatasetOperator
from data_juicer.ops.catalog import registry
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.storage.posix import PosixStore
from data_juicer.store.codec import encode_table
from data_juicer.store.ledger import OperatorLedger
from data_juicer.store.manifest import DataFile, Manifest
from data_juicer.store.summaries import SummaryFiles

PARTITION_ROWS = 10_000


def stage(operator: DatasetOperator, rows: int, folder: Path) -> list[Manifest]:
    """Write the summaries of so many rows, as partitions of PARTITION_ROWS."""
    manifests = []
    for partition, start in enumerate(range(0, rows, PARTITION_ROWS)):
        table = summary(operator, min(PARTITION_ROWS, rows - start), partition)
        data = encode_table(table, "arrow", "none")
        name = f"summary_{partition}.arrow"
        (folder / name).write_bytes(data)
        file = DataFile(
            name=name, size_bytes=len(data), digest=xxhash.xxh3_128_hexdigest(data), rows=table.num_rows
        )
        manifests.append(
            Manifest(
                kind="summary",
                job="bench",
                partition=partition,
                operator_index=0,
                operator_name=operator.name,
                key="",
                fragment="",
                reader="",
                operators=(),
                files=(file, file) if operator.collects_rows else (file,),
                rows=table.num_rows,
                ledgers=tuple(
                    OperatorLedger(index=index, name=name, rows_in=table.num_rows, rows_out=table.num_rows)
                    for index, name in ((-1, "read"), (0, operator.name))
                ),
                attempt="r1a1",
                run=1,
                created="",
            )
        )
    return manifests


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--memory_mb", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    operator = registry.make("document_minhash_deduplicator", {})
    child = os.fork()  # writing takes memory of its own, which must not count
    if not child:
        manifests = stage(operator, given.rows, given.folder)  # type: ignore[arg-type]
        import msgspec

        (given.folder / "manifests.json").write_bytes(msgspec.json.encode(manifests))
        os._exit(0)
    os.waitpid(child, 0)
    import msgspec

    manifests = msgspec.json.decode((given.folder / "manifests.json").read_bytes(), type=list[Manifest])
    before_mb, started_s = peak_mb(), time.monotonic()
    summaries = SummaryFiles(PosixStore(), str(given.folder), manifests)
    scratch = Scratch(str(given.folder / "scratch"), given.memory_mb * 1_000_000)
    removed = 0
    for table in operator.resolve(summaries, scratch):  # type: ignore[attr-defined]
        removed += table.num_rows - int(np.asarray(table["keep"]).sum())
    scratch.close()
    told = {
        "rows": given.rows,
        "memory_mb": given.memory_mb,
        "summaries_mb": round(sum(manifest.files[0].size_bytes for manifest in manifests) / 1e6),
        "seconds": round(time.monotonic() - started_s, 1),
        "removed": removed,
        "before_mb": round(before_mb),
        "peak_mb": round(peak_mb() - before_mb),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
