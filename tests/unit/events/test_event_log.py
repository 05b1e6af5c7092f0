import os
from pathlib import Path

import pytest

from data_juicer.events import types as t
from data_juicer.events.history import read_records
from data_juicer.events.log import EventLog
from data_juicer.events.view import fold
from data_juicer.job.layout import JobLayout
from data_juicer.storage.capabilities import AppendLog
from data_juicer.storage.posix import PosixStore
from data_juicer.testing.clock import ManualClock
from tests.support.sample_events import ONE_OF_EACH, FullDisk

STORE = PosixStore()
QUIET = t.DebugNotice(message="x")


@pytest.fixture
def layout(tmp_path: Path) -> JobLayout:
    return JobLayout.of(str(tmp_path), "J")


def open_log(layout: JobLayout, run: int = 1, **options: object) -> EventLog:
    return EventLog(STORE, layout, ManualClock(), run, **options)  # type: ignore[arg-type]


def seqs(layout: JobLayout) -> list[int]:
    return [record.seq for record in read_records(STORE, layout)]


def test_what_was_recorded_is_read_back(layout: JobLayout) -> None:
    log = open_log(layout)
    recorded = [log.record(event) for event in ONE_OF_EACH]
    log.close()
    assert list(read_records(STORE, layout)) == recorded


def test_numbers_go_on_over_runs(layout: JobLayout) -> None:
    for run in (1, 2, 3):
        log = open_log(layout, run)
        log.record(QUIET)
        log.record(QUIET)
        log.close()
    assert [(record.seq, record.run) for record in read_records(STORE, layout)] == [
        (1, 1),
        (2, 1),
        (3, 2),
        (4, 2),
        (5, 3),
        (6, 3),
    ]


@pytest.mark.parametrize(
    "tail", [b'{"v":1,"seq":4,"ts":"20', b"\0" * 4096, b"\0" * 64 + b"\n", b"\xff\n[]\n"]
)
def test_a_torn_end_is_cut_off_and_named(layout: JobLayout, tail: bytes) -> None:
    log = open_log(layout)
    for _ in range(3):
        log.record(QUIET)
    log.close()
    STORE.append(layout.events_jsonl, tail)
    log = open_log(layout, 2)
    log.record(QUIET)
    log.close()
    records = list(read_records(STORE, layout))
    assert [record.seq for record in records] == [1, 2, 3, 4, 5]
    assert "torn end" in records[3].event.message
    assert STORE.read(layout.events_jsonl).count(b"\n") == 5


def test_every_cut_of_the_file_leaves_whole_lines_without_gaps(layout: JobLayout) -> None:
    log = open_log(layout)
    for _ in range(3):
        log.record(QUIET)
    log.close()
    whole = STORE.read(layout.events_jsonl)
    for size in range(len(whole)):
        STORE.write(layout.events_jsonl, whole[:size])
        log = open_log(layout, 2)
        log.record(QUIET)
        log.close()
        assert seqs(layout) == list(range(1, len(seqs(layout)) + 1))
        assert list(read_records(STORE, layout))[-1].event == QUIET


def test_a_deleted_log_is_named_and_begun_anew(layout: JobLayout) -> None:
    log = open_log(layout, 2)
    log.close()
    (record,) = read_records(STORE, layout)
    assert record.seq == 1
    assert "no event of the runs before" in record.event.message


def test_rotation_keeps_every_number_and_so_many_files(layout: JobLayout) -> None:
    log = open_log(layout, max_log_size_mb=0.001, backup_count=3)
    for _ in range(100):
        log.record(QUIET)
        log.flush()
    log.close()
    names = [name for name in STORE.list(layout.event_logs_dir) if name.startswith("events.jsonl")]
    assert names == ["events.jsonl", "events.jsonl.1", "events.jsonl.2", "events.jsonl.3"]
    assert all(STORE.stat(os.path.join(layout.event_logs_dir, name)).size_bytes <= 1000 for name in names)
    kept = seqs(layout)
    assert kept == list(range(kept[0], 101))
    assert kept[0] > 1


def test_numbers_go_on_when_a_run_died_right_after_a_rotation(layout: JobLayout) -> None:
    log = open_log(layout)
    log.record(QUIET)
    log.close()
    STORE.replace(layout.events_jsonl, f"{layout.events_jsonl}.1")
    log = open_log(layout, 2)
    log.record(QUIET)
    log.close()
    assert seqs(layout) == [1, 2]


def test_without_backups_rotation_begins_an_empty_file(layout: JobLayout) -> None:
    log = open_log(layout, max_log_size_mb=0.001, backup_count=0)
    for _ in range(30):
        log.record(QUIET)
        log.flush()
    log.close()
    assert STORE.list(layout.event_logs_dir) == ["events.jsonl"]
    assert seqs(layout)[-1] == 30


def test_events_wait_in_memory_for_the_tick_and_no_longer(layout: JobLayout) -> None:
    clock = ManualClock()
    log = EventLog(STORE, layout, clock, 1)
    log.record(QUIET)
    clock.advance(AppendLog.wait_s - 0.1)
    log.flush_when_due()
    assert seqs(layout) == []
    clock.advance(0.1)
    log.flush_when_due()
    assert seqs(layout) == [1]


def test_after_a_long_pause_between_heartbeats_no_event_waits_for_the_next_one(layout: JobLayout) -> None:
    clock = ManualClock()
    log = EventLog(STORE, layout, clock, 1)
    log.record(QUIET)
    clock.advance(6 * AppendLog.wait_s)  # an operator worked in this thread
    log.flush_when_due()
    clock.advance(AppendLog.wait_s / 10)
    log.record(QUIET)
    log.flush_when_due()
    assert seqs(layout) == [1, 2]
    for _ in range(300):
        clock.advance(AppendLog.wait_s / 10)
        log.flush_when_due()
    log.record(QUIET)
    log.flush_when_due()
    assert seqs(layout) == [1, 2, 3]
    log.record(QUIET)
    log.flush_when_due()
    assert seqs(layout) == [1, 2, 3]  # heartbeats are near each other again
    log.close()


def test_the_begin_and_end_of_runs_are_synced_at_once(
    layout: JobLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    monkeypatch.setattr(PosixStore, "sync", lambda self, path: synced.append(path))
    log = open_log(layout)
    log.record(QUIET)
    assert synced == []
    log.record(ONE_OF_EACH[0])
    assert synced == [layout.events_jsonl]
    assert seqs(layout) == [1, 2]


@pytest.mark.parametrize("part_bytes", [0, 1, 70])
def test_a_full_disk_costs_events_and_is_reported_once_and_then_the_log_goes_on(
    layout: JobLayout, part_bytes: int
) -> None:
    disk, reported = FullDisk(), []
    log = EventLog(disk, layout, ManualClock(), 1, listeners=(reported.append,))
    log.record(QUIET)
    log.flush()
    disk.is_full, disk.part_bytes = True, part_bytes
    for _ in range(3):
        log.record(QUIET)
        log.flush()
    warnings = [record.event.message for record in reported if isinstance(record.event, t.WarningNotice)]
    assert len(warnings) == 1
    assert "No space left" in warnings[0]
    unwritten = log.unwritten
    assert unwritten >= 3
    disk.is_full = False
    log.record(QUIET)
    log.close()
    records = list(read_records(STORE, layout))
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert STORE.read(layout.events_jsonl).count(b"\n") == len(records) + 1, "and a snapshot of what was lost"
    assert records[-1].event.data == {"unwritten": unwritten}


def test_a_log_directory_that_cannot_be_made_does_not_stop_the_job(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    layout = JobLayout.of(str(tmp_path), "J", str(tmp_path / "file"))
    reported: list[t.Record] = []
    log = open_log(layout, listeners=(reported.append,))
    log.record(ONE_OF_EACH[0])
    log.close()
    assert log.unwritten > 0
    assert [type(record.event) for record in reported] == [t.WarningNotice, t.JobStart]


def test_switched_off_it_writes_nothing_and_tells_listeners_all_the_same(layout: JobLayout) -> None:
    reported: list[t.Record] = []
    log = open_log(layout, enabled=False, listeners=(reported.append,))
    log.record(ONE_OF_EACH[0])
    log.close()
    assert not os.path.exists(layout.event_logs_dir)
    assert len(reported) == 1


def test_people_read_a_line_for_what_matters_to_them(layout: JobLayout) -> None:
    log = open_log(layout)
    for event in ONE_OF_EACH:
        log.record(event)
    log.close()
    lines = STORE.read(layout.events_log).decode().splitlines()
    assert lines[0] == "2026-03-13T18:09:11.000000Z | INFO    | run 1 | job J started, settings ab12"
    assert sum("two lines of “text”" in line for line in lines) == 1
    assert not any("operator 1 op_1 started" in line for line in lines)
    assert len(lines) == sum(event.level != "DEBUG" for event in ONE_OF_EACH)


def test_people_may_ask_for_everything(layout: JobLayout) -> None:
    log = open_log(layout, people_level="DEBUG")
    for event in ONE_OF_EACH:
        log.record(event)
    log.close()
    assert STORE.read(layout.events_log).count(b"\n") == len(ONE_OF_EACH)


def test_markup_and_braces_in_a_message_stay_text(layout: JobLayout) -> None:
    log = open_log(layout)
    log.record(t.InfoNotice(message="{x} <red>y</red> \\ {}"))
    log.close()
    assert STORE.read(layout.events_log).decode().endswith("| {x} <red>y</red> \\ {}\n")


def test_a_live_and_an_ended_job_have_one_view(layout: JobLayout) -> None:
    live = fold([])
    log = open_log(layout, listeners=(live.apply,))
    for event in ONE_OF_EACH:
        log.record(event)
    log.close()
    assert fold(read_records(STORE, layout)) == live
