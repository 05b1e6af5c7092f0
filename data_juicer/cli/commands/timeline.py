"""dj-jobs timeline."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.monitor.handle import JobHandle
from data_juicer.monitor.timeline import TraceEvent, trace_events
from data_juicer.portable import encode_json

NAME: Final = "timeline"
HELP: Final = "Write what each worker did at what time as a trace that Perfetto and chrome://tracing open."


class TimelineReport(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    events: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument(
        "-o", "--trace", default="trace.json", metavar="FILE", help="file to write (default: %(default)s)"
    )


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    job = JobHandle.open(arguments.work_dir, arguments.job)
    counted = _Counted(trace_events(job.events()))
    with job.store.open_write(arguments.trace) as sink:
        for part in _encode(counted):
            sink.write(part)
    report = TimelineReport(path=arguments.trace, events=counted.events)
    output.emit(
        report,
        lambda _: [f"{report.path} holds {report.events:,} events; open it in https://ui.perfetto.dev"],
    )


class _Counted:
    """Events that are counted as they pass."""

    def __init__(self, events: Iterable[TraceEvent]) -> None:
        self._events = events
        self.events = 0

    def __iter__(self) -> Iterator[TraceEvent]:
        for event in self._events:
            self.events += 1
            yield event


def _encode(events: Iterable[TraceEvent]) -> Iterator[bytes]:
    """A JSON array, one event a line."""
    separator = b"[\n"
    for event in events:
        yield separator + encode_json(event)
        separator = b",\n"
    yield b"\n]\n" if separator == b",\n" else b"[]\n"
