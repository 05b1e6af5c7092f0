from __future__ import annotations

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from data_juicer.ops import values


@given(st.lists(st.text(), max_size=5))
@example(["".join(map(chr, range(300))), '\\"\\n\n', "", "\U0001f600"])
def test_a_column_is_encoded_as_its_texts_are_one_by_one(texts: list[str]) -> None:
    column = pa.array(texts, pa.large_string())
    assert values.encode_strings(column) == [values.encode(text) for text in texts]
    assert values.encode_texts(column[1:]).to_pylist() == [values.encode(text) for text in texts[1:]]
