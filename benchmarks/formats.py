"""Formats of input beside JSON Lines: what one core scans and reads in a second, and its peak memory at ten times the input.

The same rows in every format, written in blocks so that the files may be larger than memory. A file is scanned (or unpacked into
copies) and its rows are read with their text, in a process of its own; CPU time, megabytes of the rows as JSON Lines.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.bench import Bench
from benchmarks.report import Measured

TIMES = 10
BLOCK_ROWS = 2000
ENDS = (
    "jsonl", "jsonl.gz", "jsonl.zst", "jsonl.lz4", "jsonl.bz2", "jsonl.xz", "utf16.jsonl", "array.json", "data.json", "csv", "tsv",
    "arrow", "parquet", "warc", "warc.gz",
)  # fmt: skip
READ = """
import os, re, sys, tempfile, time
from data_juicer.formats.base import FragmentLimits
from data_juicer.formats.discover import discover
from data_juicer.formats.partition import read_partition
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.scan.fragments import Copies, read_fragments
from data_juicer.storage.posix import PosixStore
store = PosixStore()
(source,) = discover(store, [sys.argv[1]])
limits = FragmentLimits(rows_max=1000, size_bytes_max=64_000_000, row_bytes_max=64_000_000)
rows = 0
began = time.process_time()
with tempfile.TemporaryDirectory() as folder:
    with Copies(store, folder) as copies:
        pieces = list(read_fragments(store, copies, source, limits, "auto"))
    for number, piece in enumerate(pieces):
        spec = PartitionSpec(partition_id=number, position=number, format=piece.format, source_path=piece.source_path,
                             copy_path=piece.copy_path, fragment=piece.fragment)
        rows += len(read_partition(store, spec, ("text",), 64_000_000).batch)
print(rows, time.process_time() - began, re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def measure(bench: Bench) -> list[Measured]:
    documents = [json.loads(line)["text"] for line in bench.documents()]
    measured = []
    for end in ENDS:
        small = [_one(bench, documents, end, bench.megabytes) for _ in range(bench.repetitions)]
        _, large_kb = _one(bench, documents, end, bench.megabytes * TIMES)
        small_kb = max(peak for _, peak in small)
        note = f"peak {small_kb / 1e3:.0f} MB, {large_kb / 1e3:.0f} MB at {TIMES} times the rows"
        speeds = [bench.megabytes / seconds for seconds, _ in small]
        measured.append(Measured(what=f"scan and read of .{end}", values=speeds, unit="MB/s", note=note))
        bench.say(f"{end}: {measured[-1].median:.0f} MB/s; {note}")
    return measured


def _one(bench: Bench, documents: list[str], end: str, megabytes: float) -> tuple[float, int]:
    """CPU seconds, and peak memory in kB."""
    path = bench.directory / f"rows.{end}"
    with path.open("wb") as sink:
        rows = _write(end, sink, _blocks(documents, int(megabytes * 1e6)))
    ran = subprocess.run([sys.executable, "-c", READ, str(path)], check=True, capture_output=True, text=True)
    found, seconds, peak_kb = ran.stdout.split()
    assert int(found) == rows
    path.unlink()
    return float(seconds), int(peak_kb)


def _blocks(documents: list[str], size_bytes: int) -> Iterator[list[dict[str, str]]]:
    number = written = 0
    block: list[dict[str, str]] = []
    while written < size_bytes:
        block.append({"text": documents[number % len(documents)], "n": str(number)})
        written += len(block[-1]["text"].encode()) + 25
        number += 1
        if len(block) == BLOCK_ROWS:
            yield block
            block = []
    yield block


def _write(end: str, sink: BinaryIO, blocks: Iterator[list[dict[str, str]]]) -> int:
    """Rows written."""
    rows = 0

    def counted() -> Iterator[list[dict[str, str]]]:
        nonlocal rows
        for block in blocks:
            rows += len(block)
            yield block

    _WRITERS[end](sink, counted())
    return rows


Blocks = Iterator[list[dict[str, str]]]
Write = Callable[[BinaryIO, Blocks], None]


def _lines(block: list[dict[str, str]]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in block)


def _packed(opened: Callable[[BinaryIO], Any]) -> Write:
    def write(sink: BinaryIO, blocks: Blocks) -> None:
        with opened(sink) as packer:
            for block in blocks:
                packer.write(_lines(block))

    return write


def _array(before: bytes, after: bytes) -> Write:
    def write(sink: BinaryIO, blocks: Blocks) -> None:
        comma = before
        for block in blocks:
            for line in _lines(block).splitlines():
                sink.write(comma + line)
                comma = b", "
        sink.write(after)

    return write


def _table(delimiter: str) -> Write:
    def write(sink: BinaryIO, blocks: Blocks) -> None:
        text = io.TextIOWrapper(sink, encoding="utf-8", newline="")
        writer = csv.DictWriter(text, ["text", "n"], delimiter=delimiter)
        writer.writeheader()
        for block in blocks:
            writer.writerows(block)
        text.detach()

    return write


SCHEMA = pa.schema({"text": pa.string(), "n": pa.string()})


def _arrow(sink: BinaryIO, blocks: Blocks) -> None:
    with pa.ipc.new_stream(sink, SCHEMA) as writer:
        for block in blocks:
            writer.write_table(pa.Table.from_pylist(block, SCHEMA))


def _parquet(sink: BinaryIO, blocks: Blocks) -> None:
    with pq.ParquetWriter(sink, SCHEMA) as writer:
        for block in blocks:
            writer.write_table(pa.Table.from_pylist(block, SCHEMA))


def _warc(*, packed: bool) -> Write:
    def write(sink: BinaryIO, blocks: Blocks) -> None:
        from warcio.statusandheaders import StatusAndHeaders
        from warcio.warcwriter import WARCWriter

        writer = WARCWriter(sink, gzip=packed)
        for block in blocks:
            for row in block:
                http = StatusAndHeaders(
                    "200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1"
                )
                payload = io.BytesIO(row["text"].encode())
                url = f"http://example.org/{row['n']}"
                writer.write_record(
                    writer.create_warc_record(url, "response", payload=payload, http_headers=http)
                )

    return write


_WRITERS: dict[str, Write] = {
    "jsonl": lambda sink, blocks: sink.writelines(map(_lines, blocks)),
    "jsonl.gz": _packed(lambda sink: gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=1)),
    "jsonl.bz2": _packed(lambda sink: bz2.BZ2File(sink, "wb", compresslevel=1)),
    "jsonl.xz": _packed(lambda sink: lzma.LZMAFile(sink, "wb", preset=0)),  # noqa: SIM115 - `_packed` closes it
    "jsonl.zst": _packed(lambda sink: pa.CompressedOutputStream(sink, "zstd")),
    "jsonl.lz4": _packed(lambda sink: pa.CompressedOutputStream(sink, "lz4")),
    "utf16.jsonl": lambda sink, blocks: sink.writelines(_wide(blocks)),
    "array.json": _array(b"[", b"]"),
    "data.json": _array(b'{"data": [', b"]}"),
    "csv": _table(","),
    "tsv": _table("\t"),
    "arrow": _arrow,
    "parquet": _parquet,
    "warc": _warc(packed=False),
    "warc.gz": _warc(packed=True),
}


def _wide(blocks: Blocks) -> Iterator[bytes]:
    yield b"\xff\xfe"
    for block in blocks:
        yield _lines(block).decode().encode("utf-16-le")
