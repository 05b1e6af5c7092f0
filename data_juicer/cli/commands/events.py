"""dj-jobs events."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.clock import SystemClock
from data_juicer.events import types as t
from data_juicer.events.codec import encode_record
from data_juicer.events.history import newest_records
from data_juicer.events.tail import LogTail
from data_juicer.events.text import describe
from data_juicer.monitor.handle import JobHandle
from data_juicer.printable import printable

NAME: Final = "events"
HELP: Final = "Show the events of a job; filter them, or follow them while the job runs."

_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_FOLLOW_S: Final = 0.5
"""How often a log that is followed is looked at."""


class EventLine(msgspec.Struct, frozen=True, kw_only=True):
    lines: tuple[msgspec.Raw, ...]
    """Records as events.jsonl holds them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument("--follow", action="store_true", help="go on until the job ends or Ctrl-C")
    parser.add_argument(
        "--level", choices=_LEVELS, default="INFO", help="the least level (default: %(default)s)"
    )
    parser.add_argument("--type", metavar="TYPE", help="only this event type, such as CHECKPOINT_SAVE")
    parser.add_argument("--partition", type=int, metavar="N", help="only events of this partition")
    parser.add_argument("--last", type=int, metavar="N", help="only the last N events that fit")


def run(arguments: argparse.Namespace, output: Output, signals: StopSignals) -> None:
    job = JobHandle.open(arguments.work_dir, arguments.job)
    wanted = _filter(arguments)
    if not arguments.follow:
        if arguments.last is None:
            _emit(filter(wanted, job.events()), output)
        else:
            _emit(newest_records(job.store, job.layout, wanted, max(0, arguments.last)), output)
        return
    for records in _followed(job, signals):
        if new := [record for record in records if wanted(record)]:
            _emit(new, output)


def _emit(records: Iterable[t.Record], output: Output) -> None:
    batch = list(records)
    document = EventLine(lines=tuple(msgspec.Raw(encode_record(record)) for record in batch))
    output.emit(document, lambda _: [_text(record) for record in batch])


def _followed(job: JobHandle, signals: StopSignals) -> Iterator[list[t.Record]]:
    """What is new, until no driver works on the job any more and everything was read."""
    tail, clock = LogTail(job.store, job.layout), SystemClock()
    while True:
        was_alive = job.is_alive(clock.now())
        yield tail.poll()
        if not was_alive or signals.asked() is not None:
            return
        clock.sleep_s(_FOLLOW_S)


def _filter(arguments: argparse.Namespace) -> Callable[[t.Record], bool]:
    least = _LEVELS.index(arguments.level)
    if arguments.type or arguments.partition is not None:
        least = (
            0 if arguments.level == "INFO" else least
        )  # what was asked for by name is often of level DEBUG
    kind, partition = arguments.type, arguments.partition

    def wanted(record: t.Record) -> bool:
        event = record.event
        if kind and type(event).__struct_config__.tag != kind.upper():
            return False
        if partition is not None and getattr(event, "partition_id", None) != partition:
            return False
        return _LEVELS.index(event.level) >= least

    return wanted


def _text(record: t.Record) -> str:
    return f"{record.ts} {record.event.level:<7} {printable(describe(record.event))}"
