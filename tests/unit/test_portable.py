from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.portable import (
    MARK,
    PortableJson,
    PortableMsgpack,
    encode_json,
    encode_msgpack,
    escape,
    unescape,
)


class Named(msgspec.Struct, tag="named"):
    name: str
    data: bytes = b""
    numbers: tuple[int, ...] = ()
    present: dict[int, dict[str, str]] = {}


PIECES = ["a", "\\", "x", "\0", "\xff", "\udcff", "\udc80", "\ud800", "\udc00", MARK]
TEXTS = st.lists(st.sampled_from(PIECES)).map("".join)


@given(TEXTS)
def test_every_text_comes_back_from_text_that_utf8_can_hold(text: str) -> None:
    assert unescape(escape(text).encode().decode()) == text


@given(st.binary().map(lambda name: name.decode(errors="surrogateescape")), TEXTS, st.binary())
def test_every_value_comes_back_from_json_and_from_msgpack(name: str, text: str, data: bytes) -> None:
    value = Named(name=name, data=data, numbers=(1, 2), present={3: {text: text}})
    assert PortableJson[Named](Named).decode(encode_json(value)) == value
    assert PortableMsgpack[Named](Named).decode(encode_msgpack(value)) == value


@pytest.mark.parametrize("text", ["", "/data/caf\u0301.jsonl", "a\\xff", "\0", "\ue000", "C:\\new"])
def test_what_utf8_can_hold_is_written_as_it_is(text: str) -> None:
    assert encode_json(text) == msgspec.json.encode(text)
    assert encode_msgpack(text) == msgspec.msgpack.encode(text)


def test_the_bytes_of_a_name_can_be_read_in_the_document() -> None:
    assert encode_json("/in/\udcff\udcfe.jsonl") == rb'"\u0000name:/in/\\xff\\xfe.jsonl"'
