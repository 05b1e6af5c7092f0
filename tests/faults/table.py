"""Every failure of the design's table: what is done, and what has to come of it."""

from __future__ import annotations

import signal
from typing import Any

from tests.faults import deeds as f
from tests.faults import stores
from tests.faults.bench import poisoned
from tests.faults.deeds import LOCAL, Fault

PARTITION = {"PARTITION_START", "PARTITION_FAILED"}
ENDED = {"PROCESSING_ERROR", "JOB_FAILED"}
DONE = {"PROCESSING_COMPLETE", "JOB_COMPLETE"}


def faults(**settings: Any) -> dict[str, Any]:
    return {"fault_tolerance": settings}


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
        message=r"in.jsonl, line 8: poison_mapper: ValueError: this row is poison \(.* is safe. .* quarantine.* start the job again",
        rows=RAISES,
        settings=faults(on_bad_row="fail"),
        events=frozenset({*PARTITION, *ENDED}),
        resume=faults(on_bad_row="quarantine"),
        dead_after=1,
    ),
    Fault(
        name="more dead letters than the job may have",
        code=1,
        message=r"N of N rows are dead letters, more than .*line 1: poison_mapper: ValueError.* is safe. .* start the job again",
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
        message="poison_mapper: MemoryError: not enough memory for this row",
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
        message=r"1 of 6 partitions failed \(0\): .*SIGSEGV in poison_mapper; given up.* is safe. .* start the job again",
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
        message=r"jobs/job/.* \(N bytes are needed, N are free\)",
        strike=f.disk_full("jobs", "work_dir", 76),
        settings={"event_log_dir": "LOGS", "checkpoint_dir": "CHECKPOINTS"},
        events=frozenset(ENDED),
    ),
    Fault(
        name="disk full: checkpoints",
        code=1,
        message=r"checkpoints/job/.* \(N bytes are needed, N are free\)",
        strike=f.disk_full("checkpoints", "checkpoint_dir", 64),
        events=frozenset(ENDED),
    ),
    Fault(
        name="disk full: export",
        code=1,
        message=r"export/.out.jsonl.*No space left on device \(N bytes are needed, N are free\)",
        strike=f.disk_full("export", "export_path", 12),
        events=frozenset(ENDED),
    ),
    Fault(
        name="disk full before the first row",
        code=1,
        message=r"N bytes are free, at least [\d,]+ are needed. No row was processed",
        strike=f.disk_full("checkpoints", "checkpoint_dir", 40),
        events=frozenset(ENDED),
    ),
    Fault(
        name="disk full: event log alone",
        code=0,
        message="event log: .* The job goes on; events that cannot be written are counted",
        strike=f.disk_full("events", "event_log_dir", 8),
    ),
    Fault(
        name="work_dir on a disk that is mounted read-only",
        code=1,
        message="ro/job: creating the directory failed: Read-only file system. .* mount that disk for writing",
        strike=f.disk_read_only,
    ),
    Fault(
        name="the job's directory vanishes in the middle",
        code=1,
        message="failed: the directory ~/jobs/job is gone. Bring it back .* start the job again",
        strike=f.results_vanish,
    ),
    Fault(
        name="checkpoints are damaged",
        code=0,
        message="damaged",
        rows=RAISES,
        strike=f.checkpoint_damaged,
        events=frozenset({"WARNING", *DONE}),
        dead=1,
    ),
    Fault(
        name="the input is gone",
        code=1,
        message=r"in.jsonl: no such file .* Nothing was changed\. Set right .* start the job again",
        strike=f.input_vanished,
    ),
    Fault(
        name="the input changes while the job runs",
        code=1,
        message="in.jsonl: bytes .* are not those of the scan. The input changed while the job was running",
        strike=f.input_changes,
        events=frozenset(ENDED),
    ),
    Fault(
        name="another driver works on the job",
        code=1,
        message=r"job: run 1 \(pid N on HOST, since TIME, 0 rows done at TIME\) still runs. Nothing was changed. To watch it: dj-jobs show job --work_dir ~/jobs",
        strike=f.another_driver,
    ),
    Fault(
        name="SIGINT",
        code=130,
        message="stopped by SIGINT. What was committed is safe",
        strike=f.signalled(signal.SIGINT),
        events=frozenset({"PROCESSING_ERROR"}),
    ),
    Fault(
        name="SIGTERM",
        code=143,
        message="stopped by SIGTERM. What was committed is safe",
        strike=f.signalled(signal.SIGTERM),
        events=frozenset({"PROCESSING_ERROR"}),
    ),
    Fault(
        name="the driver was killed (SIGKILL) and is started again",
        code=0,
        strike=f.driver_killed,
        events=frozenset(DONE),
    ),
    Fault(
        name="a directory has the name of a file",
        code=1,
        message="job_summary.json is a directory, a file is expected. No row was processed; move it away .*: mv ~/",
        strike=f.name_taken,
    ),
    Fault(
        name="the export of a complete job was changed",
        code=0,
        message="out.jsonl was changed since it was written; the result is published again",
        strike=f.export_changed,
        events=frozenset({"WARNING", *DONE}),
    ),
    Fault(
        name="the input changed between two runs",
        code=0,
        strike=f.input_changed,
        events=frozenset({"INFO", *DONE}),
    ),
    Fault(
        name="an object store delays, resets, cuts, loses and throttles one request in seven",
        code=0,
        strike=stores.network(0.15),
        events=frozenset(DONE),
    ),
    Fault(
        name="credentials of an object store expire in the middle",
        code=1,
        message=r"the credentials have expired \(400 ExpiredToken\)\. .* is safe. Renew the credentials and start the job again",
        strike=stores.answers(400, "ExpiredToken", after=4),
        events=frozenset(ENDED),
    ),
    Fault(
        name="an object store denies what the job has to write",
        code=1,
        message=r"access was denied \(403 AccessDenied\)\. .*(is safe|No row was processed)\. Set the permissions that docs/storage.md names and start the job again",
        strike=stores.answers(403, "AccessDenied"),
    ),
    Fault(
        name="an object store says that the clock of this machine is wrong",
        code=1,
        message=r"the clock of this machine is wrong \(403 RequestTimeTooSkewed\)\. .*(is safe|No row was processed)\. .* start the job again",
        strike=stores.answers(403, "RequestTimeTooSkewed", after=4),
        events=frozenset(ENDED),
    ),
]
