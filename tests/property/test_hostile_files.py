"""Whatever is in the files of a job: one of our errors or an answer, never another exception."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_juicer.errors import DataJuicerError
from data_juicer.events.codec import decode_line, decode_lines, find_header
from data_juicer.job import summary as summaries
from data_juicer.job.layout import JobLayout
from data_juicer.job.lock import find_owner
from data_juicer.plan.mapping import decode_mapping
from data_juicer.storage.posix import PosixStore
from data_juicer.store.export.results_manifest import find_results
from data_juicer.store.manifest import Manifest, decode_manifest, encode_manifest

DEEP = b"[" * 100_000
NASTY = [
    b"",
    b"\0" * 100,
    b"\xff\xfe",
    b"null",
    b"[]",
    DEEP,
    b'{"format_version":' + b"9" * 5000 + b"}",
    b'{"format_version":1e400}',
    b'{"format_version":-1}',
    b'{"format_version":1,"format_version":2}',
    b'{"format_version":"1"}',
    b'{"v":1,"seq":' + b"9" * 400 + b"}",
    b'{"a":' * 100_000,
    b'{"format_version":1,"job":"\\ud800"}',
]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
MANIFEST = Manifest(
    kind="checkpoint",
    job="j",
    partition=1,
    operator_index=0,
    operator_name="op",
    key="k",
    fragment="f",
    reader="r",
    operators=(),
    files=(),
    rows=3,
    ledgers=(),
    attempt="r1a1",
    run=1,
    created="2026-01-01T00:00:00Z",
)


def from_file(find: Callable[[PosixStore, Any], Any]) -> Callable[[bytes], Any]:
    """A reader of a file as one of bytes."""

    class OneFile(PosixStore):
        data = b""

        def read(self, path: str) -> bytes:
            return self.data

        def list(self, path: str) -> list[str]:
            return ["run_000001.json"]

    store = OneFile()

    def decode(data: bytes) -> Any:
        store.data = data
        return find(store, JobLayout.of("w", "j"))

    return decode


DECODERS: dict[str, Callable[[bytes], Any]] = {
    "manifest": lambda data: decode_manifest(data, "m.json"),
    "mapping": lambda data: decode_mapping(data, "m.json", "copies"),
    "summary": lambda data: summaries.decode(data, "s.json"),
    "event": decode_line,
    "event header": find_header,
    "events": lambda data: list(decode_lines([data, data])),
    "results": from_file(lambda store, layout: find_results(store, layout.results_manifest)),
    "claim": from_file(find_owner),
}


def decode(name: str, data: bytes) -> None:
    with contextlib.suppress(DataJuicerError):
        DECODERS[name](data)


@pytest.mark.parametrize("name", DECODERS)
def test_known_nasty_bytes_give_an_answer(name: str) -> None:
    for data in NASTY:
        decode(name, data)


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_give_an_answer(name: str, data: bytes) -> None:
    decode(name, data)


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7), cut=st.booleans())
def test_a_manifest_with_a_flipped_bit_or_a_lost_end_is_refused_or_another_valid_one(
    place: int, bit: int, cut: bool
) -> None:
    data = bytearray(encode_manifest(MANIFEST))
    place %= len(data)
    damaged = (
        bytes(data[:place])
        if cut
        else bytes(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
    )
    with contextlib.suppress(DataJuicerError):
        found = decode_manifest(damaged, "m.json")
        assert isinstance(found, Manifest)
        assert not cut or msgspec.json.decode(damaged)
