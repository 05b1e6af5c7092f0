from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from data_juicer.errors import InputError
from data_juicer.formats.base import FragmentLimits, SourceFile
from data_juicer.formats.jsonl import read as jsonl
from data_juicer.formats.jsonl.scan import scan_plain
from data_juicer.formats.places import resolve
from data_juicer.storage.posix import PosixStore

LIMIT = 3000


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "CHUNK_BYTES", 700)


def read(path: Path, data: bytes, size_bytes_max: int = 2000):
    path.write_bytes(data)
    source = SourceFile(
        index=0, path=str(path), format="jsonl", compression="none", size_bytes=len(data), mtime_ns=0
    )
    fragments = list(
        scan_plain(PosixStore(), source, FragmentLimits(rows_max=10, size_bytes_max=size_bytes_max))
    )
    return fragments, [
        jsonl.read_fragment(PosixStore(), str(path), fragment, ("text",), row_bytes_max=LIMIT)
        for fragment in fragments
    ]


def row_of(size: int) -> bytes:
    return json.dumps({"text": "x" * (size - 12)}).encode()


@pytest.mark.parametrize("blanks", [b"", b" \n\t\n", b"\n" * 800])
@pytest.mark.parametrize("behind", [b"", b"\n", b"\n\n \r\n" * 200])
def test_a_row_that_is_too_long_is_named_without_being_held(
    tmp_path: Path, blanks: bytes, behind: bytes
) -> None:
    _, found = read(tmp_path / "in.jsonl", blanks + row_of(LIMIT + 1) + behind)
    assert [rows.rows_in for rows in found] == [1]
    (bad,) = found[0].bad
    assert (bad.error_type, bad.place) == ("too_long", (0, blanks.count(b"\n"), len(blanks)))
    assert bad.message == "the line has 3,001 bytes, at most 3,000 are read; its first 1,000 are kept here"
    assert row_of(LIMIT + 1).startswith(bad.raw)
    assert len(bad.raw) <= jsonl.LONG_ROW_BYTES_KEPT


def test_a_row_of_the_largest_size_is_read_though_blank_lines_make_its_fragment_larger(
    tmp_path: Path,
) -> None:
    _, found = read(tmp_path / "in.jsonl", b"\n\n" + row_of(LIMIT) + b"\n" * 900)
    assert not found[0].bad
    assert len(found[0].batch) == 1


def test_rows_around_a_long_one_are_read(tmp_path: Path) -> None:
    rows = [row_of(50), row_of(9000), row_of(60)]
    fragments, found = read(tmp_path / "in.jsonl", b"\n".join(rows) + b"\n")
    assert sum(len(rows.batch) for rows in found) == 2
    places = [
        resolve(bad.place, fragment)
        for fragment, rows in zip(fragments, found, strict=True)
        for bad in rows.bad
    ]
    assert [(place.line, place.byte_offset) for place in places] == [(2, 51)]


def test_a_long_row_that_changed_after_the_scan_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    (fragment,), _ = read(path, row_of(9000))
    path.write_bytes(row_of(9000).replace(b"x", b"y"))
    with pytest.raises(InputError, match="are not those of the scan"):
        jsonl.read_fragment(PosixStore(), str(path), fragment, ("text",), row_bytes_max=LIMIT)


GIGABYTE = """
import resource, sys
from data_juicer import api
from data_juicer.storage.posix import PosixStore
result = api.run({"dataset_path": sys.argv[1], "export_path": sys.argv[2], "executor_type": "inline",
                  "process": ["whitespace_normalization_mapper"], "fault_tolerance": {"max_dead_letter_ratio": 1.0}})
counts = result.summary.counts
print(counts.rows, counts.rows_out, counts.rows_dead_letter, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_a_line_of_a_gigabyte_is_a_dead_letter_in_bounded_memory(tmp_path: Path) -> None:
    with (tmp_path / "in.jsonl").open("wb") as file:
        file.write(b'{"text": "before"}\n{"text": "')
        for _ in range(1000):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n{"text": "behind"}\n')
    done = subprocess.run(
        [sys.executable, "-c", GIGABYTE, str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl")],
        capture_output=True,
        text=True,
        check=True,
    )
    rows, rows_out, dead, memory_mb = map(int, done.stdout.split())
    assert (rows, rows_out, dead) == (3, 2, 1)
    assert memory_mb < 500
