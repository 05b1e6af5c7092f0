"""Every operator, column at a time, gives what its per-row reference gives; guards leave out nothing."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.reference_ops import REFERENCES, PerRow
from data_juicer.ops.base import Filter, Mapper
from data_juicer.ops.catalog import registry
from data_juicer.testing.rows import batch_of

PIECES = st.sampled_from(
    [
        "http://a.b/c", "www.x", "x.co/", "level:high", "ſa:b", "a\u212a:1", "a:İ", "WwW1.a", "(a(b)c)", "é", "中文：",
        "a@b.c", "@", "1.2.3.4", "25.10.2.300", "::1", "1:2:3:4:5:6:7:8", "a:b:c:d:e:f:a:b", "१:2:3:4:5:6:7:٨",
        "Ã©", "â€™", "â€œx", "Ã ", "&amp;", "&lt;b>", "<", "\x1b[1m", "\r\n", "\r", "\x85", "ﬁ", "，", "Ａ", "＆amp;", "“",
        "e\u0301", "\u1100\u1161", "한", "\ufeff", "вЂ™", "ГўВЂВ", "ВРС", "Â£", "\x93", "\x00",
        " ", "\n", "\t", "\xa0", "\u3000", "\u200b", ".", "/", ":", "Привет", "β€™", "à²", "Γ°Ο", "ā€",
    ]
)  # fmt: skip
TEXT = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)
TEXTS = st.lists(TEXT, max_size=4)


def column_version(name: str, texts: list[str]) -> list[object]:
    operator = registry.make(name, {})
    operator.prepare()
    rows = [{"text": text} for text in ["Â£ http://x.y/z 1.2.3.4", *texts, "中"]]
    batch = batch_of(rows)
    column = batch.text("text").slice(1, len(texts))
    batch = batch_of([{"text": text} for text in texts]).with_text("text", column)
    if isinstance(operator, Filter):
        (stats,) = operator.compute_stats(batch).values()
        return list(stats.to_pylist())
    assert isinstance(operator, Mapper)
    return list(operator.process(batch).text("text").to_pylist())


@pytest.mark.parametrize(("name", "reference"), REFERENCES.items(), ids=list(REFERENCES))
@given(texts=TEXTS)
@example(texts=[])
@example(texts=["", " ", "\n"])
@example(texts=["a" * 5000 + "\n" + "中" * 5000])
def test_the_column_version_gives_what_the_reference_gives(
    name: str, reference: PerRow, texts: list[str]
) -> None:
    assert column_version(name, texts) == [reference(text) for text in texts]


@pytest.mark.parametrize("form", ["NFC", "NFKC", "NFD", "NFKD"])
@given(texts=TEXTS)
def test_the_guard_of_fix_unicode_holds_for_each_normalization(form: str, texts: list[str]) -> None:
    import ftfy

    operator = registry.make("fix_unicode_mapper", {"normalization": form})
    assert isinstance(operator, Mapper)
    fixed = operator.process(batch_of([{"text": text} for text in texts])).text("text")
    assert fixed.to_pylist() == [ftfy.fix_text(text, normalization=form) for text in texts]


def test_a_sliced_column_is_not_read_from_its_start() -> None:
    whole = pa.array(["www.a.b", "plain", "www.c.d"], pa.large_string())
    operator = registry.make("clean_links_mapper", {})
    batch = batch_of([{"text": "plain"}]).with_text("text", whole.slice(1, 1))
    assert isinstance(operator, Mapper)
    assert operator.process(batch).text("text").to_pylist() == ["plain"]
