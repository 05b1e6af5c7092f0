"""Each operator alone over real documents, one process: MB/s of UTF-8 text, and the ratio to its per-row reference.

python -m benchmarks.operators [NAME ...]
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import msgspec
import pyarrow as pa

from benchmarks import reference_filters, reference_mappers, reference_ops
from benchmarks.reference_ops import PerRow
from data_juicer.errors import ConfigError
from data_juicer.ops import models, registry
from data_juicer.ops.base import Filter, Mapper, Operator
from data_juicer.ops.batch import Batch
from data_juicer.testing.rows import DictRows

DATA = Path(__file__).parents[2] / "shared" / "data" / "dev.jsonl.zst"
ASSETS = Path(__file__).parents[2] / "shared" / "golden" / "assets"
REFERENCES = {**reference_ops.REFERENCES, **reference_filters.REFERENCES}
PARAMETERS = {
    "token_num_filter": {"hf_tokenizer": reference_filters.TOKENIZER},
    "replace_content_mapper": {"pattern": "colou?r", "repl": "hue"},
}
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


def measure(name: str, texts: list[str]) -> tuple[float, float]:
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


def main(names: list[str]) -> None:
    os.environ.setdefault(models.EXTERNAL_HOME, str(ASSETS / "models"))
    os.environ.setdefault("NLTK_DATA", str(ASSETS / "nltk_data"))
    texts = documents()
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts)} documents, {megabytes:.1f} MB, one process, CPU time")
    print(f"{'operator':<46}{'MB/s':>9}{'per row':>10}{'ratio':>8}")
    for name in names or [*REFERENCES, *reference_mappers.REFERENCES]:
        try:
            ours, reference = measure(name, texts)
        except ConfigError as error:  # a model or a library is not here
            print(f"{name:<46} not measured: {error}")
            continue
        print(f"{name:<46}{megabytes / ours:>9.1f}{megabytes / reference:>10.1f}{reference / ours:>8.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
