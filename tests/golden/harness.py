"""Runs recorded cases of one operator through the registry, the operator and a batch.

A case gives a list of `Outcome`, one a row: what was recorded and what came out, in a form that `==` compares, with
statistics compared by tolerance.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from data_juicer.ops.base import DatasetOperator, Filter, Mapper, parameters_of
from data_juicer.ops.catalog import registry
from data_juicer.ops.dataset.grouping.grouper import Grouper
from data_juicer.rows.batch import META_FIELD, STATS_FIELD, Batch
from data_juicer.testing.dataset_operators import resolve
from data_juicer.testing.rows import batch_of
from tests.support.shared import GOLDEN, need

TOLERANCE = 1e-9  # the recorder rounds to ten decimals
NO_ROW = "(no row)"


@dataclass(frozen=True, slots=True)
class Outcome:
    row: int
    expected: Any
    found: Any

    @property
    def equal(self) -> bool:
        return same(self.expected, self.found)


def operators() -> list[str]:
    """Operators with recorded cases, by name; none where the recordings are absent."""
    return sorted(path.stem for path in (GOLDEN / "open").glob("*.jsonl"))


@cache
def cases_of(operator: str) -> list[dict[str, Any]]:
    with open(GOLDEN / "open" / f"{operator}.jsonl", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


@cache
def _referred(file: str) -> list[dict[str, Any]]:
    with pa.CompressedInputStream(pa.OSFile(str(GOLDEN / f"{file}.zst")), "zstd") as stream:
        return [json.loads(line) for line in stream.read().splitlines()]


def input_of(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    return case["input"] if "input" in case else _referred(case["input_ref"]["file"])


def models_home(folder: Path) -> Path:
    """The recorded models as a folder that operators can search; a one-line file there stands for a link."""
    home = folder / "models"
    if not home.exists():
        shutil.copytree(GOLDEN / "assets" / "models", home, symlinks=False)
        for path in [
            path
            for path in home.rglob("*")
            if path.is_file() and path.suffix != ".json" and path.stat().st_size < 200
        ]:
            target = path.parent / path.read_text().strip()
            os.chmod(path.parent, 0o700)
            path.unlink()
            shutil.copytree(target, path)
    return home


def substituted(value: Any, folder: Path) -> Any:
    """The value with `{ASSETS}`, `{TMP}` and paths under `media/` filled in."""
    if isinstance(value, str):
        return value.replace("{ASSETS}", str(GOLDEN / "assets")).replace("{TMP}", str(folder))
    if isinstance(value, dict):
        return {key: substituted(inner, folder) for key, inner in value.items()}
    if isinstance(value, list):
        return [substituted(inner, folder) for inner in value]
    return value


def run(case: Mapping[str, Any], folder: Path) -> list[Outcome]:
    """Every row of a case. Raises: whatever config or operator raises."""
    name, params = parameters_of(case["op"])
    operator = registry.make(name, substituted(params, folder))
    operator.prepare()
    rows = substituted(input_of(case), folder)
    if case.get("input_is") == "output of naive_grouper over input":
        (grouped,) = resolve(registry.make("naive_grouper", {}), [batch_of(rows, ())])
        rows = [grouped.row(row) for row in range(len(grouped))]
    batch = batch_of(rows, _text_keys(operator.text_keys_read(), rows))
    if isinstance(operator, Filter):
        return list(_filtered(case, batch, operator))
    if isinstance(operator, Grouper):
        return list(_compared(case, resolve(operator, [batch])[0]))
    if isinstance(operator, DatasetOperator):
        return list(_resolved(case, batch, operator))
    assert isinstance(operator, Mapper)
    return list(_mapped(case, batch, operator))


def fails(case: Mapping[str, Any]) -> bool:
    """Whether the recorder raised for every row."""
    return len(case.get("errors", ())) == len(input_of(case))


def _text_keys(wanted: tuple[str, ...], rows: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(key for key in wanted if all(isinstance(row.get(key), str) for row in rows))


def _filtered(case: Mapping[str, Any], batch: Batch, operator: Filter) -> Iterator[Outcome]:
    stats = operator.compute_stats(batch)
    kept = np.asarray(operator.keep(stats))
    counted = batch.with_stats(stats)
    for row, (recorded, keep) in enumerate(zip(case["stats"], case["keep"], strict=True)):
        found = None if recorded is None else counted.row_stats(row)  # None: recorded without stats
        yield Outcome(row, {"stats": recorded, "keep": keep}, {"stats": found, "keep": bool(kept[row])})


def _mapped(case: Mapping[str, Any], batch: Batch, operator: Mapper) -> Iterator[Outcome]:
    after = operator.process(batch)
    if "kept_ids" in case:  # a selector that needs no other row
        for row, present in enumerate(input_of(case)):
            yield Outcome(row, present["id"] in case["kept_ids"], row in after.origin)
        return
    if "output_sha256" in case:
        expected = case["output_sha256"]
        found = [_digest("\0".join(texts)) for texts in _texts_by_origin(after, len(batch), operator)]
    else:
        yield from _compared(case, after)
        return
    for row in range(max(len(expected), len(found))):
        yield Outcome(row, *(side[row] if row < len(side) else NO_ROW for side in (expected, found)))


def _compared(case: Mapping[str, Any], after: Batch) -> Iterator[Outcome]:
    expected = [_plain(row) for row in case["output"]]
    found = [_plain(after.row(index)) for index in range(len(after))]
    for row in range(max(len(expected), len(found))):
        yield Outcome(row, *(side[row] if row < len(side) else NO_ROW for side in (expected, found)))


def _resolved(case: Mapping[str, Any], batch: Batch, operator: DatasetOperator) -> Iterator[Outcome]:
    """Whether each row stays and, where texts are recorded, its text; rows stay in the order of the input."""
    after = resolve(operator, [batch])[0]
    rows = input_of(case)
    judged = judged_rows(operator, batch)
    kept = set(case["kept_ids"])
    found = {int(origin): index for index, origin in enumerate(after.origin)}
    texts = _recorded_texts(case)
    for number, row in enumerate(rows):
        if number not in judged:
            continue
        stays = number in found
        text = after.row(found[number])[operator.text_key] if stays and texts else None
        if "output_sha256" in case and text is not None:
            text = _digest(text)
        expected = {"kept": row["id"] in kept, "text": texts.get(row["id"])}
        yield Outcome(number, expected, {"kept": stays, "text": text})


JUDGED_FROM: Final = {"minhash": (0.1, -0.2), "simhash": (0.0, -0.8)}
"""How far above and below its threshold (of 1.0 for SimHash) pairs must lie for their rows to be judged."""


def judged_rows(operator: DatasetOperator, batch: Batch) -> set[int]:
    """Rows whose fate depends neither on chance nor on what short texts are: all, but of MinHash and SimHash fewer.

    Such a row has an earlier one that is well above the threshold, or is well below it with all earlier ones, by the
    Jaccard similarity of their shingles. Rows with fewer tokens than a shingle are not judged.
    """
    near = next((JUDGED_FROM[kind] for kind in JUDGED_FROM if kind in operator.name), None)
    if near is None:
        return set(range(len(batch)))
    cut = operator.shingler.cut(batch.text(operator.text_key))
    sets = [set(part.tolist()) for part in np.split(cut.keys, cut.offsets[1:-1])]
    order = list(range(len(batch)))
    if operator.name.endswith("_with_uid"):
        uids = batch.column("__dj__uid")
        order.sort(key=lambda row: uids[row])
    threshold = getattr(operator, "threshold", 1.0)
    judged = set()
    for place, row in enumerate(order):
        alike = max((_jaccard(sets[row], sets[other]) for other in order[:place]), default=0.0)
        is_clear = alike >= threshold + near[0] or alike <= threshold + near[1]
        if is_clear and len(sets[row]) > 1:
            judged.add(row)
    return judged


def _jaccard(one: set[int], other: set[int]) -> float:
    return len(one & other) / len(one | other)


def _recorded_texts(case: Mapping[str, Any]) -> dict[str, str]:
    """By id: the text after the operator, or its digest; empty where only ids are recorded."""
    if "output" in case:
        return {row["id"]: row["text"] for row in case["output"]}
    return dict(zip(case["kept_ids"], case.get("output_sha256", ()), strict=False))


def _texts_by_origin(after: Batch, rows: int, operator: Mapper) -> list[list[str]]:
    """For each row of the input the texts of the rows that it became."""
    texts: list[list[str]] = [[] for _ in range(rows)]
    for index, origin in enumerate(after.origin.tolist()):
        texts[origin].append(after.row(index)[operator.text_key])
    return texts


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without the columns that the recorder's framework adds empty."""
    return {key: value for key, value in row.items() if value or key not in {STATS_FIELD, META_FIELD}}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def same(expected: Any, found: Any) -> bool:
    """Equal, numbers within the tolerance; True is not 1."""
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return expected == found or abs(expected - found) <= TOLERANCE
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(same(expected[key], found[key]) for key in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    return type(expected) is type(found) and expected == found


def need_recordings() -> None:
    """Skips a test, or fails it with `CI=true`, where the recorded cases are absent."""
    need(GOLDEN / "open", "the recorded cases")
