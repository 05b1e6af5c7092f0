"""No strategy, trace, copy for people or file format decides about a job, whatever its operators make of the rows.

The operators change the type of a field and back, add fields and tags, group and ungroup rows, and multiply them: that is
where a checkpoint that is derived from the one before it could mean something else than the rows in memory.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_juicer.errors import DataJuicerError
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing import jobs

OWN = str(Path(__file__).parent / "own_operators.py")
JOIN = {"python_lambda_mapper": {"lambda_str": "lambda row: {'text': ' '.join(row['text'])}"}}
LETTERS = {"python_lambda_mapper": {"lambda_str": "lambda row: {'text': list(row['text'])}"}}
NUMBER = {"python_lambda_mapper": {"lambda_str": "lambda row: {'n': len(row['text']), 'm': [row.get('n')]}"}}
OPERATORS = st.one_of(
    st.sampled_from(
        [
            "clean_links_mapper",
            "whitespace_normalization_mapper",
            "naive_grouper",
            {"key_value_grouper": {"group_by_keys": ["kind"]}},
            "naive_reverse_grouper",
            "document_deduplicator",
            {"topk_specified_field_selector": {"field_key": "n", "topk": 4}},
            {"text_chunk_mapper": {"max_len": 5, "split_pattern": None}},
            "alphanumeric_filter",
            "drawn_field_mapper",
            "drawn_tag_mapper",
            "drawn_letters_mapper",
            "drawn_upper_filter",
            JOIN,
            LETTERS,
            NUMBER,
        ]
    ),
    st.integers(0, 12).map(lambda low: {"text_length_filter": {"min_len": low}}),
)
PROCESS = st.lists(OPERATORS, min_size=1, max_size=5)
TEXTS = st.sampled_from(
    ["see http://a.example/x now", "  two  BLANKS ", "short", "", "DONE", "中文 text", "line\nbreak"]
)
ROWS = st.lists(
    st.fixed_dictionaries({"text": TEXTS, "kind": st.sampled_from(["a", "b"]), "n": st.integers(0, 9)}),
    min_size=1,
    max_size=8,
)


@st.composite
def harmless(draw: st.DrawFn) -> dict[str, Any]:
    file_format = draw(st.sampled_from(["parquet", "arrow", "jsonl"]))
    packed = {
        "parquet": ["none", "snappy", "zstd"],
        "arrow": ["none", "lz4", "zstd"],
        "jsonl": ["none", "gzip"],
    }
    return {
        "partition.size": draw(st.integers(1, 9)),
        "checkpoint.strategy": draw(
            st.sampled_from(["every_op", "every_partition", "every_n_ops", "manual", "auto", "disabled"])
        ),
        "checkpoint.n_ops": draw(st.integers(2, 3)),
        "intermediate_storage.format": file_format,
        "intermediate_storage.compression": draw(st.sampled_from(packed[file_format])),
        "intermediate_storage.preserve_intermediate_data": draw(st.booleans()),
        "intermediate_storage.arrow_batch_size": draw(st.integers(1, 9)),
        "open_tracer": draw(st.booleans()),
        "trace_num": 3,
    }


def outcome(rows: list[dict[str, Any]], process: list[Any], given_: dict[str, Any]) -> object:
    """The export, the ledger of the whole job and its dead letters; or the error."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "in.jsonl")
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        always = {"fault_tolerance.max_dead_letter_ratio": 1.0, "custom_operator_paths": [OWN]}
        store = MemoryStore()
        names = [entry if isinstance(entry, str) else next(iter(entry)) for entry in process]
        manual = {"checkpoint.op_names": sorted(set(names[::2]))}
        config = jobs.recipe("/disk/jobs", [str(path)], process, {**given_, **always, **manual})
        try:
            jobs.run_inline(config, store)
        except DataJuicerError as error:
            return type(error), str(error)
        whole = jobs.ledgers(config, store)[0]
        assert all(ledger.balances for ledger in whole)
        dead_letters = sorted(map(repr, jobs.dead_letters(config, store)))
        return jobs.exported(config, store), [(each.rows_in, each.rows_out) for each in whole], dead_letters


@settings(deadline=None, max_examples=150)
@given(rows=ROWS, process=PROCESS, one=harmless())
@example(
    rows=[{"text": "see http://a.example/x now", "kind": "a", "n": 1}, {"text": "here", "kind": "a", "n": 2}],
    process=["clean_email_mapper", "naive_grouper", JOIN, "clean_links_mapper"],
    one={"checkpoint.strategy": "every_n_ops", "checkpoint.n_ops": 2},
)
@example(
    rows=[{"text": "plain", "kind": "a", "n": 1}],
    process=["drawn_field_mapper", NUMBER],
    one={"open_tracer": True},
)
def test_strategy_trace_copies_formats_and_batches_decide_nothing(
    rows: list[dict[str, Any]], process: list[Any], one: dict[str, Any]
) -> None:
    plain = {"checkpoint.strategy": "every_op", "partition.size": 4}
    assert outcome(rows, process, one) == outcome(rows, process, plain)
