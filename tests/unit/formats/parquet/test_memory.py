"""Large Parquet files: what is held of them while they are cut, and that row groups decide nothing."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.formats.base import FragmentLimits, SourceFile
from data_juicer.formats.parquet import scan
from data_juicer.storage.posix import PosixStore

LIMITS = FragmentLimits(rows_max=40, size_bytes_max=1 << 20, row_bytes_max=1 << 20)


def written(path: Path, rows: int, rows_a_group: int) -> SourceFile:
    """Texts of 4,000 letters that no codec makes smaller."""
    draw = random.Random(1)
    texts = [draw.randbytes(2000).hex() for _ in range(rows)]
    table = pa.table({"text": texts, "n": list(range(rows))})
    pq.write_table(table, path, row_group_size=rows_a_group, compression="none", use_dictionary=False)
    size = path.stat().st_size
    return SourceFile(
        index=0, path=str(path), format="parquet", compression="none", size_bytes=size, mtime_ns=0
    )


def test_the_pages_of_row_groups_that_were_read_are_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrow keeps them until a reader of several groups is at its end."""
    monkeypatch.setattr(scan, "_RUN_BYTES", 400_000, raising=False)
    source = written(tmp_path / "in.parquet", 3000, 100)  # 30 groups of 400 kB
    tracemalloc.start()
    try:
        assert sum(fragment.rows for fragment, _ in scan.unpack_slices(PosixStore(), source, LIMITS)) == 3000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert source.size_bytes > 12_000_000
    assert peak < 4_000_000


@pytest.mark.parametrize("rows_a_group", [60, 25, 100, 7])
def test_fragments_that_are_cut_out_do_not_depend_on_row_groups(
    rows_a_group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "_RUN_BYTES", 400_000)
    one = written(tmp_path / "one.parquet", 290, 290)
    other = written(tmp_path / "other.parquet", 290, rows_a_group)
    meant, found = (
        [(fragment.row_start, fragment.row_stop, fragment.digest, data) for fragment, data in made]
        for made in (scan.unpack_slices(PosixStore(), source, LIMITS) for source in (one, other))
    )
    assert found == meant
    assert [row[1] - row[0] for row in meant[:-1]] == [40] * 7
