from __future__ import annotations

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from data_juicer.kernels.words.lower import lower

LETTERS = st.sampled_from("aZ éÉßẞİıΣσςΑ'.K™ẨＡⰏ𐐀Ⱥ中ǅ\u0301")


@given(st.lists(st.text(LETTERS | st.characters(exclude_categories=["Cs"]), max_size=12), max_size=5))
@example(["ΟΔΟΣ", "Σ", "ΑΣ\u0301", "ΑΣ.Α", "ΑΣ", "İΣ"])
def test_each_row_is_as_python_has_it(texts: list[str]) -> None:
    column = pa.array(["Σ", *texts, "Α"], pa.large_string()).slice(1, len(texts))
    assert lower(column).to_pylist() == [text.lower() for text in texts]


def test_every_character_is_as_python_has_it() -> None:
    texts = [f"a{chr(point)}b" for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    assert lower(pa.array(texts, pa.large_string())).to_pylist() == [text.lower() for text in texts]
