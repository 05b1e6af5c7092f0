"""Every failure of the design's table, done to a small job on each backend: what it answers, and what a resume mends.

`make reliability` writes what was seen to docs/reliability.md.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fault_bench import FS, Bench, Outcome, poisoned, small_disk

from data_juicer.job.lock import Driver, acquire
from data_juicer.testing.clock import ManualClock

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BOTH = ("inline", "local")
LOCAL = ("local",)
PARTITION = {"PARTITION_START", "PARTITION_FAILED"}
ENDED = {"PROCESSING_ERROR", "JOB_FAILED"}
DONE = {"PROCESSING_COMPLETE", "JOB_COMPLETE"}


@contextlib.contextmanager
def nothing(bench: Bench) -> Iterator[Callable[[], None]]:
    yield lambda: None


@dataclass(frozen=True)
class Fault:
    """One line of the table: what is done, and what has to come of it."""

    name: str
    code: int
    message: str = ""
    """Regular expression; of a run that completes, of its dead letters or warnings."""
    backends: tuple[str, ...] = BOTH
    rows: dict[int, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    strike: Callable[[Bench], contextlib.AbstractContextManager[Callable[[], None]]] = nothing
    """Around the run; what it gives is called to mend things before the resume."""
    events: frozenset[str] = frozenset()
    dead: int = 0
    resume: dict[str, Any] = field(default_factory=dict)
    """Settings that are changed for the resume."""
    dead_after: int | None = None


def faults(**settings: Any) -> dict[str, Any]:
    return {"fault_tolerance": settings}


# ---- what is done to a job


def disk_full(name: str, setting: str, size_kb: int = 24) -> Any:
    """One directory lies on a disk without room, which is given room before the resume."""

    @contextlib.contextmanager
    def strike(bench: Bench) -> Iterator[Callable[[], None]]:
        disk = bench.home / name
        with small_disk(disk, size_kb) as remount:
            bench.settings[setting] = str(disk / "out.jsonl") if setting == "export_path" else str(disk)
            yield lambda: remount("size=10m")

    return strike


@contextlib.contextmanager
def disk_read_only(bench: Bench) -> Iterator[Callable[[], None]]:
    with small_disk(bench.home / "ro", 4096) as remount:
        bench.settings["work_dir"] = str(bench.home / "ro")
        remount("ro")
        yield lambda: remount("rw")


@contextlib.contextmanager
def results_vanish(bench: Bench) -> Iterator[Callable[[], None]]:
    bench.watched.append(lambda: os.rename(bench.layout.job_dir, bench.home / "gone"))
    yield lambda: None


@contextlib.contextmanager
def checkpoint_damaged(bench: Bench) -> Iterator[Callable[[], None]]:
    """After a run that was broken off, a byte of every checkpoint is another one."""
    broken = bench.run(fault_tolerance={"on_bad_row": "fail"})
    assert broken.code == 1
    for name in FS.list(bench.layout.checkpoints_dir):
        path = os.path.join(bench.layout.checkpoints_dir, name)
        if name.endswith(".parquet"):
            data = bytearray(FS.read(path))
            data[len(data) // 2] ^= 1
            FS.write(path, bytes(data))
    yield lambda: None


@contextlib.contextmanager
def input_vanished(bench: Bench) -> Iterator[Callable[[], None]]:
    source = bench.home / "in.jsonl"
    source.rename(bench.home / "moved.jsonl")
    yield lambda: (bench.home / "moved.jsonl").rename(source) and None


@contextlib.contextmanager
def input_changes(bench: Bench) -> Iterator[Callable[[], None]]:
    source = bench.home / "in.jsonl"

    def change() -> None:
        source.write_bytes(source.read_bytes().replace(b"row  119", b"ROW  119"))

    bench.watched.append(change)
    yield lambda: None


@contextlib.contextmanager
def another_driver(bench: Bench) -> Iterator[Callable[[], None]]:
    lock = acquire(FS, bench.layout, ManualClock(), Driver(host="other-host", pid=4711))
    yield lambda: lock.release(0)
    lock.release(0)


MALFORMED = {
    3: "{not json",
    14: '{"text": "\udcff\udcfe"}',
    25: '{"text": 7}',
    36: '["no object"]',
    47: '{"text": "nul", "n": 1}\0',
}
RAISES = poisoned(7, "!raise")

FAULTS = [
    Fault(
        name="an operator raises on a row",
        code=0,
        message="poison_mapper: ValueError: this row is poison",
        rows={**RAISES, **poisoned(21, "!raise")},
        events=frozenset({"OP_FAILED", *DONE}),
        dead=2,
    ),
    Fault(
        name="rows cannot be read",
        code=0,
        message="read: invalid_utf8: .* is not UTF-8",
        rows=MALFORMED,
        events=frozenset({"OP_FAILED", *DONE}),
        dead=5,
    ),
    Fault(
        name="an operator raises, on_bad_row: fail",
        code=1,
        message=r"in.jsonl, line 8: poison_mapper: ValueError: this row is poison \(.* quarantine",
        rows=RAISES,
        settings=faults(on_bad_row="fail"),
        events=frozenset({*PARTITION, *ENDED}),
        resume=faults(on_bad_row="quarantine"),
        dead_after=1,
    ),
    Fault(
        name="more dead letters than the job may have",
        code=1,
        message=r"N of N rows are dead letters, more than .*line 1: poison_mapper: ValueError.* is safe",
        rows={number: row for number in range(40) for row in poisoned(number, "!raise").values()},
        settings={**faults(max_dead_letter_ratio=0.01), "partition": {"size": 50}},
        events=frozenset({"OP_FAILED", *ENDED}),
        dead=40,
        resume=faults(max_dead_letter_ratio=1.0),
        dead_after=40,
    ),
    Fault(
        name="a worker is killed once (SIGKILL)",
        code=0,
        backends=LOCAL,
        rows=poisoned(7, "!once ONCE"),
        events=frozenset({*PARTITION, *DONE}),
    ),
    Fault(
        name="a row kills its worker (SIGSEGV)",
        code=0,
        message="poison_mapper: WorkerLost: SIGSEGV in poison_mapper",
        backends=LOCAL,
        rows=poisoned(7, "!segv"),
        events=frozenset({*PARTITION, "OP_FAILED", *DONE}),
        dead=1,
    ),
    Fault(
        name="a row kills its worker (SIGKILL, as the out-of-memory killer)",
        code=0,
        message="poison_mapper: WorkerLost: SIGKILL in poison_mapper",
        backends=LOCAL,
        rows=poisoned(7, "!kill"),
        events=frozenset({*PARTITION, "OP_FAILED", *DONE}),
        dead=1,
    ),
    Fault(
        name="rows of one partition end their worker (os._exit, twice)",
        code=0,
        message="poison_mapper: WorkerLost: exit code 7 in poison_mapper",
        backends=LOCAL,
        rows={**poisoned(3, "!exit 7"), **poisoned(7, "!exit 0")},
        events=frozenset({*PARTITION, "OP_FAILED", *DONE}),
        dead=2,
    ),
    Fault(
        name="a row needs 8 GB, worker_memory_mb: 600",
        code=0,
        message="poison_mapper: MemoryError",
        backends=LOCAL,
        rows=poisoned(7, "!eat 8"),
        settings=faults(worker_memory_mb=600),
        events=frozenset({"OP_FAILED", *DONE}),
        dead=1,
    ),
    Fault(
        name="an operator sleeps for ever, op_timeout_s: 0.5",
        code=0,
        message=r"WorkerLost: no end after 0.5 s \(fault_tolerance.op_timeout_s\) in poison_mapper",
        backends=LOCAL,
        rows=poisoned(7, "!sleep"),
        settings=faults(op_timeout_s=0.5),
        events=frozenset({*PARTITION, "OP_FAILED", "DEBUG", *DONE}),
        dead=1,
    ),
    Fault(
        name="an operator loops for ever and holds the interpreter, op_timeout_s: 0.5",
        code=0,
        message=r"WorkerLost: no end after 0.5 s \(fault_tolerance.op_timeout_s\) in poison_mapper",
        backends=LOCAL,
        rows=poisoned(7, "!spin"),
        settings=faults(op_timeout_s=0.5),
        events=frozenset({*PARTITION, "OP_FAILED", "DEBUG", *DONE}),
        dead=1,
    ),
    Fault(
        name="a partition is out of retries (fault_tolerance.enabled: false)",
        code=1,
        message=r"1 of 6 partitions failed \(0\): .*SIGSEGV in poison_mapper; given up.* is safe",
        backends=LOCAL,
        rows=poisoned(7, "!segv"),
        settings=faults(enabled=False),
        events=frozenset({*PARTITION, *ENDED}),
        resume=faults(enabled=True),
        dead_after=1,
    ),
    Fault(
        name="disk full: results",
        code=1,
        message=r"work/job/.* \(N bytes are needed, N are free\)",
        strike=disk_full("work", "work_dir", 72),
        settings={"event_log_dir": "LOGS", "checkpoint_dir": "CHECKPOINTS"},
        events=frozenset(ENDED),
    ),
    Fault(
        name="disk full: checkpoints",
        code=1,
        message=r"checkpoints/job/.* \(N bytes are needed, N are free\)",
        strike=disk_full("checkpoints", "checkpoint_dir", 64),
        events=frozenset(ENDED),
    ),
    Fault(
        name="disk full: export",
        code=1,
        message=r"export/.out.jsonl.*No space left on device \(N bytes are needed, N are free\)",
        strike=disk_full("export", "export_path", 12),
        events=frozenset(ENDED),
    ),
    Fault(
        name="disk full before the first row",
        code=1,
        message=r"N bytes are free, at least [\d,]+ are needed. No row was processed",
        strike=disk_full("checkpoints", "checkpoint_dir", 40),
        events=frozenset(ENDED),
    ),
    Fault(
        name="disk full: event log alone",
        code=0,
        message="event log: .* The job goes on; events that cannot be written are counted",
        strike=disk_full("events", "event_log_dir", 8),
    ),
    Fault(
        name="work_dir on a disk that is mounted read-only",
        code=1,
        message="ro/job: creating the directory failed: Read-only file system",
        strike=disk_read_only,
    ),
    Fault(
        name="the job's directory vanishes in the middle",
        code=1,
        message="work/job/.*No such file or directory",
        strike=results_vanish,
    ),
    Fault(
        name="checkpoints are damaged",
        code=0,
        message="damaged",
        rows=RAISES,
        strike=checkpoint_damaged,
        events=frozenset({"WARNING", *DONE}),
        dead=1,
    ),
    Fault(
        name="the input is gone",
        code=1,
        message="in.jsonl",
        strike=input_vanished,
    ),
    Fault(
        name="the input changes while the job runs",
        code=1,
        message="in.jsonl: bytes .* are not those of the scan. The input changed while the job was running",
        strike=input_changes,
        events=frozenset(ENDED),
    ),
    Fault(
        name="another driver works on the job",
        code=1,
        message=r"job: run 1 \(pid N on HOST, since TIME, 0 rows done\) still runs. Nothing was changed.",
        strike=another_driver,
    ),
]
CASES = [(fault, backend) for fault in FAULTS for backend in fault.backends]
QUICK = ("a row kills its worker (SIGSEGV)", "an operator loops for ever", "disk full: checkpoints")
SEEN: dict[tuple[str, str], str] = {}


def place(bench: Bench, fault: Fault) -> None:
    """Names that stand for directories of this bench."""
    names = {"LOGS": "logs", "CHECKPOINTS": "checkpoints"}
    for key, value in fault.settings.items():
        bench.settings[key] = str(bench.home / names[str(value)]) if str(value) in names else value


def params() -> Iterator[Any]:
    """On real workers a failure takes seconds; in `make test` a few stand for all."""
    for fault, backend in CASES:
        is_quick = backend == "inline" or fault.name.startswith(QUICK)
        yield pytest.param(
            fault, backend, id=f"{fault.name}-{backend}", marks=() if is_quick else pytest.mark.slow
        )


@pytest.mark.parametrize(("fault", "backend"), list(params()))
def test_a_failure_is_answered_as_the_table_says_and_a_resume_mends_it(
    fault: Fault, backend: str, tmp_path: Path
) -> None:
    rows = {number: row.replace("ONCE", str(tmp_path / "once")) for number, row in fault.rows.items()}
    bench = Bench(home=tmp_path, backend=backend, rows=rows)
    place(bench, fault)
    with fault.strike(bench) as mend:
        struck = bench.run()
        check(fault, struck)
        mend()
        resumed = bench.run(**fault.resume) if fault.code else struck
        assert resumed.code == 0, resumed.message
        bench.assert_whole(dead=fault.dead if fault.dead_after is None else fault.dead_after)
    SEEN[fault.name, backend] = table_line(fault, backend, struck, resumed)


def check(fault: Fault, struck: Outcome) -> None:
    assert struck.code == fault.code, struck.message
    told = [struck.message] if fault.code else [*struck.dead, *struck.warnings]
    assert not fault.message or any(re.search(fault.message, line) for line in told), told
    assert all("\n" not in line for line in told)
    assert struck.events >= fault.events, struck.events
    if fault.code == 0:
        assert len(struck.dead) == fault.dead


# ---- the page


def table_line(fault: Fault, backend: str, struck: Outcome, resumed: Outcome) -> str:
    said = struck.message or next(
        (line for line in (*struck.dead, *struck.warnings) if re.search(fault.message, line)), "none"
    )
    events = " ".join(sorted(struck.events & {"OP_FAILED", "PARTITION_FAILED", "WARNING", *ENDED, *DONE}))
    outcome = "completed" if struck.code == 0 else "failed"
    mended = f"completed, {len(resumed.dead)} dead letters" if fault.code else "not needed"
    cells = [
        fault.name,
        backend,
        outcome,
        str(struck.code),
        said,
        events or "none",
        str(len(struck.dead)),
        mended,
    ]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


HEAD = """\
# Reliability

What a job answers when something goes wrong, seen by `tests/crash/test_failures.py` over a job of 120 rows in 6 partitions. After
each failure the job is resumed, and its result is compared byte for byte with that of a job nobody disturbed. Written by
`make reliability`; not to be edited. `N`, `TIME`, `HOST` and `~` stand for what differs from run to run.

| what happens | backend | outcome | exit | what is said | events | dead letters | resume |
|---|---|---|---|---|---|---|---|
"""


def test_the_page_names_every_failure_on_every_backend() -> None:
    """Run last, with RELIABILITY=write set, it writes the page first."""
    if os.environ.get("RELIABILITY") == "write":
        assert len(SEEN) == len(CASES), "a failure did not come out as the table says"
        PAGE.write_text(HEAD + "".join(f"{SEEN[fault.name, backend]}\n" for fault, backend in CASES))
    lines = PAGE.read_text().splitlines()
    named = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in lines if line.startswith("| ")]
    assert named[1:] == [(fault.name, backend) for fault, backend in CASES]
