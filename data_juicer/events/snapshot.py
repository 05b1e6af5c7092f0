"""The view of a job as a line of its log: readers begin at the newest one, and a rotated file loses no history. Pure.

A line is like that of an event, with `"event_type":"SNAPSHOT"`; its `seq` is that of the last event in it, so that events are
numbered without gaps. Readers that do not know it pass it over.
"""

from __future__ import annotations

from typing import Final

import msgspec

from data_juicer.events.codec import VERSION
from data_juicer.events.view import JobView
from data_juicer.portable import PortableJson, encode_json

MARK: Final = b'"event_type":"SNAPSHOT"'
"""Stands in every snapshot, and nowhere else but in a text that quotes it with backslashes."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What all events up to number `seq` come to."""

    v: int
    seq: int
    ts: str
    run: int
    data: JobView


_DECODER: Final = PortableJson[Snapshot](Snapshot)


def encode_snapshot(seq: int, ts: str, run: int, view: JobView) -> bytes:
    """One line with its newline."""
    data = encode_json(view)
    message = b"the state of the job after event %d" % seq
    begin = b'{"v":%d,"seq":%d,"ts":"%s","run":%d' % (VERSION, seq, ts.encode(), run)
    return b'%s,"level":"DEBUG","message":"%s",%s,"data":%s}\n' % (begin, message, MARK, data)


def find_snapshot(line: bytes) -> Snapshot | None:
    """The snapshot in a line; None for another line, one that is damaged, or one of a newer version."""
    if MARK not in line:
        return None
    try:
        found = _DECODER.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return found if 1 <= found.v <= VERSION and found.seq >= 1 else None
