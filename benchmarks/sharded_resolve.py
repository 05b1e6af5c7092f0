"""Seconds of a resolve over synthetic summaries: in one piece, and in shards on one worker and on several.

    python -m benchmarks.sharded_resolve --rows 1000000 --memory_mb 1024 --folder FOLDER [--workers 1,2] [--permutations 64]
        [--kills 10] [--operator minhash|topk|frequency|random|groups]

The summaries are those of `benchmarks.synthetic_summaries`. Prints a line of JSON for each way: rows, workers (0: in one piece),
seconds of wall and CPU, those of the driver alone, seconds of CPU for a million rows, rows removed, the digest of all decisions, which must not differ,
and the most memory that driver and workers had together. With `--kills` each way is done once more, and driver and workers are
killed so often at random moments and begun again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import xxhash

from benchmarks.resolve_memory import stage
from data_juicer.backends.local.backend import LocalBackend
from data_juicer.clock import SystemClock
from data_juicer.engine.driver import resolve_shards
from data_juicer.engine.driver.pool_driver import PoolDriver
from data_juicer.engine.driver.resolve_shards import ShardedResolve
from data_juicer.engine.protocol.worker_setup import OperatorSpec, WorkerSetup
from data_juicer.engine.scheduling.failures.retry import RetryPolicy
from data_juicer.job.layout import JobLayout
from data_juicer.ops.catalog import registry
from data_juicer.ops.dataset.grouping.members import IS_FIRST, MEMBER_PARTITION, MEMBER_ROW
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.plan.phases import ResolveStep
from data_juicer.plan.tasks import TaskKind
from data_juicer.storage.posix import PosixStore
from data_juicer.store.decisions import read_decision
from data_juicer.store.manifest import Manifest, OperatorIdentity
from data_juicer.store.resolve.shards import commit_shard
from data_juicer.store.summaries import SummaryFiles

OPERATORS: dict[str, tuple[str, dict[str, object]]] = {
    "minhash": ("document_minhash_deduplicator", {}),
    "topk": ("topk_specified_field_selector", {"field_key": "n", "top_ratio": 0.5}),
    "frequency": ("frequency_specified_field_selector", {"field_key": "tag", "top_ratio": 0.5}),
    "random": ("random_selector", {"select_ratio": 0.5}),
    "groups": ("key_value_grouper", {"group_by_keys": ["tag"]}),
}
SAMPLE_S = 0.5
"""Between two looks at the memory of the processes."""


def in_one_piece(
    operator: Any, manifests: list[Manifest], layout: JobLayout, memory_bytes: int
) -> tuple[int, str]:
    summaries = SummaryFiles(PosixStore(), layout.checkpoints_dir, manifests)
    scratch = Scratch(layout.temp_dir, memory_bytes)
    found = counted(operator.resolve(summaries, scratch))
    scratch.close()
    return found


def counted(tables: Iterable[pa.Table]) -> tuple[int, str]:
    """How many rows decisions remove, and a digest of what they say about each."""
    removed, digest = 0, xxhash.xxh3_128()
    for table in tables:
        if "keep" not in table.column_names:
            for name in (MEMBER_PARTITION, MEMBER_ROW, IS_FIRST):
                digest.update(np.asarray(table[name]).tobytes())
            continue
        keep = np.asarray(table["keep"])
        removed += len(keep) - int(keep.sum())
        digest.update(keep.tobytes())
    return removed, digest.hexdigest()


def in_shards(
    operator: Any, manifests: list[Manifest], layout: JobLayout, memory_bytes: int, workers: int, key: str
) -> tuple[int, str]:
    store, clock = PosixStore(), SystemClock()
    parameters = msgspec.json.decode(operator.canonical, type=dict[str, object])
    parameters.pop("seed", None)  # of the job
    setup = WorkerSetup(
        job_id=layout.job_id,
        run=1,
        job_dir=layout.job_dir,
        event_logs_dir=layout.event_logs_dir,
        checkpoints_dir=layout.checkpoints_dir,
        operators=(OperatorSpec(name=operator.name, parameters=parameters),),
        identities=(OperatorIdentity(name=operator.name, version="1", parameters=parameters),),
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
        seed=operator.seed,
    )
    backend = LocalBackend(workers, clock)
    backend.begin(setup, workers)
    context: Any = SimpleNamespace(heartbeat=_quiet, stop_signal=_quiet)
    recorder: Any = SimpleNamespace(task_failed=print, attempt_done=_quiet)
    pool = PoolDriver(backend=backend, recorder=recorder, clock=clock, context=context, run=1)
    retry = RetryPolicy(retries_max=0, backoff="fixed", seed=0)
    committer: Any = SimpleNamespace(commit_shard=lambda path, manifest: commit_shard(store, path, manifest))
    seconds: dict[str, float] = {}

    def execute(step: resolve_shards.ShardStep) -> None:
        started_s, name = time.monotonic(), step.name
        pool.run(TaskKind.RESOLVE_SHARD, step, retry)
        seconds[name] = round(seconds.get(name, 0.0) + time.monotonic() - started_s, 1)

    try:
        decisions = ShardedResolve(
            store=store,
            layout=layout,
            clock=clock,
            run_number=1,
            committer=committer,
            execute=execute,
            operator=operator,
            step=ResolveStep(operator_index=0, key=key),
            manifests=manifests,
            memory_bytes=memory_bytes // workers,
        ).run()
    finally:
        backend.close()
    print("seconds of steps:", seconds)
    return counted(read_decision(store, layout.checkpoints_dir, decision) for decision in decisions)


def _quiet(*_: object) -> None:
    """Nobody listens."""


def resolve(given: argparse.Namespace) -> None:
    """In a process of its own: one way, whose line of JSON is printed."""
    layout, operator = JobLayout.of(str(given.folder), "bench"), operator_of(given)
    manifests = msgspec.json.decode(manifests_file(given).read_bytes(), type=list[Manifest])
    memory_bytes = given.memory_mb * 1_000_000
    if given.resolve:
        removed, digest = in_shards(operator, manifests, layout, memory_bytes, given.resolve, given.key)
    else:
        removed, digest = in_one_piece(operator, manifests, layout, memory_bytes)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    driver_s, workers_s = (round(each.ru_utime + each.ru_stime, 1) for each in used)
    found = {"cpu_seconds": round(driver_s + workers_s, 1), "driver_cpu_seconds": driver_s}
    print(json.dumps({**found, "removed": removed, "digest": digest}), flush=True)


def run(given: argparse.Namespace, workers: int, kill_after_s: list[float]) -> dict[str, Any]:
    """One way from its beginning to its end; each time but the last it is killed after so many seconds.

    Returns: what it printed, with the seconds of all tries together, the tries, and the most memory of its processes, in MB.
    """
    key = f"{workers} workers, {len(kill_after_s)} kills"
    command = [sys.executable, "-m", "benchmarks.sharded_resolve", *sys.argv[1:]]
    command += ["--resolve", str(workers), "--key", key]
    started_s, peak_mb, kills = time.monotonic(), 0.0, 0
    for limit_s in [*kill_after_s, None]:
        begun_s = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        while child.poll() is None:
            processes = processes_of(child.pid)
            peak_mb = max(peak_mb, sum(map(resident_mb, processes)))
            if limit_s is not None and time.monotonic() - begun_s > limit_s:
                for process in processes:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                kills += 1
                break
            time.sleep(SAMPLE_S)
        text, _ = child.communicate()
        if child.returncode == 0:
            break
        if child.returncode != -signal.SIGKILL:
            raise SystemExit(f"the resolve ended with {child.returncode}")
    seconds = time.monotonic() - started_s
    return {
        "rows": given.rows,
        "workers": workers,
        "kills": kills,
        "seconds": round(seconds, 1),
        "cpu_seconds_a_million": round(
            json.loads(text.splitlines()[-1])["cpu_seconds"] / given.rows * 1e6, 2
        ),
        "peak_mb": round(peak_mb),
        **json.loads(text.splitlines()[-1]),
    }


def processes_of(root: int) -> list[int]:
    """A process and all that it and its children started."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents.setdefault(int((folder / "stat").read_text().rpartition(")")[2].split()[1]), []).append(
                int(folder.name)
            )
    found = [root]
    for process in found:
        found += parents.get(process, [])
    return found


def resident_mb(process: int) -> float:
    """What a process has in memory, its part of shared pages (PSS)."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


def operator_of(given: argparse.Namespace) -> Any:
    name, parameters = OPERATORS[given.operator]
    more = {"num_permutations": given.permutations} if given.operator == "minhash" else {}
    return registry.make(name, {**parameters, **more})


def manifests_file(given: argparse.Namespace) -> Path:
    return Path(given.folder) / "manifests.json"


def prepare(given: argparse.Namespace) -> None:
    """Write the summaries, in a process of its own: that takes memory, which must not count."""
    layout = JobLayout.of(str(given.folder), "bench")
    for directory in (layout.checkpoints_dir, layout.temp_dir):
        Path(directory).mkdir(parents=True)
    child = os.fork()
    if not child:
        manifests = stage(operator_of(given), given.rows, Path(layout.checkpoints_dir))
        manifests_file(given).write_bytes(msgspec.json.encode(manifests))
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("the summaries could not be written")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--memory_mb", type=int, default=1024)
    parser.add_argument("--operator", choices=OPERATORS, default="minhash")
    parser.add_argument("--permutations", type=int, default=256)
    parser.add_argument("--workers", default="0,1,2", help="0: in one piece")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--resolve", type=int, default=None, help=argparse.SUPPRESS)
    parser.add_argument("--key", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.resolve is not None:
        resolve(given)
        return
    try:
        prepare(given)
        draw = random.Random(given.seed)
        for workers in map(int, given.workers.split(",")):
            whole = run(given, workers, [])
            print(json.dumps(whole), flush=True)
            if given.kills:
                # On average a try gets as far as its share of the whole, and a bit for the start.
                limit_s = 2 * whole["seconds"] / (given.kills + 1)
                kill_after_s = [1 + draw.uniform(0, limit_s) for _ in range(given.kills)]
                print(json.dumps(run(given, workers, kill_after_s)), flush=True)
    finally:
        shutil.rmtree(JobLayout.of(str(given.folder), "bench").job_dir, ignore_errors=True)
        manifests_file(given).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
