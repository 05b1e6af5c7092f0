"""No function in C reads or writes outside of what it is given: bytes that are no UTF-8, arrays that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.kernels.characters.special_characters import special_table
from data_juicer.kernels.native import loading
from data_juicer.kernels.words.lower import _lowered

pytestmark = pytest.mark.skipif(loading.functions is None, reason=f"kernels: {loading.kernels_used}")


@pytest.fixture(scope="module", autouse=True)
def kernels() -> str:
    return "compiled"


def arguments(data: np.ndarray, offsets: np.ndarray) -> dict[str, tuple[Any, ...]]:
    """What fits for each function, texts or numbers being `data`."""
    rows = max(len(offsets) - 1, 0)
    wide = np.resize(data, 8 * len(data)).view(np.uint64).copy() if len(data) else np.empty(0, np.uint64)
    odd, permutations = np.arange(3, dtype=np.uint64), np.arange(4, dtype=np.uint32)
    answers = np.empty((rows, 3), np.int64)
    out, counts, places = np.empty_like(data), np.empty(rows, np.int64), np.empty(len(offsets), np.int64)
    keys, longs = (
        np.empty((len(data) + len(offsets)) // 2 + 1, np.uint64),
        np.empty((len(data) // 256 + 1, 3), np.int64),
    )
    return {
        "count_characters": (data, offsets, special_table(), counts),
        "count_words": (data, offsets, special_table(), counts),
        "keep_characters": (data, offsets, special_table(), out, places),
        "lower": (data, offsets, _lowered(), out, np.empty(rows, np.bool_)),
        "word_keys": (data, offsets, special_table(), keys, places, longs),
        "character_repeats": (data, offsets, 3, odd, answers),
        "word_repeats": (wide, offsets, 3, odd, answers),
        "window_keys": (wide, offsets, 2, np.empty(len(wide), np.uint64), counts),
        "simhashes": (wide, offsets, np.empty(rows, np.uint64)),
        "minhashes": (wide, offsets, permutations, permutations, np.empty((rows, 4), np.uint32)),
        "languages": (data, offsets, *model(), np.empty(rows, np.int32), np.empty(rows, np.float32)),
    }


def model(labels: int = 3) -> tuple[Any, ...]:
    """Two dimensions, the words `</s>` and `é`, seven buckets of subwords."""
    spelling = np.frombuffer("</s>é".encode(), np.uint8)
    tree = np.array([-1] * labels + list(range(labels - 1)), np.int32)
    slots = np.zeros(8, np.uint32)
    slots[:2] = 1, 2
    return (
        2, 7, 1, 4, np.arange(18, dtype=np.float32), np.empty(0, np.uint32), spelling, np.array([0, 4, 6]), slots,
        tree, tree, np.ones(2 * labels, np.float32),
    )  # fmt: skip


def test_every_function_is_tried() -> None:
    found = {name for name in dir(loading.functions) if not name.startswith("_")} - {"SOURCES"}
    assert found == set(arguments(np.zeros(8, np.uint8), np.array([0, 8])))


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_bytes_that_are_no_text_are_survived(data: bytes, cuts: list[int]) -> None:
    offsets = np.array([0, *sorted(min(cut, len(data)) for cut in cuts), len(data)])
    for name, given_ in arguments(np.frombuffer(data, np.uint8), offsets).items():
        getattr(loading.functions, name)(*given_)


@pytest.mark.parametrize("name", arguments(np.zeros(8, np.uint8), np.array([0, 8])))
def test_arrays_that_do_not_fit_are_refused(name: str) -> None:
    function, data = getattr(loading.functions, name), np.zeros(16, np.uint8)
    for wrong in ([], [0, 17], [8, 4], [-1, 4], [0, 9, 8], [0, 2**62]):
        with pytest.raises(ValueError, match=r"offsets|items"):
            function(*arguments(data, np.array(wrong, np.int64))[name])
    right = arguments(data, np.array([0, 4, 16]))[name]
    for place, argument in enumerate(right):
        if not isinstance(argument, np.ndarray):
            with pytest.raises((ValueError, OverflowError)):
                function(*right[:place], -1, *right[place + 1 :])
            continue
        with pytest.raises((ValueError, BufferError)):  # items of another size
            function(*right[:place], np.zeros(argument.shape, np.complex128), *right[place + 1 :])
    with pytest.raises(TypeError):
        function(*right[:-1])
    *others, last = right
    with pytest.raises(ValueError, match="items"):  # no room for the answer
        function(*others, last.ravel()[:1].copy())
    last.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        function(*others, last)


@pytest.mark.parametrize("number", range(2, 12))
def test_a_model_that_does_not_go_together_is_refused_or_survived(number: int) -> None:
    data, offsets = np.frombuffer("é </s> abc x".encode(), np.uint8), np.array([0, 7, 13])
    labels, scores = np.empty(2, np.int32), np.empty(2, np.float32)
    parts = [data, offsets, *model(), labels, scores]
    for other in (0, 1, 2**31 - 1, 2**31, 2**62):
        if isinstance(parts[number], int):
            tried = other
        else:
            tried = np.full(len(parts[number]), other % (1 << 31)).astype(parts[number].dtype)
        try:
            loading.functions.languages(*parts[:number], tried, *parts[number + 1 :])
        except (ValueError, MemoryError):
            continue
        assert ((labels >= -1) & (labels < 3)).all()
