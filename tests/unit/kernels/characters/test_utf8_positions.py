"""Characters at byte positions, against Python's own strings."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from data_juicer.kernels.characters.codepoints import CODE_POINTS, Bytes, bytes_of, table_of
from data_juicer.kernels.characters.utf8_positions import Finder, after, before, points_at, widths
from data_juicer.kernels.patterns.spans import replace_characters

TEXT = st.text(st.sampled_from("a\n\x7f\x80é\u07ff\u0800中\uffff𐀀\U0010ffff") | st.characters(), min_size=1)
TEXT = TEXT.filter(lambda text: not any(0xD800 <= ord(character) < 0xE000 for character in text))


def encoded(text: str) -> tuple[np.ndarray, np.ndarray]:
    """The bytes, and the positions of all characters."""
    sizes = [len(character.encode()) for character in text]
    return np.frombuffer(text.encode(), np.uint8), np.cumsum([0, *sizes])[:-1]


@given(TEXT)
@example("\x00\x7f\x80\u07ff\u0800\uffff\U00010000\U0010ffff")
def test_characters_and_their_neighbours_are_those_of_the_string(text: str) -> None:
    data, positions = encoded(text)
    assert points_at(data, positions).tolist() == list(map(ord, text))
    assert widths(data, positions).tolist() == [len(character.encode()) for character in text]
    assert before(data, positions).tolist() == [positions[0], *positions[:-1]]
    assert after(data, positions).tolist() == [*positions[1:], positions[-1]]


@given(TEXT, st.sets(st.sampled_from("a\x7f\x80é\u07ff\u0800中\uffff𐀀\U0010ffff")))
def test_a_finder_finds_the_wanted_characters_and_no_others(text: str, wanted: set[str]) -> None:
    data, starts = encoded(text)
    positions, points = Finder(table_of(wanted)).positions(data)
    expected = [
        (start, ord(found)) for start, found in zip(starts.tolist(), text, strict=True) if found in wanted
    ]
    assert list(zip(positions.tolist(), points.tolist(), strict=True)) == expected


def test_a_finder_finds_every_character() -> None:
    wanted = np.ones(CODE_POINTS, np.uint8)
    text = "".join(chr(point) for point in range(CODE_POINTS) if not 0xD800 <= point < 0xE000)
    _, points = Finder(wanted).positions(np.frombuffer(text.encode(), np.uint8))
    assert points.tolist() == list(map(ord, text))


@given(st.lists(st.text(st.sampled_from("ab“，\n中𐀀é")), min_size=1))
def test_replaced_characters_move_all_behind_them(rows: list[str]) -> None:
    becomes = {"“": '"', "，": ",", "é": "e", "𐀀": "x"}
    data, starts = encoded("".join(rows))
    utf8 = Bytes(data, np.cumsum([0, *(len(row.encode()) for row in rows)]))
    text = "".join(rows)
    present = [index for index, character in enumerate(text) if character in becomes]
    positions = starts[present]
    new = np.array([ord(becomes[text[index]]) for index in present], np.uint8)
    changed, moved = replace_characters(utf8, positions, widths(data, positions), new)
    table = str.maketrans(becomes)
    assert changed.column().to_pylist() == [row.translate(table) for row in rows]
    assert moved(starts).tolist() == encoded(text.translate(table))[1].tolist()
    assert bytes_of(changed.column()).offsets.tolist() == changed.offsets.tolist()
