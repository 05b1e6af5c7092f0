"""The numbers of a job as metrics, from what its events and summary come to: the same for a live and an ended job. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from data_juicer.events.view import JobView
from data_juicer.job.summary import JobStatus

PREFIX: Final = "data_juicer_"
STATUSES: Final = (*(status.value for status in JobStatus), "interrupted")


class Sample(msgspec.Struct, frozen=True):
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """A metric with its samples."""

    name: str
    """With its unit and, of a counter, `_total` at the end."""
    help: str
    kind: Literal["gauge", "counter"]
    samples: tuple[Sample, ...]


def families_of(view: JobView, *, job_id: str, status: str, share: float) -> tuple[Family, ...]:
    """Every metric of a job.

    Args:
        share: of the work that is done, in [0, 1].
    """
    job = {"job": job_id}
    groups = (_job_metrics(view, status, share), _operator_metrics(view), _process_metrics(view))
    return tuple(
        msgspec.structs.replace(
            family, samples=tuple(Sample({**job, **each.labels}, each.value) for each in family.samples)
        )
        for group in groups
        for family in group
    )


def _job_metrics(view: JobView, status: str, share: float) -> Iterator[Family]:
    yield _gauge(
        "job_status",
        "1 for the status of the job.",
        *(({"status": each}, each == status) for each in STATUSES),
    )
    yield _gauge("job_progress_ratio", "Part of the work that is done.", ({}, share))
    yield _gauge("job_runs", "Number of the newest run.", ({}, view.runs))
    yield _gauge("job_rows", "Rows of the input.", ({}, view.rows))
    yield _gauge("job_rows_done", "Rows of the input in partitions that are done.", ({}, view.rows_done))
    yield _gauge("job_rows_out", "Rows that these partitions came to.", ({}, view.rows_out))
    yield _gauge("job_rows_dead_letter", "Rows that could not be processed.", ({}, view.rows_dead_letter))
    yield _gauge(
        "job_partitions",
        "Partitions by state.",
        ({"state": "all"}, view.partitions),
        ({"state": "done"}, view.partitions_done),
        ({"state": "running"}, len(view.running)),
        ({"state": "failed"}, len(view.partitions_failed)),
    )
    yield _counter("retries_total", "Attempts that were made again.", ({}, view.retries))
    yield _counter(
        "straggler_copies_total",
        "Copies of partitions that took too long, on another worker.",
        ({"outcome": "started"}, view.copies_started),
        ({"outcome": "won"}, view.copies_won),
    )
    yield _counter(
        "checkpoints_saved_total", "Checkpoints that were committed.", ({}, view.checkpoints_saved)
    )
    yield _counter(
        "checkpoint_seconds_total", "Seconds of writing and loading them.", ({}, view.checkpoint_s)
    )
    yield _counter("checkpoint_bytes_total", "Bytes of them.", ({}, view.checkpoint_bytes))


def _operator_metrics(view: JobView) -> Iterator[Family]:
    operators = [view.operators[index] for index in sorted(view.operators)]
    labels = [{"operator": each.name, "index": str(each.index)} for each in operators]
    yield _gauge(
        "operator_rows",
        "Rows of each operator by what became of them, in partitions that are committed.",
        *(
            ({**label, "outcome": outcome}, getattr(each, f"rows_{outcome}"))
            for label, each in zip(labels, operators, strict=True)
            for outcome in (
                "in",
                "generated",
                "out",
                "filtered",
                "duplicate",
                "grouped",
                "null_text",
                "dead_letter",
            )
        ),
    )
    yield _gauge(
        "operator_seconds",
        "Seconds of workers in each operator.",
        *((label, each.duration_s) for label, each in zip(labels, operators, strict=True)),
    )
    yield _gauge(
        "operator_text_bytes",
        "Bytes of text that each operator was given.",
        *((label, each.text_bytes) for label, each in zip(labels, operators, strict=True)),
    )


def _process_metrics(view: JobView) -> Iterator[Family]:
    processes = [({"role": each.role, "pid": str(each.pid)}, each) for each in view.processes]
    yield _gauge(
        "process_resident_bytes",
        "Resident memory.",
        *((label, each.memory_bytes) for label, each in processes),
    )
    yield _gauge("process_cores", "Cores in use.", *((label, each.cpu_share) for label, each in processes))


def _gauge(name: str, help_: str, *samples: tuple[dict[str, str], float]) -> Family:
    return _family(name, help_, "gauge", samples)


def _counter(name: str, help_: str, *samples: tuple[dict[str, str], float]) -> Family:
    return _family(name, help_, "counter", samples)


def _family(
    name: str,
    help_: str,
    kind: Literal["gauge", "counter"],
    samples: tuple[tuple[dict[str, str], float], ...],
) -> Family:
    values = tuple(Sample(labels, float(value)) for labels, value in samples)
    return Family(name=f"{PREFIX}{name}", help=help_, kind=kind, samples=values)
