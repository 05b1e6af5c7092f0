from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from data_juicer.kernels.characters.json_strings import decode_strings, encode_strings
from data_juicer.rows import json_values

EVERY_KIND = ["".join(map(chr, range(300))), '\\"\\n\n', "", "\U0001f600", "\\\\", '\\\\n"']
ESCAPED = [rb'"\/\b\f\n\r\t\"\\"', rb'"\\\\n\\\n"', rb'"\u00e9\ud83d\ude00/\u0000"', b'"\xc3\xa9"', rb'"\\"']


@given(st.lists(st.text(), max_size=5))
@example(EVERY_KIND)
def test_a_column_is_encoded_as_its_texts_are_one_by_one(texts: list[str]) -> None:
    column = pa.array(texts, pa.large_string())
    assert encode_strings(column) == [json_values.encode(text) for text in texts]
    assert json_values.encode_texts(column[1:]).to_pylist() == [
        json_values.encode(text) for text in texts[1:]
    ]


@given(st.lists(st.tuples(st.text(), st.booleans()), max_size=5))
@example([(text, by_number) for text in EVERY_KIND for by_number in (False, True)])
@example([(text, False) for text in EVERY_KIND[1:]])
def test_strings_are_decoded_together_as_one_by_one(texts: list[tuple[str, bool]]) -> None:
    raws = [json.dumps(text, ensure_ascii=by_number).encode() for text, by_number in texts]
    decoded = decode_strings(list(map(memoryview, raws)))
    decoded.validate(full=True)
    assert decoded.type == pa.large_string()
    assert decoded.to_pylist() == [text for text, _ in texts]


@pytest.mark.parametrize("left_out", range(len(ESCAPED)))
def test_every_escape_is_taken_for_what_it_means(left_out: int) -> None:
    raws = [raw for number, raw in enumerate(ESCAPED) if number != left_out]
    assert decode_strings(list(map(memoryview, raws))).to_pylist() == [json.loads(raw) for raw in raws]
