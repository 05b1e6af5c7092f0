import json

import pytest

from data_juicer.printable import printable, printable_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("naïve 漢字 🎉 a  b", "naïve 漢字 🎉 a  b"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("\x9b31m C1, \x7f, \x00", r"\x9b31m C1, \x7f, \x00"),
        ("file\u202egpj.exe", r"file\u202egpj.exe"),
        ("caf\udce9", r"caf\udce9"),
        ("one\n  two\r\nthree\n", "one two three"),
        ("tab\there", r"tab\there"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(text).isprintable()


@pytest.mark.parametrize("is_ascii", [True, False])
def test_json_stays_the_same_document(is_ascii: bool) -> None:
    document = {"a": "\x9b31m \x7f \u202e é 🎉 \u2028", "b": ["\\x1b", "\x1b"]}
    shown = printable_json(json.dumps(document, ensure_ascii=False, indent=2) + "\n", is_ascii=is_ascii)
    assert json.loads(shown) == document
    assert all(line.isprintable() for line in shown.splitlines())
    assert shown.isascii() or not is_ascii
    assert shown.endswith("}\n")
