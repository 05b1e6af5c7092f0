"""A record as a line of events.jsonl, and back. Pure.

A line is one JSON object: v, seq, ts, run, level, message, then what the event holds. The message is made from the event,
so it is written for readers of the file and not read back, except for notices, where it is all there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from data_juicer.events.text import describe
from data_juicer.events.types import AnyEvent, Notice, Record
from data_juicer.portable import PortableJson, encode_json

VERSION: Final = 1


class Header(msgspec.Struct, frozen=True, gc=False):
    """What every line of every version has."""

    v: int
    seq: int
    ts: str
    run: int


_HEADER: Final = msgspec.json.Decoder(Header)
_MESSAGE: Final = msgspec.json.Encoder()
_EVENT: Final = PortableJson[AnyEvent](AnyEvent)


def encode_record(record: Record) -> bytes:
    """One line with its newline. The message, which is not read back, has escapes for what UTF-8 cannot hold."""
    event = record.event
    message = b"" if isinstance(event, Notice) else b',"message":' + _encode_message(describe(event))
    return b'{"v":%d,"seq":%d,"ts":"%s","run":%d,"level":"%s"%s,%s\n' % (
        VERSION,
        record.seq,
        record.ts.encode(),
        record.run,
        event.level.encode(),
        message,
        encode_json(event)[1:],
    )


def _encode_message(text: str) -> bytes:
    try:
        return _MESSAGE.encode(text)
    except UnicodeEncodeError:
        return _MESSAGE.encode(text.encode(errors="backslashreplace").decode())


def find_header(line: bytes) -> Header | None:
    """Number, time and run of a line of any version; None for a line that is damaged."""
    try:
        header = _HEADER.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return header if header.v >= 1 and header.seq >= 1 else None


def decode_line(line: bytes) -> Record | None:
    """The record of a line; None for one that is torn, damaged, or of a version or type that this reader does not know."""
    header = find_header(line)
    if header is None or header.v > VERSION:
        return None
    try:
        event = _EVENT.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return Record(seq=header.seq, ts=header.ts, run=header.run, event=event)


def decode_lines(lines: Iterable[bytes], run: int = 0) -> Iterator[Record]:
    """The records among the lines, in their order.

    What is damaged is passed over, and so is what a run appended after a later run had taken the job over.

    Args:
        run: of the events before these.
    """
    for line in lines:
        record = decode_line(line)
        if record is not None and record.run >= run:
            run = record.run
            yield record
