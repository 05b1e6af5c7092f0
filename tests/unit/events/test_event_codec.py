import json
import typing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.events import payloads
from data_juicer.events import types as t
from data_juicer.events.codec import decode_line, decode_lines, encode_record, find_header
from tests.support.sample_events import ONE_OF_EACH

SPECIFIED = {
    "JOB_START JOB_COMPLETE JOB_FAILED PARTITION_START PARTITION_COMPLETE PARTITION_FAILED",
    "OP_START OP_COMPLETE OP_FAILED CHECKPOINT_SAVE CHECKPOINT_LOAD",
    "PROCESSING_START PROCESSING_COMPLETE PROCESSING_ERROR RESOURCE_USAGE PERFORMANCE_METRIC",
    "WARNING INFO DEBUG",
}


def record(event: t.AnyEvent, seq: int = 1) -> t.Record:
    return t.Record(seq=seq, ts="2026-03-13T18:09:11.042000Z", run=2, event=event)


def test_the_event_types_are_those_of_the_specification_and_the_samples_have_each() -> None:
    specified = {name for line in SPECIFIED for name in line.split()}
    classes = typing.get_args(t.AnyEvent)
    assert {event.__struct_config__.tag for event in classes} == specified
    assert {type(event) for event in ONE_OF_EACH} == set(classes)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: event.__struct_config__.tag)
def test_every_event_type_is_read_back_as_it_was_written(event: t.AnyEvent) -> None:
    line = encode_record(record(event))
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode_line(line) == record(event)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: event.__struct_config__.tag)
def test_every_line_has_what_every_reader_looks_for(event: t.AnyEvent) -> None:
    pairs = json.loads(encode_record(record(event)), object_pairs_hook=list)
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names))
    line = dict(pairs)
    assert (line["v"], line["seq"], line["ts"], line["run"]) == (1, 1, "2026-03-13T18:09:11.042000Z", 2)
    assert line["event_type"] == type(event).__struct_config__.tag
    assert line["level"] in {"DEBUG", "INFO", "WARNING", "ERROR"}
    assert isinstance(line["message"], str)


def test_every_cut_of_a_line_is_passed_over() -> None:
    line = encode_record(record(ONE_OF_EACH[1]))
    for size in range(len(line) - 1):
        assert decode_line(line[:size]) is None


def test_damaged_lines_between_good_ones_are_passed_over() -> None:
    good = [encode_record(record(event, seq)) for seq, event in enumerate(ONE_OF_EACH, 1)]
    lines = [
        good[0],
        b"\0" * 100,
        b"[]",
        b"null",
        b'{"v":1}',
        good[1],
        b'{"v":1,"seq":"x"}',
        good[2][:-20],
        good[3],
    ]
    assert [found.seq for found in decode_lines(lines)] == [1, 2, 4]


def test_a_newer_line_is_passed_over_but_its_number_is_known() -> None:
    line = encode_record(record(ONE_OF_EACH[0], 41)).replace(b'"v":1', b'"v":2')
    assert decode_line(line) is None
    header = find_header(line)
    assert header is not None
    assert header.seq == 41


def test_an_unknown_event_type_is_passed_over() -> None:
    assert decode_line(encode_record(record(ONE_OF_EACH[0])).replace(b"JOB_START", b"JOB_BEGIN")) is None


def test_a_field_that_a_later_version_adds_does_no_harm() -> None:
    line = encode_record(record(ONE_OF_EACH[2])).replace(b'"partition_id"', b'"colour":"red","partition_id"')
    assert decode_line(line) == record(ONE_OF_EACH[2])


def test_characters_that_utf8_cannot_hold_do_not_stop_the_log() -> None:
    event = t.WarningNotice(message="file \udcff", data={"file\udcff": "\udcff"})
    found = decode_line(encode_record(record(event)))
    assert found is not None
    assert found.event == event


def test_such_characters_in_a_described_event_do_not_stop_it_either() -> None:
    failure = payloads.RunFailure(error_type="StoreError", error="\udcff: full")
    found = decode_line(encode_record(record(t.ProcessingError(duration_s=1.0, data=failure))))
    assert found is not None
    assert found.event.data == msgspec.structs.replace(failure, error="\udcff: full")


@given(st.binary() | st.text().map(str.encode) | st.just(b"[" * 100_000) | st.just(b'{"a":' * 100_000))
def test_arbitrary_lines_are_passed_over(line: bytes) -> None:
    assert decode_line(line) is None


@given(st.sampled_from(ONE_OF_EACH), st.data())
def test_a_line_with_a_changed_byte_never_raises(event: t.AnyEvent, data: st.DataObject) -> None:
    line = bytearray(encode_record(record(event)))
    line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(decode_line(bytes(line)), t.Record | None)
