"""How many partitions a second the driver can finish: a backend that answers at once, real events and real commits.

On the local disk by the clock, where every commit waits for two syncs; on a disk in memory by CPU time, which leaves the
driver; and on one that takes 50 ms for a commit, where as many are in flight as that needs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from benchmarks.bench import NINE_OPERATORS, Bench
from benchmarks.report import Measured
from data_juicer.clock import SystemClock
from data_juicer.engine.driver.committer import Committer
from data_juicer.engine.driver.driver import Driver
from data_juicer.engine.driver.endings import RunEndings
from data_juicer.engine.driver.event_recorder import EventRecorder
from data_juicer.engine.protocol import messages as m
from data_juicer.engine.run_context import RunContext
from data_juicer.engine.scheduling.failures.dead_letter_budget import DeadLetterBudget
from data_juicer.engine.scheduling.failures.retry import RetryPolicy
from data_juicer.engine.scheduling.run_plan import RunPlan
from data_juicer.events.log import EventLog
from data_juicer.formats.base import Fragment
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import Driver as Owner
from data_juicer.job.lock import acquire
from data_juicer.ops.operator_resources import OperatorResources
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.tasks import Phase, plan_segments
from data_juicer.storage.base import Store
from data_juicer.storage.memory import MemoryLock, MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.store.ledger import READ, OperatorLedger
from data_juicer.store.manifest import DataFile, Manifest, OperatorIdentity
from data_juicer.testing.delaying_store import DelayingStore
from data_juicer.testing.scripted_backend import ScriptedBackend

PARTITIONS = {"disk": 500, "memory": 3000, "50 ms": 3000}
SLOTS = 64
JOB_ID = "driver"
LATENCY_S = 0.05
ROWS = 1000
NAMES = [name for entry in NINE_OPERATORS for name in entry]
IDENTITIES = tuple(
    OperatorIdentity(name=name, version="1", parameters=dict(parameters))
    for entry in NINE_OPERATORS
    for name, parameters in entry.items()
)
LEDGERS = tuple(
    OperatorLedger(index=index, name=name, rows_in=ROWS, rows_out=ROWS, duration_s=0.01, text_bytes=2_000_000)
    for index, name in enumerate([READ, *NAMES], start=-1)
)


def measure(bench: Bench) -> list[Measured]:
    rows = []
    for where, count in PARTITIONS.items():
        bench.say(f"driver, {where}")
        speeds = [_on(bench, where, count) for _ in range(bench.repetitions)]
        rows.append(
            Measured(
                what=f"driver with commits, {where}",
                values=speeds,
                unit="partitions/s",
                at_least=1000,
                note=f"{'CPU' if where == 'memory' else 'wall'}; nine operators, 21 events each",
            )
        )
    return rows


def _on(bench: Bench, where: str, count: int) -> float:
    if where == "50 ms":
        return count / drive(
            DelayingStore(MemoryStore(), change_s=LATENCY_S), "/jobs", count, time.perf_counter
        )
    if where == "memory":
        return count / drive(MemoryStore(), "/jobs", count, time.process_time)
    with bench.scratch() as directory:
        return count / drive(PosixStore(), str(directory), count, time.perf_counter)


def drive(store: Store, work_dir: str, count: int, clock_s: Callable[[], float], slots: int = SLOTS) -> float:
    """What the driver's loop takes for so many partitions, by the clock that is given, in seconds."""
    clock = SystemClock()
    layout = JobLayout.of(work_dir, JOB_ID)
    lock = acquire(store, layout, clock, Owner.here(), MemoryLock(set()))
    for directory in layout.directories().values():
        store.make_dirs(directory)
    log = EventLog(store, layout, clock, lock.run)
    committer = Committer(store, layout, lock, "keep_all")
    driver = Driver(
        backend=ScriptedBackend(script, slots),
        committer=committer,
        recorder=EventRecorder(log, NAMES),
        clock=clock,
        run=lock.run,
        partition=partition,
        endings=RunEndings(operators=NAMES, partitions=count, rows=count * ROWS, ratio_max=1.0),
        context=RunContext(lock=lock, log=log, view=log.view, clock=clock),
    )
    started_s = clock_s()
    plan = RunPlan(
        phases=(Phase(until=len(NAMES), partitions=range(count)),),
        segments=plan_segments([OperatorResources()] * len(NAMES)),
        slots=slots,
        retry=RetryPolicy(retries_max=0, backoff="fixed", seed=0),
        budget=DeadLetterBudget(ratio_max=1.0, rows=count * ROWS),
    )
    outcome = driver.run(plan)
    seconds = clock_s() - started_s
    log.close()
    lock.release(0)
    committer.close()
    if outcome.done != count:
        raise RuntimeError(f"{outcome.done} of {count} partitions were committed")
    return seconds


def partition(number: int) -> PartitionSpec:
    start = number * ROWS
    fragment = Fragment(
        source=0,
        row_start=start,
        row_stop=start + ROWS,
        byte_start=start * 2000,
        byte_stop=(start + ROWS) * 2000,
        digest=f"{number:032x}",
    )
    return PartitionSpec(
        partition_id=number,
        position=number,
        format="jsonl",
        source_path="/data/input.jsonl",
        fragment=fragment,
    )


def script(attempt: m.Attempt) -> Iterator[m.Message]:
    """What a worker tells about a partition that goes well."""
    key, name = attempt.key, attempt.name
    yield m.AttemptStarted(task=key, attempt=name, worker="scripted")
    for ledger in LEDGERS:
        if ledger.index >= 0:
            yield m.OperatorStarted(task=key, attempt=name, operator_index=ledger.index)
        yield m.OperatorDone(task=key, attempt=name, ledger=ledger)
    yield m.Staged(task=key, attempt=name, manifest=_result(attempt))
    yield m.AttemptDone(task=key, attempt=name, duration_s=0.1)


def _result(attempt: m.Attempt) -> Manifest:
    pid, digest = attempt.partition.partition_id, attempt.partition.digest
    file = DataFile(
        name=f"partition_{pid:06d}.{attempt.name}.jsonl", size_bytes=2_000_000, digest=digest, rows=ROWS
    )
    return Manifest(
        kind="result",
        job="driver",
        partition=pid,
        operator_index=len(NAMES) - 1,
        operator_name=NAMES[-1],
        key=digest,
        fragment=digest,
        reader=digest,
        operators=IDENTITIES,
        files=(file,),
        rows=ROWS,
        ledgers=LEDGERS,
        attempt=attempt.name,
        run=1,
        created="2026-01-01T00:00:00.000Z",
    )
