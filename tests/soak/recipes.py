"""Random small recipes over random inputs: operators, formats, compressions, strategies and settings."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path
from typing import Any, Final

from data_juicer.formats.compression import compress
from data_juicer.formats.registry import SUFFIXES
from tests.soak import mapper

INPUTS: Final = (
    "jsonl", "jsonl", "jsonl.gz", "jsonl.zst", "jsonl.bz2", "jsonl.xz", "parquet", "parquet", "arrow", "csv", "tsv.gz",
)  # fmt: skip
EXPORTS: Final = ("jsonl", "jsonl", "jsonl.gz", "jsonl.zst", "parquet", "csv", "arrow")
MAPPERS: Final[list[Any]] = [
    "clean_links_mapper",
    "clean_email_mapper",
    "whitespace_normalization_mapper",
    "fix_unicode_mapper",
    "punctuation_normalization_mapper",
    {"remove_long_words_mapper": {"max_len": 24}},
]
FILTERS: Final[list[Any]] = [
    {"text_length_filter": {"min_len": 14}},
    {"words_num_filter": {"min_num": 2}},
    {"alphanumeric_filter": {"min_ratio": 0.1}},
    {"average_line_length_filter": {"min_len": 5}},
]
DATASET_OPERATORS: Final[list[list[Any]]] = [
    [{"document_deduplicator": {"lowercase": True}}],
    [{"document_minhash_deduplicator": {"window_size": 2}}],
    [{"document_simhash_deduplicator": {"window_size": 2}}],
    [{"random_selector": {"select_ratio": 0.8}}],
    [{"topk_specified_field_selector": {"field_key": "n", "top_ratio": 0.8}}],
    [{"key_value_grouper": {"group_by_keys": ["kind"]}}, "naive_reverse_grouper"],
]
STRATEGIES: Final = ("every_op", "every_op", "every_partition", "every_n_ops", "manual", "auto", "disabled")


def draw_recipe(rng: random.Random, folder: Path, rows_max: int = 160) -> dict[str, Any]:
    """A recipe without the directories of its job; its input is written by `write_input`.

    A `shared` one has its scan, its resolves and its export shared out to workers, and an index of its results, as large jobs
    have: that decides nothing, and the undisturbed job is without.
    """
    kind = rng.choice(INPUTS)
    process = _draw_process(rng)
    strategy = rng.choice(STRATEGIES)
    checkpoint: dict[str, Any] = {"strategy": strategy}
    if strategy == "every_n_ops":
        checkpoint["n_ops"] = rng.choice([1, 2, 3])
    if strategy == "manual":
        checkpoint["op_names"] = [
            next(iter(name)) if isinstance(name, dict) else name for name in process[:2]
        ]
    return {
        "dataset_path": str(folder / f"in.{kind}"),
        "process": process,
        "custom_operator_paths": [mapper.__file__],
        "np": rng.choice([1, 2]),
        "seed": rng.randrange(1000),
        "partition": {
            "size": rng.choice([5, 8, 13, 30]),
            "materialize": rng.choice(["auto", "auto", "always"]),
        },
        "checkpoint": checkpoint,
        "intermediate_storage": {
            "format": rng.choice(["parquet", "arrow", "jsonl"]),
            "preserve_intermediate_data": rng.random() < 0.2,
            "retention_policy": rng.choice(["keep_all", "keep_all", "keep_failed_only", "cleanup_all"]),
            "keep_results": rng.choice(["auto", "never", "never", "always"]),
        },
        "event_logging": {"max_log_size_mb": rng.choice([100, 1]), "backup_count": 50},
        "fault_tolerance": {
            "drain_s": 0.2,
            "retry_backoff": "fixed",
            "max_retries": 50,
            "max_dead_letter_ratio": 1.0,
        },
        "open_tracer": rng.random() < 0.2,
        "keep_stats_in_res_ds": rng.random() < 0.2,
        "export_shard_size": rng.choice([0, 0, 0, 600]),
        "export": rng.choice(EXPORTS),
        "shared": rng.random() < 0.4,
        "rows": rng.randrange(rows_max // 2, rows_max),
    }


def _draw_process(rng: random.Random) -> list[Any]:
    process: list[Any] = [*rng.sample(MAPPERS, 2), "soak_mapper", *rng.sample(FILTERS, rng.choice([1, 2]))]
    for operators in rng.sample(DATASET_OPERATORS, rng.choice([0, 0, 1, 2])):
        at = rng.randrange(len(process) + 1)
        process[at:at] = operators
    return process


def write_input(recipe: dict[str, Any], rng: random.Random) -> None:
    """The rows of a recipe in the format that its name says; bad rows in JSON Lines alone."""
    path = Path(recipe["dataset_path"])
    rows = [
        {"text": _text(rng, number), "n": number, "kind": f"k{number * number % 7}"}
        for number in range(recipe["rows"])
    ]
    kind = path.name.partition(".")[2]
    if kind.startswith("jsonl"):
        lines = [json.dumps(row) for row in rows]
        for number in rng.sample(range(len(lines)), len(lines) // 30):
            lines[number] = rng.choice(['{"text": 7}', "{not json", '{"n": 1}'])
        path.write_bytes(compress(("\n".join(lines) + "\n").encode(), SUFFIXES[f".{kind}"][1]))
    elif kind.startswith(("csv", "tsv")):
        text = io.StringIO()
        table = csv.writer(text, delimiter="\t" if kind.startswith("tsv") else ",")
        table.writerows([list(rows[0]), *(row.values() for row in rows)])
        path.write_bytes(compress(text.getvalue().encode(), SUFFIXES[f".{kind}"][1]))
    else:
        _write_table(path, rows)


def _text(rng: random.Random, number: int) -> str:
    if rng.random() < 0.03:
        return "! this row, please"
    words = ["plain", "words", "http://x.example/a", "a@b.example", "schÃ¶n", "“quoted”", "and\ttabs", "—"]
    return f"row  {number % 60} " + " ".join(rng.choices(words, k=rng.randrange(12)))


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(rows)
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=20)
        return
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=20)
