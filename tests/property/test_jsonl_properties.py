from __future__ import annotations

import json
import os
import tempfile
from typing import Any, NoReturn

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from data_juicer.formats.base import FragmentLimits, ReadRows, SourceFile
from data_juicer.formats.jsonl.read import read_fragment
from data_juicer.formats.jsonl.scan import scan_chunks, scan_plain
from data_juicer.formats.jsonl.write import encode_rows
from data_juicer.storage.posix import PosixStore

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(
    st.sampled_from(["text", "a", "b.c", "é"]) | st.text(max_size=3), VALUES, max_size=4
)
ROWS = st.builds(lambda row, text: {**row, "text": text}, OBJECTS, st.text())
SPACES = st.text(" \t\r", max_size=2).map(str.encode)
JSON_LINES = st.builds(
    lambda row, ascii_only, spaces: (
        spaces + json.dumps(row, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    ),
    ROWS | OBJECTS | VALUES,
    st.booleans(),
    SPACES,
)
TOKENS = rb'{"text":" " ": , { } [ ] 1 1. - e9 \u d800 dc00 \ null true NaN Infinity "text" : "a"'.split(b" ")
FRAGMENTS_OF_JSON = st.lists(
    st.sampled_from([*TOKENS, b"\xff", b"\xc3", b"\xa9", b"\0", b" "]), max_size=12
).map(b"".join)
LINES = JSON_LINES | FRAGMENTS_OF_JSON | st.binary(max_size=30)
FILES = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\n\n", b" \t\n"])), max_size=12).map(
    lambda lines: b"".join(line + end for line, end in lines)
)
LIMITS = st.builds(FragmentLimits, rows_max=st.integers(1, 5), size_bytes_max=st.integers(1, 200))


def source_of(data: bytes, path: str = "corpus.jsonl") -> SourceFile:
    return SourceFile(
        index=0, path=path, format="jsonl", compression="none", size_bytes=len(data), mtime_ns=0
    )


def read(data: bytes, limits: FragmentLimits) -> list[ReadRows]:
    descriptor, path = tempfile.mkstemp(suffix=".jsonl")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        fragments = scan_plain(PosixStore(), source_of(data, path), limits)
        return [read_fragment(PosixStore(), path, fragment, ("text",)) for fragment in fragments]
    finally:
        os.unlink(path)


def accepted_by_json(line: bytes) -> dict[str, Any] | None:
    """The judge: a row is what Python's own reader takes for an object with a text that can be written down."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        row = json.loads(line.decode(), parse_constant=refuse)
        json.dumps(row, ensure_ascii=False).encode()
        for string in _keys_and_values(line):
            string.encode()
    except ValueError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("text"), str) else None


def _keys_and_values(line: bytes) -> list[str]:
    """Every string of a line, those under repeated keys too."""
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.append(json.dumps(pairs, ensure_ascii=False))
        return dict(pairs)

    json.loads(line, object_pairs_hook=note)
    return found


def rows_of(data: bytes) -> list[bytes]:
    lines = (line.strip(b" \t\r") for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    return [line for line in lines if line]


@given(FILES, LIMITS)
@example(b'\xef\xbb\xbf{"text":"a"}', FragmentLimits(rows_max=1, size_bytes_max=1))
@example(
    b'{"text":1,"text":"a"}\n{"text":"a","b":"\\ud800","b":1}', FragmentLimits(rows_max=5, size_bytes_max=99)
)
def test_good_rows_are_exactly_those_that_the_json_module_takes(data: bytes, limits: FragmentLimits) -> None:
    read_rows = read(data, limits)
    expected = [(line, accepted_by_json(line)) for line in rows_of(data)]
    assert sum(rows.rows_in for rows in read_rows) == len(expected)
    good = [(line, row["text"]) for line, row in expected if row is not None]
    texts = [text for rows in read_rows for text in rows.batch.text("text").to_pylist()]
    assert texts == [text for _, text in good]
    assert b"".join(encode_rows(rows.batch) for rows in read_rows) == b"".join(
        line + b"\n" for line, _ in good
    )
    bad = [bad.raw for rows in read_rows for bad in rows.bad]
    assert bad == [line for line, row in expected if row is None]


@given(st.lists(ROWS, min_size=1, max_size=8), st.text(), LIMITS)
def test_a_changed_text_changes_nothing_else(
    rows: list[dict[str, Any]], text: str, limits: FragmentLimits
) -> None:
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    written = b""
    for part in read(data, limits):
        column = pa.array([text] * len(part.batch), pa.large_string())
        written += encode_rows(part.batch.with_text("text", column))
    lines = written.split(b"\n")[:-1]
    assert [json.loads(line) for line in lines] == [{**row, "text": text} for row in rows]
    assert [list(json.loads(line)) for line in lines] == [list(row) for row in rows]


@given(FILES, LIMITS, st.integers(1, 50))
def test_fragments_are_the_file_and_do_not_depend_on_chunks(
    data: bytes, limits: FragmentLimits, chunk_bytes: int
) -> None:
    source = source_of(data)
    whole = list(scan_chunks([data], source, limits, keep_bytes=True))
    chunks = [data[at : at + chunk_bytes] for at in range(0, len(data), chunk_bytes)]
    assert list(scan_chunks(chunks, source, limits, keep_bytes=True)) == whole
    if whole:
        assert b"".join(piece for _, piece in whole) == data.removeprefix(b"\xef\xbb\xbf")
    for fragment, _ in whole:
        assert 1 <= fragment.rows <= limits.rows_max


@given(st.lists(JSON_LINES, max_size=10), st.lists(JSON_LINES, max_size=10), LIMITS)
def test_appended_rows_leave_all_fragments_but_the_last(
    lines: list[bytes], appended: list[bytes], limits: FragmentLimits
) -> None:
    data = b"".join(line + b"\n" for line in lines)
    more = data + b"".join(line + b"\n" for line in appended)
    before = [fragment for fragment, _ in scan_chunks([data], source_of(data), limits)]
    after = [fragment for fragment, _ in scan_chunks([more], source_of(more), limits)]
    assert after[: len(before[:-1])] == before[:-1]
