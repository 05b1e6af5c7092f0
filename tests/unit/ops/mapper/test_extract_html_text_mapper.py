"""The main text of a page is left, and what is no page stays as it is."""

from __future__ import annotations

from typing import Any

import pytest

from data_juicer.ops.catalog import registry
from data_juicer.testing.rows import batch_of

pytest.importorskip("resiliparse")

PAGE = (
    "<!DOCTYPE html><html><head><title>T</title><script>x()</script></head><body>"
    "<nav><a href='/'>Home</a> <a href='/b'>About</a></nav><main><article><h1>Title</h1>"
    "<p>One <b>two</b> three, a paragraph that says something.</p><p>Another one.</p><pre>x = 1\n y</pre>"
    "</article></main><footer>Imprint</footer></body></html>"
)


def extracted(text: str, **parameters: Any) -> str:
    operator = registry.make("extract_html_text_mapper", parameters)
    operator.prepare()
    batch = operator.process(batch_of([{"text": text}]))
    return str(batch.text("text")[0].as_py())


def test_menus_footers_and_scripts_are_left_out() -> None:
    assert extracted(PAGE) == (
        "Title\n\nOne two three, a paragraph that says something.\n\nAnother one.\n\nx = 1\n y"
    )


def test_parameters_keep_more_or_less() -> None:
    assert "Home About" in extracted(PAGE, main_content=False)
    assert "\n" not in extracted(PAGE, preserve_formatting=False).replace("x = 1\n y", "")


@pytest.mark.parametrize("text", ["", "a < b and b > c", "one\n\n  two &amp; three\t"])
def test_a_text_without_a_tag_stays_as_it_is(text: str) -> None:
    assert extracted(text) == text
