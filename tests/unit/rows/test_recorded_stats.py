"""Statistics of filters as bytes, and damage of them."""

import numpy as np
import pyarrow as pa
import pytest

from data_juicer.errors import CheckpointCorruptError
from data_juicer.rows import recorded_stats
from data_juicer.rows.recorded_stats import (
    OperatorStats,
    decode_stats,
    encode_stats,
    find_stats,
    pack_stats,
    with_stats,
)

COLUMNS = {
    "whole": pa.array([0, 1, -5, 1 << 60]),
    "ratio": pa.array([0.1, float("nan"), float("inf"), -0.0]),
    "holes": pa.array([1.5, None, 2.5, None]),
    "flag": pa.array([True, False, True, True]),
    "language": pa.array(["en", None, "", "en"], pa.large_string()),
    "raw": pa.array([b"1", b'"x"', None, b"[1]"], pa.large_binary()),
    "list": pa.array([[1], [], None, [1, 2]]),
    "nothing": pa.nulls(4),
}


def packed(columns: dict[str, pa.Array]) -> OperatorStats:
    return pack_stats(3, "a_filter", columns, rows_kept=2, is_aligned=True)


def test_every_kind_of_stat_comes_back_as_it_was() -> None:
    (stats,) = decode_stats(encode_stats([packed(COLUMNS)]), "file")
    assert (stats.operator_index, stats.operator_name, stats.rows, stats.rows_kept) == (3, "a_filter", 4, 2)
    arrays = stats.arrays()
    assert arrays.keys() == COLUMNS.keys()
    for name, column in COLUMNS.items():
        assert arrays[name].type == column.type, name
        assert str(arrays[name]) == str(column), name


def test_no_rows_and_no_stats_come_back() -> None:
    for columns in ({}, {"x": pa.array([], pa.int64())}):
        (stats,) = decode_stats(encode_stats([packed(columns)]), "file")
        assert stats.rows == 0
        assert {name: len(array) for name, array in stats.arrays().items()} == dict.fromkeys(columns, 0)


def test_a_large_partition_keeps_a_sketch_of_numbers() -> None:
    values = np.random.default_rng(7).normal(size=recorded_stats.EXACT_ROWS_MAX + 1)
    (stats,) = decode_stats(
        encode_stats([packed({"x": pa.array(values), "t": pa.array(["a"] * len(values))})]), "f"
    )
    assert stats.arrays() == {}
    sketch = stats.sketches()["x"]
    assert sketch.n == len(values)
    assert abs(sketch.get_rank(0.0) - (values < 0).mean()) < 0.02
    assert len(encode_stats([stats])) < 20_000


def test_texts_are_not_kept_whole() -> None:
    assert (
        packed({"text": pa.array(["x" * 1000 + str(row) for row in range(100)], pa.large_string())}).columns
        == ()
    )


@pytest.mark.parametrize("place", range(0, 120, 7))
def test_damage_is_an_error_or_changes_nothing_but_values(place: int) -> None:
    data = bytearray(encode_stats([packed(COLUMNS)]))
    data[place % len(data)] ^= 0x55
    try:
        for stats in decode_stats(bytes(data), "file"):
            stats.arrays()
    except CheckpointCorruptError:
        return


def test_a_torn_file_is_damage() -> None:
    data = encode_stats([packed(COLUMNS)])
    for stop in (0, 5, 16, len(data) // 2, len(data) - 1):
        with pytest.raises(CheckpointCorruptError):
            decode_stats(data[:stop], "file")


@pytest.mark.parametrize("magic", [b"DJSTATS1", b"DJSTATS2"])
def test_a_file_that_claims_to_be_huge_is_refused(magic: bytes) -> None:
    with pytest.raises(CheckpointCorruptError):
        decode_stats(magic + (1 << 62).to_bytes(8, "little") + b"x", "file")


def test_a_delta_carries_statistics_beside_its_rows() -> None:
    delta = pa.table({"base": pa.array([0, 2])})
    data = encode_stats([packed(COLUMNS)])
    assert find_stats(delta) == ()
    present = with_stats(delta, data)
    assert present.column("base").equals(delta.column("base"))
    assert [stats.operator_name for stats in find_stats(present)] == ["a_filter"]
    with pytest.raises(CheckpointCorruptError):
        find_stats(delta.replace_schema_metadata({b"data_juicer.stats": b"?"}))


def test_a_file_that_an_earlier_version_packed_with_zstd_is_read() -> None:
    data = encode_stats([packed(COLUMNS)])
    plain = pa.Codec("lz4").decompress(data[16:], int.from_bytes(data[8:16], "little"))
    before = b"DJSTATS1" + data[8:16] + pa.Codec("zstd").compress(plain).to_pybytes()
    assert decode_stats(before, "file") == decode_stats(data, "file")
