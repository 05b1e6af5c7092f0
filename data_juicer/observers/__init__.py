"""What a run tells other systems while it goes on, each where the settings ask for it: metrics, spans, lineage.

They observe events and decide nothing. What goes wrong with one of them is a warning of the job, never its end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig
    from data_juicer.engine.run_context import RunControl


@contextlib.contextmanager
def watched(config: JobConfig, control: RunControl | None = None) -> Iterator[RunControl | None]:
    """The control of a run with the observers that the settings ask for; nothing is imported where they ask for none.

    Raises: ConfigError: a package that one needs is not installed, or a port is taken.
    """
    metrics, lineage = config.metrics, config.lineage
    wants_metrics = bool(metrics.port or metrics.file)
    wants_lineage = bool(lineage.file or lineage.endpoint)
    if not (wants_metrics or wants_lineage or config.tracing.endpoint):
        yield control
        return
    import msgspec

    from data_juicer.engine.run_context import Observer, RunControl
    from data_juicer.storage.posix import PosixStore

    control = control or RunControl()
    with contextlib.ExitStack() as stack:
        observers: list[Observer] = []
        if wants_metrics:
            from data_juicer.observers.metrics import MetricsObserver

            observers.append(stack.enter_context(contextlib.closing(MetricsObserver(metrics, PosixStore()))))
        if config.tracing.endpoint:
            from data_juicer.observers.tracing import TracingObserver, open_exporter

            exporter = open_exporter(config.tracing.endpoint)
            observers.append(stack.enter_context(contextlib.closing(TracingObserver(exporter))))
        if wants_lineage:
            from data_juicer.observers.lineage import LineageObserver

            observers.append(stack.enter_context(contextlib.closing(LineageObserver(config, PosixStore()))))
        yield msgspec.structs.replace(control, observers=(*control.observers, *observers))
