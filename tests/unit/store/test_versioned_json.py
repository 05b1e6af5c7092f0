from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.errors import CheckpointCorruptError, CheckpointError, NewerFormatError, ResumeRefusedError
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson


class Document(msgspec.Struct, frozen=True, kw_only=True):
    format_version: int = FORMAT_VERSION
    name: str
    rows: tuple[int, ...] = ()


CODEC = VersionedJson(Document)
DOCUMENT = Document(name='a "quoted" näme', rows=(1, 22, 333))
FORMS = [CODEC.encode(DOCUMENT), CODEC.encode(DOCUMENT, indent=1), CODEC.encode(DOCUMENT, indent=2)]


@pytest.mark.parametrize("data", FORMS)
def test_a_document_comes_back_and_is_plain_json(data: bytes) -> None:
    assert CODEC.decode(data, "d.json") == DOCUMENT
    assert list(json.loads(data)) == ["format_version", "checksum", "name", "rows"]


@pytest.mark.parametrize("data", FORMS)
def test_every_changed_byte_and_every_lost_end_is_damage(data: bytes) -> None:
    whole = data.rstrip()
    for place in range(len(whole)):
        for bit in range(8):
            damaged = data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
            with pytest.raises(CheckpointError):  # a version may become a newer one
                CODEC.decode(damaged, "d.json")
        with pytest.raises(CheckpointCorruptError, match=r"^d\.json: damaged"):
            CODEC.decode(data[:place], "d.json")


def test_a_document_of_format_1_has_no_checksum() -> None:
    assert CODEC.decode(b'{"format_version":1,"name":"x"}', "d.json") == Document(format_version=1, name="x")
    with pytest.raises(CheckpointCorruptError, match="checksum is missing"):
        CODEC.decode(b'{"format_version":2,"name":"x"}', "d.json")


def test_a_newer_document_is_refused_with_a_sentence_and_is_no_damage() -> None:
    with pytest.raises(
        NewerFormatError, match=r"^d\.json: format_version 3, .* reads up to 2\. Nothing"
    ) as caught:
        CODEC.decode(b'{"format_version":3,"what":{}}', "d.json")
    assert isinstance(caught.value, ResumeRefusedError)
    assert not isinstance(caught.value, CheckpointCorruptError)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b'{"format_version":1,' + tail))
def test_any_other_bytes_are_damage(data: bytes) -> None:
    with pytest.raises(CheckpointCorruptError):
        CODEC.decode(data, "d.json")
