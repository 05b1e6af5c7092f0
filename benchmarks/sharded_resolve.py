"""Seconds of the resolve of MinHash over synthetic signatures: in one piece, and in shards on one worker and on several.

    python -m benchmarks.sharded_resolve --rows 1000000 --memory_mb 1024 --folder FOLDER [--workers 1,2] [--permutations 64]

The signatures are those of `benchmarks.resolve_memory`. Prints a line of JSON for each way: rows, workers (0: in one piece),
seconds of wall and CPU, seconds for a million rows, and rows removed, which must not differ.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.resolve_memory import stage
from data_juicer.backends.local.backend import LocalBackend
from data_juicer.clock import SystemClock
from data_juicer.engine.driver import resolve_shards
from data_juicer.engine.driver.pool_driver import PoolDriver
from data_juicer.engine.driver.resolve_shards import ShardedResolve
from data_juicer.engine.protocol.worker_setup import OperatorSpec, WorkerSetup
from data_juicer.engine.scheduling.retry import RetryPolicy
from data_juicer.job.layout import JobLayout
from data_juicer.ops.catalog import registry
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.plan.phases import ResolveStep
from data_juicer.plan.tasks import TaskKind
from data_juicer.storage.posix import PosixStore
from data_juicer.store.manifest import Manifest, OperatorIdentity
from data_juicer.store.resolve.shards import commit_shard
from data_juicer.store.summaries import SummaryFiles

NAME = "document_minhash_deduplicator"


def in_one_piece(operator: Any, manifests: list[Manifest], layout: JobLayout, memory_bytes: int) -> int:
    summaries = SummaryFiles(PosixStore(), layout.checkpoints_dir, manifests)
    scratch = Scratch(layout.temp_dir, memory_bytes)
    removed = 0
    for table in operator.resolve(summaries, scratch):
        removed += table.num_rows - int(np.asarray(table["keep"]).sum())
    scratch.close()
    return removed


def in_shards(
    operator: Any, manifests: list[Manifest], layout: JobLayout, memory_bytes: int, workers: int
) -> int:
    store, clock = PosixStore(), SystemClock()
    parameters: dict[str, object] = {"num_permutations": operator.permutations}
    setup = WorkerSetup(
        job_id=layout.job_id,
        run=1,
        job_dir=layout.job_dir,
        event_logs_dir=layout.event_logs_dir,
        checkpoints_dir=layout.checkpoints_dir,
        operators=(OperatorSpec(name=NAME, parameters=parameters),),
        identities=(OperatorIdentity(name=NAME, version="1", parameters=parameters),),
        text_keys=("text",),
        reader="",
        export="",
        row_bytes_max=1,
        checkpoint_after=frozenset(),
        checkpoint_format="arrow",
        checkpoint_compression="none",
        batch_rows_max=1,
        result_format="jsonl",
        result_compression="none",
        keep_stats=False,
    )
    backend = LocalBackend(workers, clock)
    backend.begin(setup, workers)
    context: Any = SimpleNamespace(heartbeat=_quiet, stop_signal=_quiet)
    recorder: Any = SimpleNamespace(task_failed=print, attempt_done=_quiet)
    pool = PoolDriver(backend=backend, recorder=recorder, clock=clock, context=context, run=1)
    retry = RetryPolicy(retries_max=0, backoff="fixed", seed=0)
    committer: Any = SimpleNamespace(commit_shard=lambda path, manifest: commit_shard(store, path, manifest))
    seconds: list[float] = []

    def execute(step: resolve_shards.ShardStep) -> None:
        started_s = time.monotonic()
        pool.run(TaskKind.RESOLVE_SHARD, step, retry)
        seconds.append(round(time.monotonic() - started_s, 1))

    try:
        decisions = ShardedResolve(
            store=store,
            layout=layout,
            clock=clock,
            run_number=1,
            committer=committer,
            execute=execute,
            operator=operator,
            step=ResolveStep(operator_index=0, key=f"{workers}"),
            manifests=manifests,
            memory_bytes=memory_bytes // workers,
        ).run()
    finally:
        backend.close()
    print("check, meet, compare, join, decide:", seconds)
    return sum(decision.rows_removed for decision in decisions)


def _quiet(*_: object) -> None:
    """Nobody listens."""


def cpu_s() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--memory_mb", type=int, default=1024)
    parser.add_argument("--permutations", type=int, default=256)
    parser.add_argument("--workers", default="0,1,2", help="0: in one piece")
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    operator: Any = registry.make(NAME, {"num_permutations": given.permutations})
    layout = JobLayout.of(str(given.folder), "bench")
    for directory in (layout.checkpoints_dir, layout.temp_dir):
        Path(directory).mkdir(parents=True)
    try:
        manifests = stage(operator, given.rows, Path(layout.checkpoints_dir))
        for workers in map(int, given.workers.split(",")):
            started_s, before_s, memory_bytes = time.monotonic(), cpu_s(), given.memory_mb * 1_000_000
            if workers:
                removed = in_shards(operator, manifests, layout, memory_bytes, workers)
            else:
                removed = in_one_piece(operator, manifests, layout, memory_bytes)
            seconds = time.monotonic() - started_s
            told = {
                "rows": given.rows,
                "workers": workers,
                "seconds": round(seconds, 1),
                "cpu_seconds": round(cpu_s() - before_s, 1),
                "seconds_a_million": round(seconds / given.rows * 1e6, 2),
                "removed": removed,
            }
            print(json.dumps(told), flush=True)
    finally:
        shutil.rmtree(layout.job_dir)


if __name__ == "__main__":
    main()
