from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_juicer.errors import InputError
from data_juicer.formats.base import FragmentLimits
from data_juicer.formats.jsonl.read import read_fragment
from data_juicer.formats.jsonl.scan import scan_plain
from data_juicer.formats.places import resolve
from data_juicer.storage.posix import PosixStore
from tests.support.format_sources import LIMITS, ReadAll, WriteSource

GOOD = b'{"text":"good"}'
BAD_LINES = {
    b'{"text":"a"': ("invalid_json", "not JSON: Expecting ',' delimiter at character 12"),
    b'{"text":"a","x":NaN}': ("invalid_json", "not JSON: NaN is no JSON value"),
    b'{"text":"a\0"}': ("invalid_json", "not JSON: Invalid control character at character 11"),
    b'{"text":"a\xff"}': ("invalid_utf8", "byte 11 of the line is not UTF-8"),
    b'{"text":"a","x":"\xff"}': ("invalid_utf8", "byte 18 of the line is not UTF-8"),
    b"[1]": ("not_an_object", "the line is an array, expected an object"),
    b"null": ("not_an_object", "the line is null, expected an object"),
    b'"text"': ("not_an_object", "the line is a string, expected an object"),
    b'{"x":1}': ("null_text", "field 'text' is missing, expected a string"),
    b'{"text":null}': ("null_text", "field 'text' is null, expected a string"),
    b'{"text":12}': ("text_not_string", "field 'text' is a number, expected a string"),
    b'{"text":{}}': ("text_not_string", "field 'text' is an object, expected a string"),
    b'{"text":"a","text":true}': ("text_not_string", "field 'text' is a boolean, expected a string"),
    b'{"text":"\\ud800"}': (
        "lone_surrogate",
        "a \\u escape names half a surrogate pair, which no text can hold",
    ),
    b'{"text":"a","x":{"\\udc00":1}}': (
        "lone_surrogate",
        "a \\u escape names half a surrogate pair, which no text can hold",
    ),
    b'{"text":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}": (
        "too_deep",
        "nested more than 500 levels deep",
    ),
    b'{"text":"a","x":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}": (
        "too_deep",
        "nested more than 500 levels deep",
    ),
    b"{" * 100_000: ("too_deep", "nested more than 500 levels deep"),
}


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: line[:24].decode(errors="replace"))
def test_a_bad_line_costs_itself_and_says_why(read_all: ReadAll, line: bytes) -> None:
    rows = read_all(b"\xef\xbb\xbf\n" + GOOD + b"\n \n" + line + b" \r\n" + GOOD)
    assert rows.batch.text("text").to_pylist() == ["good", "good"]
    assert rows.rows_in == 3
    (bad,) = rows.bad
    assert (bad.error_type, bad.message) == BAD_LINES[line]
    assert (bad.place, bad.raw) == ((1, 3, 1 + 16 + 2), line)


def test_a_line_longer_than_asked_is_a_bad_row(read_all: ReadAll) -> None:
    rows = read_all(b'{"text":"0123456789"}\n{"text":"0123"}\n', row_bytes_max=20)
    assert [bad.message for bad in rows.bad] == ["the line has 21 bytes, at most 20 are read"]
    assert rows.batch.text("text").to_pylist() == ["0123"]


def test_brackets_within_strings_are_no_nesting(read_all: ReadAll) -> None:
    line = json.dumps({"text": '[{"\\' * 5000, "deep": json.loads("[" * 400 + "]" * 400)}).encode()
    rows = read_all(line)
    assert rows.bad == ()
    assert rows.batch.text("text").to_pylist() == ['[{"\\' * 5000]


def test_of_a_repeated_key_the_last_counts(read_all: ReadAll) -> None:
    rows = read_all(b'{"text":1,"text":"a"}\n{"text":"b","text":"c"}\n{"text":"d","te\\u0078t":"e"}')
    assert rows.batch.text("text").to_pylist() == ["a", "c", "e"]


def test_text_keys_reach_into_objects_and_a_literal_name_wins(read_all: ReadAll) -> None:
    rows = read_all(
        b'{"meta":{"body":"in"}}\n{"meta":{"body":"in"},"meta.body":"literal"}\n{"meta":"no object"}',
        "meta.body",
    )
    assert rows.batch.text("meta.body").to_pylist() == ["in", "literal"]
    assert [bad.error_type for bad in rows.bad] == ["null_text"]


@pytest.mark.parametrize("key", ["", 'quo"te', "back\\slash", "new\nline", "ключ"])
def test_any_name_may_be_a_text_key(read_all: ReadAll, key: str) -> None:
    rows = read_all(json.dumps({key: "a", "n": 1}).encode(), key)
    assert rows.batch.text(key).to_pylist() == ["a"]


def test_several_text_keys_must_all_be_there(read_all: ReadAll) -> None:
    rows = read_all(b'{"q":"1","a":"2"}\n{"q":"1"}\n{"a":"3","q":"4"}', "q", "a")
    assert (rows.batch.text("q").to_pylist(), rows.batch.text("a").to_pylist()) == (["1", "4"], ["2", "3"])
    assert [bad.message for bad in rows.bad] == ["field 'a' is missing, expected a string"]


def test_row_ids_count_bad_rows_and_do_not_depend_on_fragments(written: WriteSource) -> None:
    source = written(b'{"text":"0"}\n{}\n{"text":"2"}\n\n{"text":"3"}\n')

    def ids(rows_max: int) -> list[int]:
        fragments = scan_plain(
            PosixStore(), source, FragmentLimits(rows_max=rows_max, size_bytes_max=1 << 20)
        )
        batches = [read_fragment(PosixStore(), source.path, each, ("text",)).batch for each in fragments]
        return [number for batch in batches for number in batch.row_ids().tolist()]

    assert ids(10) == ids(2) == ids(1) == [0, 2, 3]


def test_a_row_knows_its_place(read_all: ReadAll) -> None:
    source = read_all(b'\n{}\n {"text":"a"} \r\n').batch.source
    assert source.place(0) == (1, 2, 5)
    assert source.raw(0) == b'{"text":"a"}'
    assert source.field("text").to_pylist() == [b'"a"']
    assert source.field("other").to_pylist() == [None]


def test_a_copy_is_read_from_its_start(written: WriteSource) -> None:
    source = written(b'{"text":"a"}\n{"text":"b"}\n')
    _, second = scan_plain(PosixStore(), source, FragmentLimits(rows_max=1, size_bytes_max=1 << 20))
    copy = written(b'{"text":"b"}\n', "copy.jsonl")
    rows = read_fragment(PosixStore(), copy.path, second, ("text",), offset=0)
    assert rows.batch.source.place(0) == (0, 0, 0)
    assert resolve(rows.batch.source.place(0), second)[:3] == (1, 2, 13)
    assert rows.batch.source.raw(0) == b'{"text":"b"}'


@pytest.mark.parametrize("now", [b'{"text":"b"}\n', b'{"text":"a"', None])
def test_a_source_that_changed_after_the_scan_is_refused(written: WriteSource, now: bytes | None) -> None:
    source = written(b'{"text":"a"}\n')
    (fragment,) = scan_plain(PosixStore(), source, LIMITS)
    path = Path(source.path)
    path.unlink() if now is None else path.write_bytes(now)
    with pytest.raises(InputError, match=r"corpus\.jsonl: .*(changed while|No such file)"):
        read_fragment(PosixStore(), source.path, fragment, ("text",))
