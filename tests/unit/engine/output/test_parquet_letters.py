"""Dead letters of rows that have no line: they name file, row group and row, and equal rows stay apart."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data_juicer.engine.output.dead_letters import (
    committed_dead_letters,
    example_dead_letters,
    group_letters,
)
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs, poison


def test_equal_rows_are_letters_of_their_own_that_name_row_group_and_row(tmp_path: Path) -> None:
    texts = ["!raise" if row % 5 == 4 else f"text {row}" for row in range(20)]
    pq.write_table(
        pa.table({"text": pa.array(texts, pa.string())}), tmp_path / "in.parquet", row_group_size=8
    )
    config = jobs.recipe(
        str(tmp_path),
        [str(tmp_path / "in.parquet")],
        ["poison_mapper"],
        {
            "custom_operator_paths": [poison.__file__],
            "fault_tolerance.max_dead_letter_ratio": 0.5,
            "partition.size": 8,
        },
    )
    store = PosixStore()
    jobs.run_inline(config, store)
    dead_letters = committed_dead_letters(store, jobs.layout_of(config))
    assert [dead_letter.place for dead_letter in dead_letters] == [
        "row group 0, row 4",
        "row group 1, row 1",
        "row group 1, row 6",
        "row group 2, row 3",
    ]
    (group,) = group_letters(dead_letters, 3)
    assert (group.rows, len(group.examples)) == (4, 3)
    assert example_dead_letters(store, jobs.layout_of(config))[0].startswith(
        "in.parquet, row group 0, row 4: poison_mapper: "
    )
