"""Metrics of a run: answered at a port while it goes on, and written to a file that node_exporter collects."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from data_juicer.config.sections import MetricsConfig
from data_juicer.engine.run_context import Observer, WatchedJob
from data_juicer.errors import ConfigError, StoreError
from data_juicer.events import types as t
from data_juicer.monitor.metrics.families import Family, families_of
from data_juicer.monitor.metrics.text import exposition
from data_juicer.monitor.progress import progress_of
from data_juicer.observers.troubles import Troubles
from data_juicer.storage.base import Store

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

EVERY_S: Final = 1.0
"""How old the numbers become."""
_TAKEN_AT: Final = (t.ProcessingStart, t.ProcessingComplete, t.ProcessingError, t.JobComplete, t.JobFailed)


class MetricsObserver(Observer):
    """Takes the numbers of a run now and then, in the driver's thread; whoever asks is given the last ones."""

    def __init__(self, config: MetricsConfig, store: Store) -> None:
        """Begins to listen. Raises: ConfigError: the port is taken, or the extra `metrics` is not installed."""
        self._path = os.path.abspath(config.file) if config.file else None
        self._store = store
        self._job: WatchedJob | None = None
        self._families: tuple[Family, ...] = ()
        self._taken_s = float("-inf")
        self._troubles = Troubles()
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None
        self.port = 0
        """At which it listens; 0: none."""
        if config.port:
            self._server, self._thread = _listen(config, self)
            self.port = self._server.server_port

    @property
    def families(self) -> tuple[Family, ...]:
        """The numbers that were taken last."""
        return self._families

    def job_opened(self, job: WatchedJob) -> None:
        self._job = job
        self._take()

    def event_recorded(self, record: t.Record) -> None:
        if isinstance(record.event, _TAKEN_AT):
            self._take()

    def heartbeat(self, activity: str) -> None:
        if self._job is not None and self._job.clock.monotonic_s() - self._taken_s >= EVERY_S:
            self._take()
        self._troubles.tell(self._job)

    def close(self) -> None:
        """Stop listening."""
        self._troubles.close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._thread is not None:
            self._thread.join()

    def _take(self) -> None:
        job = self._job
        if job is None:
            return
        self._taken_s = job.clock.monotonic_s()
        share = progress_of(job.view, job.clock.now()).share
        self._families = families_of(
            job.view, job_id=job.layout.job_id, status=job.view.status.value, share=share
        )
        if self._path is None:
            return
        try:
            self._store.put(self._path, exposition(self._families).encode())
        except StoreError as error:
            self._troubles.add("metrics.file", error.finding)


class _Collector:
    """What prometheus-client asks for at each request."""

    def __init__(self, observer: MetricsObserver) -> None:
        self._observer = observer

    def collect(self) -> Iterator[Any]:
        return collected(self._observer.families)


def collected(families: Iterable[Family]) -> Iterator[Any]:
    """Metrics as prometheus-client has them."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    for family in families:
        labels = list(family.samples[0].labels) if family.samples else []
        if family.kind == "counter":
            metric: Any = CounterMetricFamily(family.name.removesuffix("_total"), family.help, labels=labels)
        else:
            metric = GaugeMetricFamily(family.name, family.help, labels=labels)
        for sample in family.samples:
            metric.add_metric(list(sample.labels.values()), sample.value)
        yield metric


def _listen(config: MetricsConfig, observer: MetricsObserver) -> tuple[WSGIServer, threading.Thread]:
    try:
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError as error:
        raise ConfigError(
            "metrics.port needs the package prometheus-client. Type: pip install 'data-juicer[metrics]'"
        ) from error
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(observer))
    try:
        return start_http_server(config.port, addr=config.host, registry=registry)
    except OSError as error:
        raise ConfigError(
            f"metrics.port: cannot listen at {config.host} port {config.port}: {error.strerror}. Nothing was created."
        ) from error
