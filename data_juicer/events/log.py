"""The one writer of a job's events: numbers them, tells listeners, and appends them to events.jsonl and events.log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from data_juicer.clock import Clock, format_utc
from data_juicer.errors import StoreError
from data_juicer.events import types as t
from data_juicer.events.codec import encode_record, find_header
from data_juicer.events.file import RotatingFile, Tail
from data_juicer.events.history import read_history
from data_juicer.events.people import PeopleLog
from data_juicer.events.snapshot import encode_snapshot
from data_juicer.events.view import JobView
from data_juicer.job.layout import JobLayout
from data_juicer.redaction import hide_json
from data_juicer.storage.base import Store

Listener = Callable[[t.Record], None]

_BUFFER_BYTES_MAX: Final = 1 << 20
_HURRY: Final = 4
"""Times the longest pause between heartbeats: for so long after it each heartbeat flushes."""
SNAPSHOT_BYTES: Final = 4 << 20
"""A snapshot is at the head of each rotated file and after so many bytes of events: nobody has to read more."""
_SYNCED: Final = frozenset(
    {
        t.JobStart,
        t.JobComplete,
        t.JobFailed,
        t.ProcessingStart,
        t.ProcessingComplete,
        t.ProcessingError,
    }
)


class EventLog:
    """Events of one run, after those of the runs before it."""

    def __init__(
        self,
        store: Store,
        layout: JobLayout,
        clock: Clock,
        run: int,
        *,
        max_log_size_mb: float = 100,
        backup_count: int = 5,
        enabled: bool = True,
        seq_known: int = 0,
        people_level: t.Level = "INFO",
        listeners: Sequence[Listener] = (),
    ) -> None:
        """Cut a torn end off the log and go on with the number after its last line.

        Args:
            enabled: False writes nothing; listeners receive events all the same.
            seq_known: the last number that an earlier run is known to have used, for a log that is damaged or gone.
            people_level: events below it are not written to events.log.
            listeners: called with each record, in order, in the thread that records.
        """
        size_bytes_max = int(max_log_size_mb * 1_000_000)
        self._file = RotatingFile(store, layout.events_jsonl, size_bytes_max, backup_count)
        self._people = PeopleLog(
            RotatingFile(store, layout.events_log, size_bytes_max, backup_count), people_level
        )
        self._store = store
        self._clock = clock
        self._run = run
        self._enabled = enabled
        self._listeners = tuple(listeners)
        self._buffer = bytearray()
        self._buffered = 0
        self._flushed_s = self._called_s = clock.monotonic_s()
        self._hurries_until_s = 0.0
        self._unwritten = 0
        self._unwritten_reported = 0
        self._has_warned = False
        self._seq_next = seq_known + 1
        self._since_snapshot = 0
        """Bytes of events after the newest snapshot."""
        self.view = JobView()
        """What all events of the job come to, with those of earlier runs."""
        self.has_history = False
        """Whether the log had events of this job when it was opened."""
        if enabled:
            self._continue(layout)

    @property
    def seq(self) -> int:
        """The number of the last event."""
        return self._seq_next - 1

    @property
    def unwritten(self) -> int:
        """Events that no file holds because the disk refused them."""
        return self._unwritten

    def record(self, event: t.AnyEvent) -> t.Record:
        """Number an event, tell the listeners, and keep it for the next flush. Never fails because of a disk."""
        record = t.Record(seq=self._seq_next, ts=format_utc(self._clock.now()), run=self._run, event=event)
        line = hide_json(encode_record(record)) if self._enabled else b""
        if (
            line and self._has_no_room(len(line)) and self._make_room(len(line))
        ):  # what could not be written gave its numbers back
            record = t.Record(seq=self._seq_next, ts=record.ts, run=self._run, event=event)
            line = hide_json(encode_record(record))
        self._seq_next += 1
        self.view.apply(record)
        for listener in self._listeners:
            listener(record)
        if self._enabled:
            self._buffer += line
            self._buffered += 1
            self._since_snapshot += len(line)
            self._people.record(record)
            if type(event) in _SYNCED:
                self.sync()
            elif len(self._buffer) > _BUFFER_BYTES_MAX:
                self.flush()
        return record

    def flush_when_due(self) -> None:
        """Flush when the oldest event waits for as long as the store lets it; called with each heartbeat of the run.

        Where heartbeats were further apart than that (an operator works in the driver's own thread), they will be so again: for
        some time each of them flushes, so that no event waits for a whole batch of rows.
        """
        now_s = self._clock.monotonic_s()
        gap_s, self._called_s = now_s - self._called_s, now_s
        if gap_s >= self._file.wait_s:
            self._hurries_until_s = now_s + _HURRY * gap_s
        if self._buffered and (now_s - self._flushed_s >= self._file.wait_s or now_s < self._hurries_until_s):
            self.flush()

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._flushed_s = self._clock.monotonic_s()
        if self._buffered and self._write() and self._unwritten > self._unwritten_reported:
            count = self._unwritten - self._unwritten_reported
            self._unwritten_reported = self._unwritten
            self.record(
                t.WarningNotice(
                    message=f"{count:,} events before this one could not be written",
                    data={"unwritten": count},
                )
            )
            self._write()

    def sync(self) -> None:
        """Flush, then make it durable."""
        self.flush()
        if self._enabled:
            self._try(self._file.sync)

    def close(self) -> None:
        self.sync()
        self.flush()  # a warning that the sync itself gave

    def _has_no_room(self, more_bytes: int) -> bool:
        """Whether a snapshot is due, or the file may be full; asked for each event."""
        if self._since_snapshot > SNAPSHOT_BYTES:
            return True
        return self._file.room_bytes < len(self._buffer) + more_bytes

    def _make_room(self, more_bytes: int) -> bool:
        """Begin a new file, or a new stretch of this one, with a snapshot where one is due. True where events were written."""
        snapshot = self._snapshot() if self._since_snapshot > SNAPSHOT_BYTES else b""
        try:
            is_full = self._file.is_full(len(self._buffer) + len(snapshot) + more_bytes)
        except StoreError:  # reported when the events are written
            return False
        if is_full:
            self._write()
            self._try(lambda: self._file.rotate(self._snapshot()))
        else:
            self._buffer += snapshot
        return is_full

    def _snapshot(self) -> bytes:
        self._since_snapshot = 0
        now = format_utc(self._clock.now())
        return encode_snapshot(self._seq_next - 1, now, self._run, self.view) if self._seq_next > 1 else b""

    def _continue(self, layout: JobLayout) -> None:
        """Find the number to go on with, and say what was wrong with the log."""
        tail: Tail | None = None
        try:
            self._store.make_own_dir(layout.event_logs_dir)
            tail = self._read_history(layout)
            self._people.cut()
        except StoreError as error:
            self._warn_once(error)
        header = find_header(tail.line) if tail and tail.line else None
        if header:
            self.has_history = True
        if tail and tail.cut_bytes:
            message = f"{layout.events_jsonl}: a torn end of {tail.cut_bytes:,} bytes was cut off"
            self.record(t.WarningNotice(message=message, data={"cut_bytes": tail.cut_bytes}))
        if tail and header is None and self._run > 1:
            message = (
                f"{layout.events_jsonl}: holds no event of the runs before this one; nothing depends on them"
            )
            self.record(t.WarningNotice(message=message))

    def _read_history(self, layout: JobLayout) -> Tail:
        """The end of the log, and what all of it comes to; read again where a driver that was taken for dead still appends."""
        cut_bytes = 0
        while True:
            tail = self._file.cut(lambda line: find_header(line) is not None)
            cut_bytes += tail.cut_bytes
            self.view, seq = read_history(self._store, layout)
            if not self._file.has_grown():
                self._seq_next = max(self._seq_next, seq + 1)
                return Tail(line=tail.line, cut_bytes=cut_bytes)

    def _write(self) -> bool:
        """Append what is buffered. False when the disk refused it: it is dropped, and its numbers are used again."""
        lines, count = bytes(self._buffer), self._buffered
        self._buffer.clear()
        self._buffered = 0
        try:
            self._file.append(lines)
        except StoreError as error:
            self._unwritten += count
            self._seq_next -= count
            self._since_snapshot = SNAPSHOT_BYTES + 1  # the next one holds what the lost events came to
            self._warn_once(error)
            return False
        self._try(self._people.flush)
        return True

    def _try(self, deed: Callable[[], None]) -> None:
        try:
            deed()
        except StoreError as error:
            self._warn_once(error)

    def _warn_once(self, error: StoreError) -> None:
        if not self._has_warned:
            self._has_warned = True
            message = (
                f"event log: {error.finding} The job goes on; events that cannot be written are counted."
            )
            self.record(t.WarningNotice(message=message))
