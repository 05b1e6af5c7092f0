"""Small partitions taken together."""

import random
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from data_juicer.errors import CheckpointCorruptError
from data_juicer.monitor.statistics import joining
from data_juicer.monitor.statistics.gather import LedgerRows, PartitionStats
from data_juicer.monitor.statistics.joining import join_partitions
from data_juicer.monitor.statistics.report import StatsFold
from data_juicer.rows import recorded_stats
from data_juicer.rows.joined_stats import join_operator_stats
from data_juicer.rows.recorded_stats import decode_stats, encode_stats, pack_stats


def ledger(index: int, rows_in: int, rows_out: int) -> LedgerRows:
    return LedgerRows(index=index, rows_in=rows_in, rows_out=rows_out, rows_filtered=rows_in - rows_out)


def columns(rng: random.Random, rows: int) -> dict[str, pa.Array]:
    return {
        "num_words": pa.array([rng.randrange(1000) for _ in range(rows)], pa.int16()),
        "ratio": pa.array([rng.choice([rng.random(), float("nan")]) for _ in range(rows)], pa.float64()),
        "lang": pa.array([rng.choice(["en", "de", None]) for _ in range(rows)], pa.string()),
        "is_long": pa.array([rng.random() < 0.5 for _ in range(rows)], pa.bool_()),
        "score": pa.array([rng.choice([1.5, None]) for _ in range(rows)], pa.float64()),
    }


def partition(number: int, rows: int, rng: random.Random, *names: str) -> PartitionStats:
    """Of a filter with the stats of these names, or with all."""
    kept = rng.randrange(rows + 1)
    stats = {name: column for name, column in columns(rng, rows).items() if not names or name in names}
    packed = pack_stats(0, "words_num_filter", stats, rows_kept=kept, is_aligned=True)
    return PartitionStats(
        partition=number,
        ledgers=(ledger(-1, rows, rows), ledger(0, rows, kept)),
        operators={0: packed},
        is_done=True,
    )


def damaged(found: PartitionStats) -> PartitionStats:
    """The numbers of one of its stats end too early."""
    first, *others = found.operators[0].columns
    cut = msgspec.structs.replace(first, data=first.data[:-1])
    stats = msgspec.structs.replace(found.operators[0], columns=(cut, *others))
    return msgspec.structs.replace(found, operators={0: stats})


def report(partitions: Any) -> dict[str, Any]:
    fold = StatsFold([("words_num_filter", {})])
    for each in partitions:
        fold.add(each)
    found: dict[str, Any] = msgspec.to_builtins(fold.report("job"))
    for stat in found["filters"][0]["stats"]:
        stat["mean"] = stat["mean"] and pytest.approx(stat["mean"])  # added up in another order
    return found


def test_a_report_of_joined_partitions_is_that_of_each() -> None:
    rng = random.Random(1)
    partitions = [partition(number, rng.choice([0, 1, 3, 40]), rng) for number in range(60)]
    partitions[7] = damaged(partitions[7])
    partitions[9] = msgspec.structs.replace(partitions[9], operators={})
    assert report(join_partitions(partitions)) == report(partitions)


def test_few_are_left_of_many_and_no_more_than_a_limit_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(2)
    partitions = [partition(number, 3, rng, "num_words", "ratio") for number in range(50)]
    assert [each.count for each in join_partitions(partitions)] == [50]
    monkeypatch.setattr(
        joining, "_BYTES_MAX", sum(len(column.data) for column in partitions[0].operators[0].columns) * 9
    )
    assert max(each.count for each in join_partitions(partitions)) <= 10
    monkeypatch.setattr(joining, "_PARTITIONS_MAX", 4)
    assert [each.count for each in join_partitions(partitions)] == [4] * 12 + [2]


def test_sketches_and_what_is_told_apart_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(3)
    partitions = [partition(number, 10, rng, "num_words", "ratio") for number in range(4)]
    monkeypatch.setattr(recorded_stats, "EXACT_ROWS_MAX", 5)
    sketched = [partition(number, 10, rng, "num_words", "ratio") for number in range(4, 7)]
    assert [each.count for each in join_partitions([*partitions, *sketched])] == [1, 1, 1, 4]
    assert [each.count for each in join_partitions(partitions, lambda *_: None)] == [1] * 4


def test_joined_values_are_in_the_order_of_the_partitions() -> None:
    rng = random.Random(4)
    names = ("num_words", "ratio", "lang", "is_long")
    parts = [partition(number, rows, rng, *names).operators[0] for number, rows in enumerate((2, 0, 5))]
    joined = join_operator_stats(parts)
    assert (joined.rows, joined.rows_kept) == (7, sum(part.rows_kept for part in parts))
    for name, values in joined.arrays().items():
        expected = [value for part in parts for value in part.arrays()[name].to_pylist()]
        np.testing.assert_equal(values.to_pylist(), expected)


def test_a_file_that_is_none_of_statistics_is_damaged() -> None:
    rng = random.Random(5)
    stats = [partition(number, 3, rng).operators[0] for number in range(3)]
    files = [encode_stats([each]) for each in stats]
    assert [decode_stats(file, "a") for file in files] == [(each,) for each in stats]
    for broken in (
        files[1][:-4],
        files[1][:12],
        b"",
        b"DJSTATS1" + b"\xff" * 8,
        files[0][:16] + files[2][16:-1],
    ):
        with pytest.raises(CheckpointCorruptError, match=r"^b: no statistics of filters"):
            decode_stats(broken, "b")


def test_a_file_that_would_unpack_into_more_than_one_may_hold_is_not_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = random.Random(6)
    files = [
        encode_stats([partition(number, rows, rng).operators[0]]) for number, rows in enumerate((3, 900))
    ]
    assert all(decode_stats(file, "a") for file in files)
    monkeypatch.setattr(recorded_stats, "_FILE_BYTES_MAX", int.from_bytes(files[1][8:16], "little") - 1)
    assert decode_stats(files[0], "a")
    with pytest.raises(CheckpointCorruptError, match="it does not begin as one"):
        decode_stats(files[1], "b")
