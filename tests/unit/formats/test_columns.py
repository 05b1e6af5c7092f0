"""`load_dataset_kwargs.columns`: of Parquet and Arrow only these columns are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.errors import ConfigError, InputError
from data_juicer.formats.base import FragmentLimits, ReadOptions, SourceFile
from data_juicer.formats.parquet.scan import SHARED, scan_row_groups
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

ROWS = [
    {"id": number, "text": f"text {number}", "tags": [str(number)], "meta": {"a": number, "b": "x"}, "blob": "z" * 50}
    for number in range(20)
]  # fmt: skip
TABLE = pa.Table.from_pylist(ROWS)


def written(folder: Path, name: str, rows_a_group: int = 5) -> Path:
    path = folder / name
    if name.endswith(".parquet"):
        pq.write_table(TABLE, path, row_group_size=rows_a_group, use_dictionary=False, compression="none")
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, TABLE.schema) as writer:
            writer.write_table(TABLE, max_chunksize=rows_a_group)
    return path


def run(path: Path, columns: list[str], **settings: Any) -> tuple[list[dict[str, Any]], jobs.Watch]:
    given = {"load_dataset_kwargs": {"columns": columns}, "partition.size": 5} | settings
    config = jobs.recipe(
        str(path.parent / "work"), [str(path)], [{"text_length_filter": {"min_len": 6}}], given
    )
    watch = jobs.Watch()
    jobs.run_inline(config, PosixStore(), watch)
    lines = (path.parent / "work/result.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines], watch


@pytest.mark.parametrize("columns", [["text"], ["text", "id"], ["meta", "text"], ["tags", "text", "meta"]])
@pytest.mark.parametrize("name", ["whole.parquet", "cut.parquet", "in.arrow"])
def test_rows_have_these_columns_in_the_order_of_the_file(
    name: str, columns: list[str], tmp_path: Path
) -> None:
    rows, _ = run(written(tmp_path, name, 20 if name.startswith("cut") else 5), columns)
    assert rows == [{key: row[key] for key in row if key in columns} for row in ROWS]
    assert list(rows[0]) == [key for key in ROWS[0] if key in columns]


def test_the_bytes_of_other_columns_are_not_even_looked_at(tmp_path: Path) -> None:
    path = written(tmp_path, "in.parquet")
    metadata = pq.ParquetFile(path).metadata
    data = bytearray(path.read_bytes())
    for group in range(metadata.num_row_groups):
        chunk = metadata.row_group(group).column(metadata.num_columns - 1)
        assert chunk.path_in_schema == "blob"
        data[chunk.data_page_offset : chunk.data_page_offset + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size  # fmt: skip
    path.write_bytes(data)
    rows, _ = run(path, ["id", "text", "meta"])
    assert [row["id"] for row in rows] == list(range(20))
    with pytest.raises(InputError, match="'blob'"):
        run(path, ["text", "blob"])


def test_other_columns_are_another_input_and_the_same_ones_are_not_computed_again(tmp_path: Path) -> None:
    path = written(tmp_path, "in.parquet")
    run(path, ["text"])
    rows, watch = run(path, ["text", "id"])
    assert "id" in rows[0]
    assert watch.started
    pq.write_table(TABLE.drop(["blob"]), path, row_group_size=5, use_dictionary=False, compression="none")
    rows, watch = run(path, ["text", "id"])
    assert not watch.started, "what is read of the file is the same"


def test_a_scan_that_is_shared_finds_the_fragments_of_a_scan(tmp_path: Path) -> None:
    path = written(tmp_path, "in.parquet")
    source = SourceFile(
        index=0, path=str(path), format="parquet", compression="none", size_bytes=path.stat().st_size, mtime_ns=0,
        options=ReadOptions(columns=("text", "tags")),
    )  # fmt: skip
    limits = FragmentLimits(rows_max=10, size_bytes_max=1 << 20)
    store = PosixStore()
    whole = scan_row_groups(store, source, limits)
    outlined = SHARED.outline(store, source, limits).finish()
    assert whole is not None
    assert outlined is not None
    assert len(whole) == 2
    assert SHARED.digest(store, source, outlined) == [fragment.digest for fragment in whole]


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        (["text", "nonsense"], InputError, r"columns: there is no column 'nonsense' \(found: id, text, tags, meta, blob\)"),
        (["id"], InputError, r"there is no column 'text' \(found: id\)"),
        ("text", ConfigError, r"load_dataset_kwargs\.columns: expected `array`"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["in.parquet", "in.arrow"])
def test_columns_that_cannot_be_read_are_refused_in_a_line(
    name: str, columns: Any, error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        run(written(tmp_path, name), columns)
    assert not (tmp_path / "work").exists()


def test_formats_without_types_have_no_such_option(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(
        ConfigError, match=r"load_dataset_kwargs\.columns: has no meaning for the files of the input"
    ):
        run(tmp_path / "in.jsonl", ["text"])
