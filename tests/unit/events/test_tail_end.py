"""A log that is followed from its end on."""

from data_juicer.events import types as t
from data_juicer.events.log import EventLog
from data_juicer.events.tail import LogTail
from data_juicer.job.layout import JobLayout
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing.clock import ManualClock


def test_what_was_written_before_is_in_the_view_and_not_reported_again() -> None:
    store, layout = MemoryStore(), JobLayout.of("/jobs", "job")
    log = EventLog(store, layout, ManualClock(), 1)
    log.record(t.WarningNotice(message="before"))
    log.flush()
    tail = LogTail(store, layout)
    tail.skip_to_end()
    assert (tail.view.warnings, tail.poll()) == (["before"], [])
    log.record(t.WarningNotice(message="after"))
    log.flush()
    (reported,) = tail.poll()
    assert (reported.seq, reported.event) == (2, t.WarningNotice(message="after"))
    assert tail.view.warnings == ["before", "after"]


def test_a_log_that_is_not_there_yet_is_followed_from_its_first_event() -> None:
    store, layout = MemoryStore(), JobLayout.of("/jobs", "job")
    tail = LogTail(store, layout)
    tail.skip_to_end()
    log = EventLog(store, layout, ManualClock(), 1)
    log.record(t.InfoNotice(message="first"))
    log.flush()
    assert [record.seq for record in tail.poll()] == [1]
