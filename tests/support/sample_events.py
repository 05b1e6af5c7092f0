"""One of each event type, and a file system whose disk can be full."""

from data_juicer.errors import StoreError
from data_juicer.events import payloads
from data_juicer.events import types as t
from data_juicer.storage.files import Data
from data_juicer.storage.posix import PosixStore
from data_juicer.store.ledger import OperatorLedger


def ledger(index: int, rows_in: int = 0, rows_filtered: int = 0, rows_dead_letter: int = 0) -> OperatorLedger:
    return OperatorLedger(
        index=index,
        name=f"op_{index}",
        rows_in=rows_in,
        rows_out=rows_in - rows_filtered - rows_dead_letter,
        rows_filtered=rows_filtered,
        rows_dead_letter=rows_dead_letter,
        duration_s=0.5,
        text_bytes=1000 * rows_in,
    )


def plan(partitions: int = 2, partitions_done: int = 0, operators: int = 2, rows: int = 100) -> payloads.Plan:
    """Each partition has `rows` rows, and lost none in those that are done."""
    done = partitions_done * rows
    return payloads.Plan(
        host="here",
        pid=7,
        backend="local",
        workers=2,
        partitions=partitions,
        partitions_done=partitions_done,
        rows=partitions * rows,
        rows_done=done,
        rows_out=done,
        operators=tuple(ledger(index, done) for index in range(-1, operators)),
    )


_PLACE = {"partition_id": 7, "operation_name": "op_1", "operation_idx": 1, "attempt": "r1a1"}
_FILE = payloads.CheckpointFile(file="partition_000007_001.r1a1.parquet", size_bytes=400)
_OUTCOME = payloads.Outcome(rows_in=200, rows_dead_letter=1, export_path="out/a.jsonl")

ONE_OF_EACH: tuple[t.AnyEvent, ...] = (
    t.JobStart(data=payloads.JobIdentity(job_id="J", config_digest="ab12")),
    t.ProcessingStart(data=plan()),
    t.PartitionStart(partition_id=7, attempt="r1a1", data=payloads.AttemptStart(operation_idx_start=1)),
    t.CheckpointLoad(**_PLACE, duration_s=0.1, rows=100, data=_FILE),
    t.OpStart(**_PLACE),
    t.OpFailed(
        **_PLACE, data=payloads.OperatorFailure(error_type="ValueError", error="no", rows_dead_letter=1)
    ),
    t.OpComplete.of(7, "r1a1", ledger(1, 100, 3, 1)),
    t.CheckpointSave(**_PLACE, duration_s=0.1, rows=96, data=_FILE),
    t.PartitionFailed(
        partition_id=7,
        attempt="r1a1",
        duration_s=1.0,
        operation_name="op_1",
        operation_idx=1,
        data=payloads.AttemptFailure(error_type="WorkerLost", error="SIGSEGV", retry_in_s=1.0),
    ),
    t.PartitionComplete(
        partition_id=7, attempt="r1a2", duration_s=1.0, rows=96, data=payloads.AttemptOutcome(rows_in=100)
    ),
    t.ResourceUsage(
        data=payloads.ResourceSample(
            processes=(payloads.ProcessSample(role="driver", pid=7, cpu_share=0.5, memory_bytes=10**8),)
        )
    ),
    t.WarningNotice(message="a checkpoint is damaged", partition_id=7, data={"file": "x", "size": 3}),
    t.InfoNotice(message="two lines\nof “text”"),
    t.DebugNotice(message="", operation_name="op_1", operation_idx=1),
    t.PerformanceMetric.of(ledger(1, 200, 3, 1)),
    t.ProcessingComplete(duration_s=2.0, rows=196, data=_OUTCOME),
    t.JobComplete(duration_s=2.0, rows=196, data=_OUTCOME),
    t.ProcessingError(
        duration_s=2.0, data=payloads.RunFailure(error_type="JobStoppedError", error="x", is_stop=True)
    ),
    t.JobFailed(duration_s=2.0, data=payloads.Failure(error_type="JobFailedError", error="partition 7")),
)


class FullDisk(PosixStore):
    """Refuses to append while `is_full`; `part_bytes` of what it was given are written before it notices."""

    def __init__(self) -> None:
        self.is_full = False
        self.part_bytes = 0

    def append(self, path: str, data: Data) -> None:
        if self.is_full:
            super().append(path, bytes(data)[: self.part_bytes])
            raise StoreError(f"{path}: writing failed: No space left on device.")
        super().append(path, data)
