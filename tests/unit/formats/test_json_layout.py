"""Where the rows of a `.json` file are, from its first bytes; and that elements are what a parser finds."""

from __future__ import annotations

import json
import random

import pytest

from data_juicer.formats.json.elements import ElementSplitter
from data_juicer.formats.json.layout import Layout, find_rows

LINES = Layout()
CASES: dict[bytes, Layout] = {
    b' \n[{"a":1}]': Layout(array_start=3, is_alone=True),
    b'{"text":"a"}\n{"text":"b"}\n': LINES,
    b'{"text":"data","tags":["data"]}\n': LINES,
    b'{"data":[1,2]}\n': LINES,  # a row with a list of numbers
    b'{"data":[{"text":"a"}]}': Layout(array_start=9, is_single_line=True),
    b'{"data":[{"text":"a"}]}\n{"data":[{"text":"b"}]}\n': Layout(array_start=9, is_single_line=True),
    b'{\n "data": [\n  no row,\n': Layout(array_start=12),
    b'{"v":"[{\\"","n":-1.5e3,"o":{"data":[{}]},\n"data":[]}': Layout(array_start=50),
    b"": LINES,
    b"{": LINES,
    b'{"data"': LINES,
}


@pytest.mark.parametrize("head", CASES)
def test_the_first_bytes_say_where_the_rows_are(head: bytes) -> None:
    assert find_rows(head) == CASES[head]


def test_an_option_names_the_member() -> None:
    head = b'{"data": [1], "items": [{"text":"a"}], "n": 1}'
    assert find_rows(head, "items") == Layout(array_start=24)
    assert find_rows(head, "n") == Layout(members=("data", "items", "n"))


def test_elements_are_those_that_a_parser_finds_whatever_the_chunks() -> None:
    rng = random.Random(7)
    words = ["a", '"', "\\", "[", "]", "{", "}", ",", '\\\\"', "é", "日", " ", "\n"]
    for _ in range(200):
        rows = [
            {"".join(rng.choices(words, k=3)): ["".join(rng.choices(words, k=9)), [], {}]} for _ in range(4)
        ]
        text = (
            json.dumps(rows, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 1])).encode()
            + b" rest"
        )
        splitter = ElementSplitter(1)
        size = rng.choice([1, 2, 5, 16, 1000])
        body = text[1:]
        found = []
        for start in range(0, len(body), size):
            if not splitter.is_closed:
                found += splitter.feed(body[start : start + size])
        assert splitter.is_closed
        assert [json.loads(element.data) for element in found] == rows
        assert all(text[element.start : element.stop] == element.data for element in found)
