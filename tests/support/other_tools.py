"""The same rows in a file of each format, as another tool writes it."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

Rows = Sequence[dict[str, str]]


def make_rows(count: int) -> Rows:
    """Rows of strings, so that every table can say them; some texts have line ends and quotes."""
    return [
        {
            "text": f'  Text {number},\twith "quotes" und Grüßen 日本{" " * (number % 3)}\n and a line.',
            "n": str(number),
        }
        for number in range(count)
    ]


def lines(rows: Rows) -> bytes:
    """JSON Lines as compact as a program writes them."""
    return b"".join(
        json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in rows
    )


def _csv(rows: Rows, delimiter: str = ",") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["text", "n"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _array(rows: Rows) -> bytes:
    return json.dumps(list(rows), ensure_ascii=False, separators=(",", ":")).encode()


def _under_data(rows: Rows) -> bytes:
    return json.dumps({"v": 1, "data": list(rows)}, ensure_ascii=False, separators=(",", ":")).encode()


def _parquet(rows: Rows) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), sink, row_group_size=20_000)
    return sink.getvalue()


def _arrow(rows: Rows) -> bytes:
    table, sink = pa.Table.from_pylist(list(rows)), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=10_000)
    return sink.getvalue()


def _by_arrow(codec: str) -> Callable[[Rows], bytes]:
    def pack(rows: Rows) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as stream:
            stream.write(lines(rows))
        return bytes(sink.getvalue().to_pybytes())

    return pack


FILES: Final[dict[str, Callable[[Rows], bytes]]] = {
    "jsonl.gz": lambda rows: gzip.compress(lines(rows), 1),
    "jsonl.bz2": lambda rows: bz2.compress(lines(rows), 1),
    "jsonl.xz": lambda rows: lzma.compress(lines(rows), preset=0),
    "jsonl.zst": _by_arrow("zstd"),
    "jsonl.lz4": _by_arrow("lz4"),
    "utf16.jsonl": lambda rows: lines(rows).decode().encode("utf-16"),
    "array.json": _array,
    "data.json": _under_data,
    "array.json.gz": lambda rows: gzip.compress(_array(rows), 1),
    "csv": _csv,
    "csv.xz": lambda rows: lzma.compress(_csv(rows), preset=0),
    "utf16.csv": lambda rows: _csv(rows).decode().encode("utf-16"),
    "tsv": lambda rows: _csv(rows, "\t"),
    "parquet": _parquet,
    "arrow": _arrow,
}
"""End of a name -> the file's bytes."""


def write_warc(path: Path, rows: Rows) -> None:
    """Pages as warcio writes them, each after its request."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    with path.open("wb") as sink:
        writer = WARCWriter(sink, gzip=path.suffix == ".gz")
        for record in _pages(writer, rows, StatusAndHeaders):
            writer.write_record(record)
            record.raw_stream.close()


def _pages(writer: object, rows: Rows, headers_of: Callable[..., object]) -> Iterator[object]:
    fixed = {"WARC-Date": "2026-01-02T03:04:05Z"}
    for row in rows:
        http = headers_of("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1")
        payload = io.BytesIO(f"<html><body><p>{row['text']}</p></body></html>".encode())
        url = f"http://example.org/{row['n']}"
        ids = {**fixed, "WARC-Record-ID": f"<urn:uuid:{row['n']}>"}
        yield writer.create_warc_record(
            url, "metadata", payload=io.BytesIO(b"fetchTimeMs: 1"), warc_headers_dict=dict(ids)
        )  # type: ignore[attr-defined]
        yield writer.create_warc_record(
            url, "response", payload=payload, http_headers=http, warc_headers_dict=dict(ids)
        )  # type: ignore[attr-defined]
