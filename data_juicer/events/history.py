"""What the log of a job says, read from its files: every event, or what all of them come to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from data_juicer.events.codec import decode_line, decode_lines, find_header
from data_juicer.events.file import (
    find_last_mention,
    lines_backward,
    lines_from,
    read_lines,
    rotated_numbers,
)
from data_juicer.events.snapshot import MARK, Snapshot, find_snapshot
from data_juicer.events.view import JobView
from data_juicer.job.layout import rotated

if TYPE_CHECKING:
    from data_juicer.events import types as t
    from data_juicer.job.layout import JobLayout
    from data_juicer.storage.base import Store


def read_records(store: Store, layout: JobLayout) -> Iterator[t.Record]:
    """Every event of a job, the oldest first; damaged lines are passed over. Raises: StoreError."""
    return decode_lines(read_lines(store, layout.events_jsonl))


def read_view(store: Store, layout: JobLayout) -> JobView:
    """What the events of a job come to. Raises: StoreError."""
    return read_history(store, layout)[0]


def read_history(store: Store, layout: JobLayout) -> tuple[JobView, int]:
    """What the events of a job come to, and the number of the last one: the newest snapshot, and the events after it.

    Lines that a run appended after a later run had taken the job over do not count. Raises: StoreError.

    Takes as long as a few megabytes of log, however long it is; of a log without a snapshot every event is read.
    """
    path = layout.events_jsonl
    numbers = [0, *rotated_numbers(store, path)]
    found: tuple[int, Snapshot] | None = None
    read: list[int] = []
    for number in numbers:
        read.append(number)
        found = _newest_snapshot(store, rotated(path, number))
        if found is not None:
            break
    start, run, view = (found[0], found[1].run, found[1].data) if found else (0, 0, JobView())
    seq = found[1].seq if found else 0
    oldest = read[-1]
    lines = (
        line
        for number in reversed(read)
        for line in lines_from(store, rotated(path, number), start if number == oldest else 0)
    )
    for line in lines:
        header = find_header(line)
        if header is None or header.run < run:
            continue
        run, seq = header.run, header.seq
        record = decode_line(line)
        if record is not None:
            view.apply(record)
    return view, seq


def _newest_snapshot(store: Store, path: str) -> tuple[int, Snapshot] | None:
    """The byte after the newest snapshot of a file, and that snapshot."""
    if not find_last_mention(store, path, MARK):
        return None
    for start, line in lines_backward(store, path):
        snapshot = find_snapshot(line)
        if snapshot is not None:
            return start + len(line), snapshot
    return None


def newest_records(
    store: Store,
    layout: JobLayout,
    wanted: Callable[[t.Record], bool],
    count: int,
    lines_max: int | None = None,
) -> list[t.Record]:
    """The last events that are wanted, in their order; read from the end, so that a long log costs what is looked at.

    Args:
        lines_max: no more lines are looked at; None: as many as there are.
    Raises: StoreError.
    """
    paths = (
        layout.events_jsonl,
        *(rotated(layout.events_jsonl, it) for it in rotated_numbers(store, layout.events_jsonl)),
    )
    lines = (line for path in paths for _, line in lines_backward(store, path))
    found: list[t.Record] = []
    for line in itertools.islice(lines, lines_max):
        if len(found) >= count:
            break
        record = decode_line(line)
        if record is not None and wanted(record):
            found.append(record)
    return found[::-1]
