from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from data_juicer.formats.jsonl.write import encode_rows
from data_juicer.rows import json_values
from data_juicer.rows.batch import Batch
from tests.support.format_sources import ReadAll

LINES = [
    b'{"text":"a","big":1180591620717411303424,"one":1.0,"e":1E5}',
    b'{ "text" : "b", "nested": {"k": [1, {"z": null}]},  "v": "s" }',
    b'{"v":[1],"text":"caf\\u00e9"}',
    b'{"v":null,"text":"d","v":7}',
]
SOURCE = b" \n".join(LINES) + b"\r\n"


def changed(batch: Batch, *texts: str) -> Batch:
    return batch.with_text("text", pa.array(texts, pa.large_string()))


def test_untouched_rows_leave_as_the_bytes_that_came_in(read_all: ReadAll) -> None:
    batch = read_all(SOURCE).batch
    assert encode_rows(batch) == b"\n".join(LINES) + b"\n"
    assert encode_rows(batch.take(np.array([2, 0]))) == LINES[2] + b"\n" + LINES[0] + b"\n"
    assert encode_rows(batch.take(np.array([], np.int32))) == b""


def test_a_changed_text_leaves_all_other_members_their_bytes(read_all: ReadAll) -> None:
    batch = changed(read_all(SOURCE).batch, "A\n\u2028", "b", "ü", "d2")
    assert encode_rows(batch).split(b"\n") == [
        '{"text":"A\\n\u2028","big":1180591620717411303424,"one":1.0,"e":1E5}'.encode(),
        LINES[1],
        '{"v":[1],"text":"ü"}'.encode(),
        b'{"v":7,"text":"d2"}',
        b"",
    ]


def test_a_text_inside_an_object_is_changed_there(read_all: ReadAll) -> None:
    batch = read_all(b'{"m":{"n":1.0,"t":"a"},"x":2}\n{"m":{"t":"k"}}', "m.t").batch
    batch = batch.with_text("m.t", pa.array(["b", "k"], pa.large_string()))
    assert encode_rows(batch) == b'{"m":{"n":1.0,"t":"b"},"x":2}\n{"m":{"t":"k"}}\n'


def test_fields_are_set_added_and_removed_where_they_differ(read_all: ReadAll) -> None:
    batch = read_all(SOURCE).batch
    batch = batch.with_column("v", [json_values.MISSING, "s", json_values.MISSING, {"n": [1.0]}])
    batch = batch.with_column("new", [json_values.MISSING, json_values.MISSING, None, json_values.MISSING])
    assert encode_rows(batch).split(b"\n") == [
        LINES[0],
        LINES[1],
        b'{"text":"caf\\u00e9","new":null}',
        b'{"v":{"n":[1.0]},"text":"d"}',
        b"",
    ]


def test_rows_made_by_an_operator_have_what_it_wrote_in_an_order_of_their_own(read_all: ReadAll) -> None:
    source = read_all(SOURCE).batch.source
    batch = Batch(
        source, np.array([-1, 1], np.int32), texts={"text": pa.array(["x", "b"], pa.large_string())}
    )
    batch = batch.with_column("n", [1, json_values.MISSING])
    assert encode_rows(batch) == b'{"n":1,"text":"x"}\n' + LINES[1] + b"\n"


def test_stats_are_kept_only_when_asked_and_after_those_of_the_input(read_all: ReadAll) -> None:
    batch = read_all(
        b'{"text":"a","__dj__stats__":{"old":1.50,"len":9}}\n{"text":"b","__dj__stats__":"?"}'
    ).batch
    batch = batch.with_stats({"len": pa.array([1, 2]), "ratio": pa.array([0.5, None])})
    assert (
        encode_rows(batch)
        == b'{"text":"a","__dj__stats__":{"old":1.50,"len":9}}\n{"text":"b","__dj__stats__":"?"}\n'
    )
    assert encode_rows(batch, keep_stats=True).split(b"\n")[:2] == [
        b'{"text":"a","__dj__stats__":{"old":1.50,"len":1,"ratio":0.5}}',
        b'{"text":"b","__dj__stats__":{"len":2,"ratio":null}}',
    ]


@pytest.mark.parametrize("keep_stats", [False, True])
def test_the_lines_say_what_the_batch_says(read_all: ReadAll, keep_stats: bool) -> None:
    batch = changed(read_all(SOURCE).batch, "1", "b", "3", "d").with_column(
        "v", [1, 2, json_values.MISSING, {}]
    )
    if keep_stats:
        batch = batch.with_stats({"len": pa.array([1, 2, 3, 4])})
    rows = [json.loads(line) for line in encode_rows(batch, keep_stats=keep_stats).splitlines()]
    assert rows == [batch.row(index) for index in range(len(batch))]
