"""What the log of a job comes to, however often it was rotated, cut or damaged, and while it is written."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.events import log as event_log
from data_juicer.events import payloads
from data_juicer.events import types as t
from data_juicer.events.codec import encode_record
from data_juicer.events.file import CHUNK_BYTES, lines_backward, lines_from
from data_juicer.events.history import newest_records, read_records, read_view
from data_juicer.events.log import EventLog
from data_juicer.events.snapshot import MARK, encode_snapshot, find_snapshot
from data_juicer.events.tail import LogTail
from data_juicer.events.view import JobView, fold
from data_juicer.job.layout import JobLayout
from data_juicer.storage.memory import MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.testing.clock import ManualClock
from tests.support.sample_events import ONE_OF_EACH, FullDisk, ledger, plan

LAYOUT = JobLayout.of("/disk", "J")


def open_log(store: MemoryStore, run: int = 1, **options: object) -> EventLog:
    return EventLog(store, LAYOUT, ManualClock(), run, **options)  # type: ignore[arg-type]


def events_of(partition_id: int) -> list[t.AnyEvent]:
    """A partition that is retried once, checkpointed and done."""
    place = {"partition_id": partition_id, "attempt": "r1a1"}
    failure = payloads.AttemptFailure(error_type="E", error="e", retry_in_s=1.0)
    file = payloads.CheckpointFile(file="f", size_bytes=10)
    operator = {"operation_name": "op_0", "operation_idx": 0}
    return [
        t.PartitionStart(**place),
        t.PartitionFailed(**place, duration_s=1.0, data=failure),
        t.PartitionStart(**place),
        t.OpComplete.of(partition_id, "r1a1", ledger(0, 100, 3)),
        t.CheckpointSave(**place, **operator, duration_s=0.1, rows=97, data=file),
        t.PartitionComplete(**place, duration_s=1.0, rows=97, data=payloads.AttemptOutcome(rows_in=100)),
    ]


def write_job(store: MemoryStore, partitions: int, **options: object) -> list[t.Record]:
    log = open_log(store, **options)
    records = [log.record(ONE_OF_EACH[0]), log.record(t.ProcessingStart(data=plan(partitions)))]
    for partition_id in range(partitions):
        records += [log.record(event) for event in events_of(partition_id)]
        log.flush()
    log.close()
    return records


@pytest.mark.parametrize("backup_count", [0, 1, 5])
def test_a_log_of_a_thousand_rotations_comes_to_what_all_of_its_events_came_to(backup_count: int) -> None:
    store = MemoryStore()
    records = write_job(store, 1000, max_log_size_mb=0.001, backup_count=backup_count)
    kept = list(read_records(store, LAYOUT))
    assert len(kept) < len(records) / 50, "most of the log is gone"
    assert read_view(store, LAYOUT) == fold(records)
    assert read_view(store, LAYOUT).partitions_done == 1000


def test_a_resumed_run_goes_on_from_what_earlier_runs_came_to() -> None:
    store = MemoryStore()
    first = write_job(store, 20, max_log_size_mb=0.001, backup_count=0)
    log = open_log(store, 2, max_log_size_mb=0.001, backup_count=0)
    second = [log.record(event) for event in (t.ProcessingStart(data=plan(30, 20)), *events_of(20))]
    log.close()
    assert log.view == read_view(store, LAYOUT) == fold([*first, *second])
    assert (log.view.checkpoints_saved, log.view.retries, log.view.retries_before_run) == (21, 21, 20)


def test_events_keep_their_numbers_around_snapshots() -> None:
    store = MemoryStore()
    records = write_job(store, 50, max_log_size_mb=0.002, backup_count=1000)
    assert list(read_records(store, LAYOUT)) == records
    assert [record.seq for record in records] == list(range(1, len(records) + 1))


def test_a_long_file_holds_a_snapshot_every_few_megabytes_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "SNAPSHOT_BYTES", 5_000)
    store = MemoryStore()
    records = write_job(store, 100)
    data = store.read(LAYOUT.events_jsonl)
    assert 5 < data.count(MARK) < 50
    after = data[data.rfind(MARK) :]
    assert len(after) < 10_000, "so much is folded at most"
    assert read_view(store, LAYOUT) == fold(records)


@given(st.integers(0, 10**6))
def test_a_damaged_snapshot_is_passed_over_for_the_one_before_it_or_for_the_events(seed: int) -> None:
    store, rng = MemoryStore(), random.Random(seed)
    records = write_job(store, 10, max_log_size_mb=0.002, backup_count=100)
    for path in [path for path in store.contents() if "events.jsonl" in path]:
        lines = store.read(path).splitlines(keepends=True)
        for number, line in enumerate(lines):
            if MARK in line and rng.random() < 0.7:
                place = rng.randrange(len(line) - 1)
                lines[number] = line[:place] + b"\0" + line[place + 1 :]
        store.write(path, b"".join(lines))
    assert read_view(store, LAYOUT) == fold(records)


def test_a_snapshot_comes_back_with_every_kind_of_event_in_it() -> None:
    view = fold(
        [t.Record(seq=n, ts="2026-01-01T00:00:00Z", run=1, event=e) for n, e in enumerate(ONE_OF_EACH, 1)]
    )
    view.warnings = ["\ud800 odd", 'a quoted {"event_type":"SNAPSHOT"}']
    line = encode_snapshot(9, "2026-01-01T00:00:00Z", 2, view)
    found = find_snapshot(line)
    assert found is not None
    assert (found.seq, found.run, found.data) == (9, 2, view)
    assert (
        find_snapshot(encode_record(t.Record(seq=1, ts="", run=1, event=t.InfoNotice(message=str(MARK)))))
        is None
    )


def test_what_a_full_disk_swallowed_is_in_the_next_snapshot(tmp_path: Path) -> None:
    layout, disk = JobLayout.of(str(tmp_path), "J"), FullDisk()
    log = EventLog(disk, layout, ManualClock(), 1)
    log.record(t.ProcessingStart(data=plan(5)))
    disk.is_full = True
    for event in events_of(0):
        log.record(event)
    log.flush()
    disk.is_full = False
    log.record(t.InfoNotice(message="room again"))
    log.close()
    assert read_view(disk, layout).partitions_done == 1


# ---- numbers


def test_a_log_that_is_gone_is_not_numbered_from_1_again() -> None:
    store = MemoryStore()
    write_job(store, 3)
    store.write(LAYOUT.events_jsonl, b"\xff" * 100)
    log = open_log(store, 2, seq_known=20)
    assert log.record(t.InfoNotice(message="x")).seq > 21
    log.close()


# ---- followed


def test_a_log_is_followed_across_rotations_and_torn_lines() -> None:
    store = MemoryStore()
    tail, reported = LogTail(store, LAYOUT), []
    assert tail.poll() == []
    log = open_log(store, max_log_size_mb=0.002, backup_count=3)
    recorded = [log.record(t.ProcessingStart(data=plan(40)))]
    for partition_id in range(40):
        recorded += [log.record(event) for event in events_of(partition_id)]
        log.flush()
        reported += tail.poll()
        assert tail.poll() == []
    store.append(LAYOUT.events_jsonl, b'{"v":1,"seq":')
    assert tail.poll() == []
    assert reported == recorded
    assert tail.view == fold(recorded)


def test_a_torn_end_that_a_new_run_cut_off_is_no_end_of_following() -> None:
    store = MemoryStore()
    recorded = write_job(store, 3)
    tail = LogTail(store, LAYOUT)
    store.append(LAYOUT.events_jsonl, b'{"v":1,"seq":999,"ts":"2026')
    assert tail.poll() == recorded
    log = open_log(store, 2)
    log.record(t.InfoNotice(message="on"))
    log.close()
    assert [record.run for record in tail.poll()] == [2, 2], "the cut is told, then the notice"


def test_whoever_looks_too_seldom_still_sees_where_the_job_is() -> None:
    store = MemoryStore()
    tail = LogTail(store, LAYOUT)
    log = open_log(store, max_log_size_mb=0.001, backup_count=0)
    log.record(t.ProcessingStart(data=plan(100)))
    log.flush()
    tail.poll()
    for partition_id in range(100):
        for event in events_of(partition_id):
            log.record(event)
        log.flush()
    assert len(tail.poll()) < 10, "the rest is gone"
    assert tail.view == log.view


def test_a_log_that_was_deleted_is_followed_from_its_new_beginning() -> None:
    store = MemoryStore()
    write_job(store, 3)
    tail = LogTail(store, LAYOUT)
    tail.poll()
    store.remove(LAYOUT.events_jsonl)
    assert tail.poll() == []
    log = open_log(store, 2)
    log.record(t.ProcessingStart(data=plan(9)))
    log.close()
    assert [type(record.event) for record in tail.poll()] == [t.WarningNotice, t.ProcessingStart]
    assert tail.view.partitions == 9


# ---- lines


@given(
    st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line)),
    st.binary(max_size=9),
    st.integers(1, 50),
)
def test_lines_are_the_same_from_both_ends(lines: list[bytes], torn: bytes, chunk: int) -> None:
    store, torn = MemoryStore(), torn.replace(b"\n", b"")
    store.write("/f", b"".join(line + b"\n" for line in lines) + torn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data_juicer.events.file.CHUNK_BYTES", chunk)
        assert list(lines_from(store, "/f", 0)) == lines
        backward = list(lines_backward(store, "/f"))
    assert [line for _, line in reversed(backward)] == [line + b"\n" for line in lines]
    assert [start for start, _ in reversed(backward)] == [
        sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))
    ]
    assert chunk < CHUNK_BYTES


def test_a_view_is_json_of_its_own_fields() -> None:
    assert msgspec.json.decode(msgspec.json.encode(JobView()), type=JobView) == JobView()


def test_what_a_run_appends_after_a_later_one_began_is_passed_over_by_every_reader() -> None:
    store = MemoryStore()
    write_job(store, 1)
    owner = open_log(store, run=2)
    owner.record(t.ProcessingStart(data=plan(2, 1)))
    late = encode_record(
        t.Record(seq=owner.seq + 5, ts="2026-03-13T18:09:11Z", run=1, event=events_of(0)[-1])
    )
    store.append(LAYOUT.events_jsonl, late)
    for event in events_of(1):
        owner.record(event)
    owner.close()
    records = list(read_records(store, LAYOUT))
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert read_view(store, LAYOUT).partitions_done == 2
    tail = LogTail(store, LAYOUT)
    assert [record.seq for record in tail.poll()] == [record.seq for record in records]
    assert tail.view.partitions_done == 2


def test_what_a_run_appends_between_the_look_and_the_first_line_of_the_next_one_is_taken_out() -> None:
    store = MemoryStore()
    records = write_job(store, 1)
    owner = open_log(store, run=2)
    late = encode_record(
        t.Record(seq=len(records) + 1, ts="2026-03-13T18:09:11Z", run=1, event=events_of(0)[-1])
    )
    store.append(LAYOUT.events_jsonl, late)
    owner.record(t.ProcessingStart(data=plan(2, 1)))
    owner.close()
    assert [(record.seq, record.run) for record in read_records(store, LAYOUT)] == [
        *((record.seq, 1) for record in records),
        (len(records) + 1, 2),
    ]


def test_a_run_goes_on_with_the_number_of_its_predecessor_whatever_was_appended_late() -> None:
    store = MemoryStore()
    write_job(store, 1)
    owner = open_log(store, run=3)
    last = owner.record(t.ProcessingStart(data=plan(2, 1))).seq
    owner.close()
    for seq in range(last, last + 4):
        late = t.Record(seq=seq, ts="2026-03-13T18:09:11Z", run=2, event=events_of(0)[-1])
        store.append(LAYOUT.events_jsonl, encode_record(late))
    assert open_log(store, run=4).record(events_of(1)[0]).seq == last + 1


def test_the_newest_events_are_read_from_the_end_over_rotated_files(tmp_path: Path) -> None:
    store, layout = PosixStore(), JobLayout.of(str(tmp_path), "J")
    log = EventLog(store, layout, ManualClock(), 1, max_log_size_mb=0.002, backup_count=9)
    for number in range(40):
        log.record(t.DebugNotice(message=f"{number}") if number % 2 else t.InfoNotice(message=f"{number}"))
        log.flush()
    log.close()
    assert len(store.list(layout.event_logs_dir)) > 3
    asked: list[int] = []

    def wanted(record: t.Record) -> bool:
        asked.append(record.seq)
        return record.event.level != "DEBUG"

    found = newest_records(store, layout, wanted, 12)
    assert [record.seq for record in found] == list(range(17, 40, 2))
    assert len(asked) == 24  # no line before them was looked at
    assert [record.seq for record in newest_records(store, layout, wanted, 12, lines_max=3)] == [39]
