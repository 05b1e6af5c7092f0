"""What may not matter does not: backend, partition size, strategy, checkpoint format, batch size, a resume in between."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from data_juicer.api import run_config
from data_juicer.errors import InputError
from data_juicer.rows import json_values
from data_juicer.storage.base import Store
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss

NUMBERS = st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
WORDS = st.sampled_from(
    [
        "plain",
        "  two  blanks",
        "http://a.example/x",
        "me@b.example",
        "Ã©",
        "，",
        "1.0",
        "line\nbreak",
        "中文",
        "\u2028",
        "😀",
    ]
)
TEXTS = st.lists(WORDS, max_size=8).map(" ".join) | st.text(max_size=20)
FIELDS = st.dictionaries(st.sampled_from(["a", "b.c", "é", "meta", "__dj__stats__x"]), VALUES, max_size=3)
ROWS = st.builds(lambda fields, text: {**fields, "text": text}, FIELDS, TEXTS)
BAD_LINES = st.sampled_from(
    [b"", b"  ", b"{broken", b"[]", b'{"text":1}', b'{"a":1}', b"\xff\xfe", b'{"text":"\\ud800"}']
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A good row, then rows and lines of any kind; each row has its number under `id`."""
    rows = [{"text": "the first"}, *draw(st.lists(ROWS, max_size=9))]
    lines = [
        json.dumps({**row, "id": number}, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
        for number, row in enumerate(rows)
    ]
    for bad in draw(st.lists(BAD_LINES, max_size=3)):
        lines.insert(draw(st.integers(1, len(lines))), bad)
    return b"\n".join(lines) + draw(st.sampled_from([b"", b"\n"]))


OPERATORS = st.one_of(
    st.sampled_from(
        [
            "clean_links_mapper",
            "clean_email_mapper",
            "whitespace_normalization_mapper",
            "fix_unicode_mapper",
            "punctuation_normalization_mapper",
            "special_characters_filter",
            "alphanumeric_filter",
        ]
    ),
    st.integers(0, 12).map(lambda low: {"text_length_filter": {"min_len": low}}),
    st.integers(1, 5).map(lambda low: {"words_num_filter": {"min_num": low}}),
    st.integers(1, 30).map(lambda high: {"average_line_length_filter": {"min_len": 0, "max_len": high}}),
    st.integers(2, 9).map(lambda length: {"text_chunk_mapper": {"max_len": length, "split_pattern": None}}),
)
PROCESS = st.lists(OPERATORS, max_size=5)


@st.composite
def harmless(draw: st.DrawFn) -> dict[str, Any]:
    """Settings that cannot change the result."""
    return {
        "partition.size": draw(st.integers(1, 12)),
        "checkpoint.strategy": draw(
            st.sampled_from(["every_op", "every_partition", "every_n_ops", "disabled"])
        ),
        "checkpoint.n_ops": draw(st.integers(1, 3)),
        "intermediate_storage.format": draw(st.sampled_from(["parquet", "arrow", "jsonl"])),
        "intermediate_storage.arrow_batch_size": draw(st.integers(1, 12)),
        "partition.materialize": "auto",
    }


@contextmanager
def written(data: bytes) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "in.jsonl")
        with open(path, "wb") as file:
            file.write(data)
        yield path


def outcome(
    path: str, process: list[Any], given: dict[str, Any], store: Store | None = None
) -> tuple[object, object]:
    """The export and the ledger of the whole job; or the error, and nothing."""
    store = store or MemoryStore()
    config = jobs.recipe(
        "/disk/jobs", [path], process, {**given, "fault_tolerance.max_dead_letter_ratio": 1.0}
    )
    try:
        jobs.run_inline(config, store)
    except InputError as error:
        return str(error), None
    whole, *partitions = jobs.ledgers(config, store)
    for ledgers in [whole, *partitions]:
        assert all(ledger.balances for ledger in ledgers)
        assert all(one.rows_out == other.rows_in for one, other in itertools.pairwise(ledgers))
    return jobs.exported(config, store), whole


@settings(deadline=None, max_examples=60)
@given(data=files(), process=PROCESS, one=harmless(), other=harmless())
def test_partitions_strategies_formats_and_batches_do_not_show(
    data: bytes, process: list[Any], one: dict[str, Any], other: dict[str, Any]
) -> None:
    with written(data) as path:
        assert outcome(path, process, one) == outcome(path, process, other)


@settings(deadline=None, max_examples=60)
@given(data=files(), process=PROCESS, given_=harmless())
def test_fields_that_no_operator_touches_come_out_as_they_went_in(
    data: bytes, process: list[Any], given_: dict[str, Any]
) -> None:
    before = {}
    for line in data.split(b"\n"):
        try:
            row = json_values.raw_object(line)
        except (ValueError, msgspec.MsgspecError):
            continue
        if "id" in row:
            before[row["id"]] = row
    with written(data) as path:
        exported, _ = outcome(path, process, given_)
    assert isinstance(exported, dict)
    for line in exported["result.jsonl"].splitlines():
        after = json_values.raw_object(line)
        if "id" not in after:  # no operator, so nothing was asked of the row
            continue
        known = before[after["id"]]
        assert {**after, "text": b""} == {**known, "text": b""}
        assert list(after) == list(known)


@settings(deadline=None, max_examples=40)
@given(
    data=files(), process=PROCESS, given_=harmless(), crash_at=st.integers(1, 250), loss=st.sampled_from(Loss)
)
def test_a_power_loss_in_between_does_not_show(
    data: bytes, process: list[Any], given_: dict[str, Any], crash_at: int, loss: Loss
) -> None:
    with written(data) as path:
        expected = outcome(path, process, given_)
        disk = MemoryStore()
        try:
            outcome(path, process, given_, CrashingStore(disk, crash_at))
        except PowerLoss:
            disk = disk.after_power_loss(loss)
        assert outcome(path, process, given_, disk) == expected


@settings(deadline=None, max_examples=3)
@given(data=files(), process=PROCESS, given_=harmless())
def test_worker_processes_give_the_same_bytes(
    data: bytes, process: list[Any], given_: dict[str, Any]
) -> None:
    with written(data) as path:
        exported, whole = outcome(path, process, given_)
        work_dir = os.path.join(os.path.dirname(path), "work")
        local = {**given_, "executor_type": "local", "np": 2, "fault_tolerance.max_dead_letter_ratio": 1.0}
        config = jobs.recipe(work_dir, [path], process, local)
        run_config(config)
        store = PosixStore()
        assert jobs.exported(config, store) == exported
        assert jobs.ledgers(config, store)[0] == whole
