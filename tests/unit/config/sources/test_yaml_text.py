"""Reading recipes, the hostile ones included."""

import tracemalloc

import pytest

from data_juicer.config.sources.yaml_text import DEPTH_MAX, NODES_MAX, parse_yaml
from data_juicer.errors import ConfigError

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 12)
)

HOSTILE = {
    "bomb": (BOMB, f"more than {NODES_MAX} values"),
    "deep list": ("[" * 100_000, f"nested more than {DEPTH_MAX} deep"),
    "deep mapping": ("{a: " * 100_000, f"nested more than {DEPTH_MAX} deep"),
    "deep block": ("- " * 5_000 + "x", f"nested more than {DEPTH_MAX} deep"),
    "alias of itself": ("a: &x [*x]", "alias *x has no anchor before it"),
    "long key": ("? " + "k" * 1_000_000 + "\n: 1", "a key of 1000000 characters"),
    "list as key": ("? [a]\n: 1", "a key has to be a word"),
    "repeated key": ("a: 1\nb: {c: 1, c: 2}", "r:2: c: this key is given twice"),
    "two documents": ("a: 1\n---\nb: 2", "r:2: a second document"),
    "python tag": ("!!python/object/apply:os.system [ls]", "is not supported"),
    "own tag": ("a: !secret x", "r:1: tag !secret is not supported"),
    "control character": ("a: \x00", "not YAML"),
    "no UTF-8": (b"a: \xff", "r: not UTF-8"),
    "half a pair": ("a: \ud800", "r: not UTF-8"),
    "unclosed": ("a: [1", "r:2: not YAML"),
    "merge of a word": ("<<: x", "only mappings can be merged"),
    "large": ("#" * (9 << 20), "more than the 8388608 that a recipe may have"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_text_is_one_error_of_one_line(case):
    text, expected = HOSTILE[case]
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "r")
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_deep_nesting_of_long_keys_costs_no_memory():
    text = "".join("{" + "k" * 1000 + ": " for _ in range(60)) + str(list(range(100_000))) + "}" * 60
    assert peak_bytes(lambda: parse_yaml(text, "r")) < 20 * len(text)


def test_a_bomb_costs_no_memory():
    assert peak_bytes(lambda: refuse(BOMB)) < 1 << 20


def refuse(text):
    with pytest.raises(ConfigError):
        parse_yaml(text, "r")


def peak_bytes(act):
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


SCALARS = {
    "1e6": 1e6, "1E-3": 1e-3, "1.5": 1.5, ".5": 0.5, "5.": 5.0, "-3": -3, "+3": 3, "1_000": 1000, "0x10": 16,
    "010": 8, "089": "089", "0": 0, "yes": True, "off": False, "True": True, "null": None, "~": None, "": None,
    "1:30": "1:30", "2024-01-02": "2024-01-02", "'5'": "5", '"true"': "true", "text": "text", "-": [None],
    "!!str 5": "5", "!!int 5": 5, "9" * 2000: "9" * 2000, "e5": "e5", ".": ".", "_1": "_1", "0x_": "0x_",
}  # fmt: skip


@pytest.mark.parametrize("text", SCALARS)
def test_a_word_means_what_it_means_in_other_recipes(text):
    value = parse_yaml(text, "r").value
    assert (type(value), value) == (type(SCALARS[text]), SCALARS[text])


def test_aliases_and_merges_repeat_what_they_name():
    text = "base: &b {x: 1, y: 2}\nother: {<<: *b, y: 3}\nboth: [*b, *b]\n"
    value = parse_yaml(text, "r").value
    assert value["other"] == {"x": 1, "y": 3}
    assert value["both"] == [{"x": 1, "y": 2}] * 2


def test_lines_of_keys_and_entries_are_kept():
    text = "a: 1\nprocess:\n  - x_mapper\n  - y_mapper:\n      p: 2\n"
    lines = parse_yaml(text, "r").lines
    assert lines["process"] == 2
    assert lines["process[1]"] == lines["process[1].y_mapper"] == 4
    assert lines["process[1].y_mapper.p"] == 5


def test_an_empty_text_is_nothing():
    assert parse_yaml("", "r").value is None
    assert parse_yaml("# only a comment\n", "r").value is None
    assert parse_yaml("---\n", "r").value is None


def test_a_byte_order_mark_is_passed_over():
    assert parse_yaml("\ufeffa: 1\n", "r").value == {"a": 1}
