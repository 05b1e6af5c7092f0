"""A small file that unpacks into a large one takes no more memory than a good file whose rows are as long as they may be."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

MB = 1 << 20
ROW_MB = 2
"""max_row_mb of these jobs."""
BOMB_MB = 150
MORE_MB = 40
"""What allocators keep beside the rows themselves, on either side."""
SIZES = {"zeros": b"\0", "one line": b"a", "line ends": b"\n", "open object": b'{"text": "', "spaces": b" "}


def pieces(kind: str) -> Iterator[bytes]:
    """BOMB_MB of one kind, after some rows that are good."""
    yield b'{"text": "good"}\n' * 20
    if kind == "one line":
        yield b'{"text": "'
    for _ in range(BOMB_MB):
        yield (SIZES[kind] * MB)[:MB]


def write(path: Path, content: Iterator[bytes]) -> None:
    if path.suffix == ".gz":
        with gzip.open(path, "wb", 6) as packed:
            packed.writelines(content)
        return
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        for piece in content:
            stream.write(piece)


def peak_mb(home: Path, source: Path) -> tuple[int, int, str]:
    """Peak of resident memory of a job in one process; its exit code; what it said."""
    main = (
        "import re, sys; from data_juicer.cli.process import main; code = main(sys.argv[1:])\n"
        "held = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())\n"  # ru_maxrss is the parent's too
        "print('peak', int(held[1]) // 1024); sys.exit(code)"
    )
    words = ["--dataset_path", str(source), "--export_path", str(home / "out" / "o.jsonl"), "--np", "1"]
    limits = ["--partition.max_row_mb", str(ROW_MB), "--fault_tolerance.max_dead_letter_ratio", "0.9"]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            main,
            *words,
            *limits,
            "--executor_type",
            "inline",
            "--process",
            "[text_length_filter]",
        ],
        capture_output=True,
        text=True,
    )
    peak = next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("peak"))
    return int(peak), done.returncode, done.stderr


@pytest.fixture(scope="module")
def good_mb(tmp_path_factory: pytest.TempPathFactory) -> int:
    home = tmp_path_factory.mktemp("good")
    row = json.dumps({"text": "ab c" * (ROW_MB * MB // 4 - 10)}).encode() + b"\n"
    write(home / "in.jsonl.gz", iter([b'{"text": "good"}\n' * 20, *[row] * 12]))
    peak, code, reported = peak_mb(home, home / "in.jsonl.gz")
    assert code == 0, reported
    return peak


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["gz", "zst"])
@pytest.mark.parametrize("kind", SIZES)
def test_a_bomb_of_json_lines_takes_no_more_memory_than_a_good_file(
    kind: str, suffix: str, tmp_path: Path, good_mb: int
) -> None:
    path = tmp_path / f"in.jsonl.{suffix}"
    write(path, pieces(kind))
    assert path.stat().st_size < MB
    peak, code, reported = peak_mb(tmp_path, path)
    assert code in {0, 1, 2}, reported
    assert "Traceback" not in reported
    assert peak <= good_mb + MORE_MB
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert written < 20 * MB, "what was unpacked was not kept"


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["json.gz", "json.zst"])
def test_an_array_in_one_line_is_not_unpacked_to_say_what_it_is(
    suffix: str, tmp_path: Path, good_mb: int
) -> None:
    path = tmp_path / f"in.{suffix}"
    write(path, iter([b'[{"text": "', *[b"a" * MB] * BOMB_MB, b'"}]']))
    peak, code, reported = peak_mb(tmp_path, path)
    assert code in {0, 1, 2}, reported
    assert peak <= good_mb + MORE_MB


def test_parquet_whose_footer_lies_about_itself_is_one_line(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "good.parquet")
    data = (tmp_path / "good.parquet").read_bytes()
    lies = {
        "length of metadata": data[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1",
        "length beyond the file": data[:-8] + (len(data) * 2).to_bytes(4, "little") + b"PAR1",
        "no metadata": b"PAR1" + b"\0" * 64 + (0).to_bytes(4, "little") + b"PAR1",
        "noise": b"PAR1" + os.urandom(4096) + (2000).to_bytes(4, "little") + b"PAR1",
        "0xff": b"PAR1" + b"\xff" * 4096 + (4000).to_bytes(4, "little") + b"PAR1",
    }
    for name, content in lies.items():
        path = tmp_path / "in.parquet"
        path.write_bytes(content)
        peak, code, reported = peak_mb(tmp_path, path)
        assert code in {1, 2}, name
        assert "Traceback" not in reported, reported
        assert peak < 400, name


def test_parquet_of_300_bytes_that_hold_20_gb_is_refused(tmp_path: Path) -> None:
    """A value of 1 MB that 20,000 rows have."""
    value = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["x" * MB]))
    path = tmp_path / "in.parquet"
    pq.write_table(
        pa.table({"text": value}),
        path,
        store_schema=False,
        compression="zstd",
        dictionary_pagesize_limit=1 << 30,
    )
    assert path.stat().st_size < 1000
    peak, code, reported = peak_mb(tmp_path, path)
    assert (code, "as no text does" in reported) == (1, True), reported
    assert peak < 900, "256 MB may come out of any file"


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_long_cell_takes_a_few_times_its_size(suffix: str, tmp_path: Path, good_mb: int) -> None:
    """Arrow unpacks its page and decodes it; the row is not packed, written and read again."""
    table = pa.table({"text": ["good"] * 10 + ["ab c" * (BOMB_MB << 18)] + ["good"] * 9})
    path = tmp_path / f"in.{suffix}"
    if suffix == "parquet":
        pq.write_table(table, path, compression="zstd")
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    peak, code, reported = peak_mb(tmp_path, path)
    assert code == 0, reported
    assert reported.rstrip().endswith("1 dead letter"), reported
    assert peak <= good_mb + 4.5 * BOMB_MB
