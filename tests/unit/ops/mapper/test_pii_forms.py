"""What is taken for personal data in code and Markdown: the forms at their borders, as DataJuicer's expressions have them."""

from __future__ import annotations

from typing import Any

import pytest

from data_juicer.ops.mapper.pii_redaction_mapper import PiiRedactionMapper
from data_juicer.testing.rows import batch_of


def redacted(text: str, **switches: Any) -> str:
    operator = PiiRedactionMapper(**switches)
    return str(operator.process(batch_of([{"text": text}])).text("text")[0].as_py())


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("when = stamp(*date[:6])", "when = stamp(*date[:6])"),
        ("row[1:3] and row[:]", "row[1:3] and row[:]"),
        ("bind [::1]:80 and [fe80::1]", "bind [IP_REDACTED] and [fe80::1]"),
        ("see [beef]x", "see [IP_REDACTED]x"),
        ("1.2.3.4.5 and v10.2.3.4", "[IP_REDACTED].5 and v[IP_REDACTED]"),
        ("x.1.2.3.4", "x.1.2.3.4"),
        ("aa:bb:cc:dd:ee:ff:00:11:22:33:44:55", "[MAC_REDACTED]:00:11:22:33:44:55"),
        ("00-11-22-33-44-55 is it", "[MAC_REDACTED] is it"),
        ("-----BEGIN RSA-KEY-----\nabc\n-----END RSA-KEY-----.", "[PEM_REDACTED]."),
        ("eyJhbGciOiJI=.eyJzdWI=.c2lnbmF0dXJl", "[JWT_REDACTED]"),
    ],
)
def test_a_form_is_redacted_where_it_is_whole(text: str, after: str) -> None:
    assert redacted(text) == after


def test_a_url_ends_where_datajuicers_does() -> None:
    text = "see (https://git.example/c/fb05)] and <https://a.example/x>"
    assert redacted(text, mask_urls=True) == "see ([URL_REDACTED] and <[URL_REDACTED]>"
