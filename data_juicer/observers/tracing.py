"""Spans of a run for OpenTelemetry: run > phase > task > operator, checkpoint; made of events, with the times of the events."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from data_juicer.clock import parse_utc
from data_juicer.engine.run_context import Observer, WatchedJob
from data_juicer.errors import ConfigError
from data_juicer.events import types as t
from data_juicer.monitor.views.phases import phase_of
from data_juicer.observers.addresses import with_path
from data_juicer.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

_PATH = "/v1/traces"
"""OpenTelemetry protocol, OTLP over HTTP, request path of traces."""
_NEEDS = "tracing.endpoint needs the packages of OpenTelemetry. Type: pip install 'data-juicer[tracing]'"


def open_exporter(endpoint: str) -> SpanExporter:
    """Sends spans to a collector. Raises: ConfigError: the extra `tracing` is not installed."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise ConfigError(_NEEDS) from error
    logging.getLogger("opentelemetry").setLevel(
        logging.CRITICAL
    )  # a collector that is away is no news to a terminal
    return OTLPSpanExporter(endpoint=with_path(endpoint, _PATH), timeout=5)


class TracingObserver(Observer):
    """Turns the events of one run into spans."""

    def __init__(self, exporter: SpanExporter) -> None:
        """
        Args:
            exporter: is given the spans in a thread of its own, in batches; what it cannot take in time is dropped.
        """
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        resource = Resource({"service.name": "data_juicer", "service.version": VERSION})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("data_juicer", VERSION)
        self._job: WatchedJob | None = None
        self._run: Any = None
        self._phase: Any = None
        self._phase_number = 0
        self._tasks: dict[int, Any] = {}
        self._time_ns = 0

    def job_opened(self, job: WatchedJob) -> None:
        self._job = job

    def event_recorded(self, record: t.Record) -> None:
        moment = parse_utc(record.ts)
        if moment is None or self._job is None:
            return
        self._time_ns = int(moment.timestamp() * 1_000_000) * 1000
        event = record.event
        attributes: dict[str, str | int]
        match event:
            case t.ProcessingStart(data=plan):
                attributes = {
                    "job.id": self._job.layout.job_id,
                    "run": record.run,
                    "workers": plan.workers,
                    "rows": plan.rows,
                }
                self._run = self._begin(f"run {record.run}", None, attributes)
            case t.PartitionStart():
                self._enter_phase()
                attributes = {
                    "partition": event.partition_id,
                    "attempt": event.attempt,
                    "worker": event.data.worker,
                }
                self._tasks[event.partition_id] = self._begin(
                    f"partition {event.partition_id}", self._phase, attributes
                )
            case t.OpComplete(data=ledger):
                attributes = {
                    "operator.index": ledger.index,
                    "rows.in": ledger.rows_in,
                    "rows.out": ledger.rows_out,
                }
                self._add(event.operation_name, event.partition_id, event.duration_s, attributes)
            case t.CheckpointSave():
                attributes = {"file": event.data.file, "size_bytes": event.data.size_bytes}
                self._add(
                    f"commit after {event.operation_name}", event.partition_id, event.duration_s, attributes
                )
                if event.data.is_summary:
                    self._end_task(event.partition_id, None)
            case t.PartitionComplete():
                self._end_task(event.partition_id, None)
            case t.PartitionFailed(data=failure):
                self._end_task(event.partition_id, f"{failure.error_type}: {failure.error}")
            case t.ProcessingComplete():
                self._end_run(None)
            case t.ProcessingError(data=ended):
                self._end_run(f"{ended.error_type}: {ended.error}")
            case _:
                pass

    def close(self) -> None:
        """End what is open, and send what was not sent yet."""
        self._end_run("the run ended without a word")
        self._provider.shutdown()

    def _enter_phase(self) -> None:
        if self._job is None:
            return
        phase = phase_of(self._job.view)
        if phase.number != self._phase_number or self._phase is None:
            self._end(self._phase, None)
            self._phase_number = phase.number
            goal = f"up to {phase.until}" if phase.until else "to the results"
            attributes = {"phase": phase.number, "phases": phase.phases}
            self._phase = self._begin(
                f"phase {phase.number} of {phase.phases}, {goal}", self._run, attributes
            )

    def _begin(self, name: str, parent: Any, details: Mapping[str, str | int]) -> Any:
        from opentelemetry.context import Context
        from opentelemetry.trace import set_span_in_context

        context = Context() if parent is None else set_span_in_context(parent, Context())
        return self._tracer.start_span(name, context, attributes=dict(details), start_time=self._time_ns)

    def _add(self, name: str, partition: int, duration_s: float, details: Mapping[str, str | int]) -> None:
        """A span that ended when its event was recorded."""
        from opentelemetry.context import Context
        from opentelemetry.trace import set_span_in_context

        parent = self._tasks.get(partition) or self._phase or self._run
        context = Context() if parent is None else set_span_in_context(parent, Context())
        started_ns = self._time_ns - int(duration_s * 1e9)
        self._tracer.start_span(name, context, attributes=dict(details), start_time=started_ns).end(
            self._time_ns
        )

    def _end_task(self, partition: int, error: str | None) -> None:
        self._end(self._tasks.pop(partition, None), error)

    def _end_run(self, error: str | None) -> None:
        for partition in list(self._tasks):
            self._end_task(partition, error)
        self._end(self._phase, error)
        self._end(self._run, error)
        self._phase = self._run = None

    def _end(self, span: Any, error: str | None) -> None:
        from opentelemetry.trace import Status, StatusCode

        if span is None:
            return
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(self._time_ns)
