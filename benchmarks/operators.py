"""Each operator alone over real documents, one process: MB/s of UTF-8 text, and the ratio to its per-row reference.

python -m benchmarks operators              a row each, against the targets
python -m benchmarks.operators [NAME ...]   MB/s, of some operators
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import msgspec
import pyarrow as pa

from benchmarks import reference_filters, reference_mappers, reference_ops
from benchmarks.bench import Bench
from benchmarks.reference_ops import PerRow
from benchmarks.report import Measured
from data_juicer.errors import ConfigError
from data_juicer.ops.base import Filter, Mapper, Operator
from data_juicer.ops.catalog import registry
from data_juicer.ops.resources import models
from data_juicer.rows.batch import Batch
from data_juicer.testing.rows import DictRows

DATA = Path(__file__).parents[2] / "shared" / "data" / "dev.jsonl.zst"
ASSETS = Path(__file__).parents[2] / "shared" / "golden" / "assets"
REFERENCES = {**reference_ops.REFERENCES, **reference_filters.REFERENCES}
PARAMETERS = {
    "token_num_filter": {"hf_tokenizer": reference_filters.TOKENIZER},
    "replace_content_mapper": {"pattern": "colou?r", "repl": "hue"},
}
_REGULAR = (
    "clean_links_mapper clean_email_mapper clean_ip_mapper clean_copyright_mapper whitespace_normalization_mapper "
    "punctuation_normalization_mapper expand_macro_mapper pii_redaction_mapper remove_bibliography_mapper "
    "remove_comments_mapper remove_header_mapper remove_non_chinese_character_mapper remove_specific_chars_mapper "
    "remove_table_text_mapper replace_content_mapper alphanumeric_filter special_characters_filter "
    "character_repetition_filter word_repetition_filter"
)
REGULAR = frozenset(_REGULAR.split())
"""Operators of regular expressions, character classes and n-grams."""
RATIO_MIN_REGULAR, RATIO_MIN_FIX_UNICODE, RATIO_MIN = 5.0, 3.0, 0.95
"""Targets; none is to be slower than its reference, which two runs of the same code tell within a twentieth."""
ROWS_A_BATCH = 1000
CHARACTERS_MAX = 2000
RUNS = 3


def documents() -> list[str]:
    """Texts of the development data, cut like those of the recorded speeds; made up where the data is absent."""
    if not DATA.exists():
        return [
            f"Line {i} of text, see https://example.org/{i} or a@b.example.\nNaïve café № {i}." * 9
            for i in range(9000)
        ]
    with pa.CompressedInputStream(pa.OSFile(str(DATA)), "zstd") as stream:
        return [msgspec.json.decode(line)["text"][:CHARACTERS_MAX] for line in stream.read().splitlines()]


def batches(texts: list[str]) -> Iterator[Batch]:
    for start in range(0, len(texts), ROWS_A_BATCH):
        rows = [{"text": text} for text in texts[start : start + ROWS_A_BATCH]]
        yield Batch.of(DictRows(rows), len(rows))


def run_operator(operator: Operator, batch: Batch) -> None:
    if isinstance(operator, Filter):
        operator.keep(operator.compute_stats(batch))
    elif isinstance(operator, Mapper):
        operator.process(batch)


def seconds(work: Callable[[], object]) -> float:
    """CPU time, since other work may share the machine; the median of `RUNS`."""

    def once() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return median(once() for _ in range(RUNS))


def measure_one(name: str, texts: list[str]) -> tuple[float, float]:
    """Seconds of the operator and of its reference over all texts."""
    operator = registry.make(name, PARAMETERS.get(name, {}))
    operator.prepare()
    run_operator(operator, next(batches(texts)))  # tables are made

    def columns() -> None:
        for batch in batches_held:
            batch.cache.clear()
            run_operator(operator, batch)

    batches_held = list(batches(texts))
    reference = _reference(name)
    return seconds(columns), seconds(lambda: [_per_row(reference, batch) for batch in batches_held])


def _reference(name: str) -> PerRow:
    plain = REFERENCES.get(name)
    return plain or reference_mappers.REFERENCES[name](**PARAMETERS.get(name, {}))


def _per_row(reference: PerRow, batch: Batch) -> pa.Array:
    """From column to column, as the operator itself."""
    return pa.array([reference(text) for text in batch.text("text").to_pylist()])


def set_model_folders() -> None:
    """Where the recorded models are, unless the user names others."""
    os.environ.setdefault(models.EXTERNAL_HOME, str(ASSETS / "models"))
    os.environ.setdefault("NLTK_DATA", str(ASSETS / "nltk_data"))


def measured(names: Sequence[str]) -> Iterator[tuple[str, float, float]]:
    """Name, MB/s and MB/s of the reference; operators whose model or library is not here are named and left out."""
    texts = documents()
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    set_model_folders()
    for name in names or [*REFERENCES, *reference_mappers.REFERENCES]:
        try:
            ours, reference = measure_one(name, texts)
        except ConfigError as error:
            print(f"{name} not measured: {error}", file=sys.stderr)
            continue
        yield name, megabytes / ours, megabytes / reference


def measure(bench: Bench) -> list[Measured]:
    """A row for each operator."""
    rows = []
    for name, ours, reference in measured(()):
        bench.say(name)
        least = RATIO_MIN_REGULAR if name in REGULAR else RATIO_MIN
        least = RATIO_MIN_FIX_UNICODE if name == "fix_unicode_mapper" else least
        note = f"{ours:.1f} MB/s, a row at a time {reference:.1f}"
        rows.append(Measured(what=name, values=[ours / reference], at_least=least, note=note))
    return rows


def main(names: list[str]) -> None:
    print(f"{'operator':<46}{'MB/s':>9}{'per row':>10}{'ratio':>8}")
    for name, ours, reference in measured(names):
        print(f"{name:<46}{ours:>9.1f}{reference:>10.1f}{ours / reference:>8.1f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
