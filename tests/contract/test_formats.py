"""Every format of the registry passes the contract that is shipped for others."""

from __future__ import annotations

import csv
import gzip
import io
import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.formats.base import ExportOptions
from data_juicer.formats.registry import EXPORTS, FORMATS
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing.format_contract import ROWS, Bad, InputFormatContract, OutputFormatContract, Row


def lines(rows: Sequence[Row]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def table_with_a_bad_text() -> pa.Table:
    """The rows of the contract, the text of row 5 in Latin-1."""
    texts = [row["text"].encode() for row in ROWS]
    texts[5] = b"caf\xe9"
    return pa.Table.from_pylist(list(ROWS)).set_column(
        0, "text", pa.array(texts, pa.binary()).view(pa.string())
    )


class TestJsonLines(InputFormatContract):
    name = "jsonl"
    chunk_constants = (
        "data_juicer.formats.jsonl.scan.CHUNK_BYTES",
        "data_juicer.formats.compression.CHUNK_BYTES",
    )

    def encode(self, rows: Sequence[Row]) -> bytes:
        return lines(rows)

    def bad(self) -> Bad:
        return Bad(lines(ROWS[:4]) + b"no json\n" + lines(ROWS[5:]), 4, "line 5", "invalid_json")


class TestJsonLinesInUtf16(TestJsonLines):
    encoding = "utf-16"

    def encode(self, rows: Sequence[Row]) -> bytes:
        return lines(rows).decode().encode(self.encoding)

    def bad(self) -> Bad:
        data = self.encode([*ROWS[:4], {"text": "MARK"}, *ROWS[5:]])
        half_a_pair = b"\x00\xd8" if self.encoding == "utf-16" else b"\x00\xd8\x00\x00"
        letter = "M".encode(self.encoding)[-len(half_a_pair) :]
        return Bad(data.replace(letter, half_a_pair), 4, "line 5", "invalid_utf8")


class TestJsonLinesInUtf32(TestJsonLinesInUtf16):
    encoding = "utf-32"


class TestJsonWithARowALine(TestJsonLines):
    name = "json"


class TestJsonArray(InputFormatContract):
    name = "json"
    chunk_constants = (
        "data_juicer.formats.json.format.CHUNK_BYTES",
        "data_juicer.formats.compression.CHUNK_BYTES",
    )
    indent: int | None = None

    def encode(self, rows: Sequence[Row]) -> bytes:
        return json.dumps(list(rows), ensure_ascii=False, indent=self.indent).encode()

    def bad(self) -> Bad:
        data = self.encode(ROWS).replace(b'"n": 4', b'"n": four')
        return Bad(data, 4, f"row 4, byte {data.index(b'four') - self.before:,}", "invalid_json")

    before = len('{"text": "日本語", "n": '.encode())


class TestJsonArrayOverLines(TestJsonArray):
    indent = 2
    before = len('{\n    "text": "日本語",\n    "n": '.encode())


class TestJsonUnderData(TestJsonArray):
    def encode(self, rows: Sequence[Row]) -> bytes:
        whole = {"version": [1, "]"], "data": list(rows), "more": {"data": []}}
        return json.dumps(whole, ensure_ascii=False, indent=self.indent).encode()


class TestJsonUnderDataOverLines(TestJsonUnderData):
    indent = 1
    before = len('{\n   "text": "日本語",\n   "n": '.encode())


class TestWarc(InputFormatContract):
    """Files as warcio writes them, requests and images between the pages."""

    name = "warc"
    chunk_constants = (
        "data_juicer.formats.warc.format.CHUNK_BYTES",
        "data_juicer.formats.compression.CHUNK_BYTES",
    )

    def encode(self, rows: Sequence[Row]) -> bytes:
        return self.written([(row["text"].encode(), []) for row in rows])

    def written(self, pages: Sequence[tuple[bytes, list[tuple[str, str]]]]) -> bytes:
        statusandheaders = pytest.importorskip("warcio.statusandheaders")
        warcwriter = pytest.importorskip("warcio.warcwriter")
        sink = io.BytesIO()
        writer = warcwriter.WARCWriter(sink, gzip=False, warc_version="WARC/1.1")
        for number, (body, more) in enumerate(pages):
            url = f"http://example.org/{number}"
            headers = statusandheaders.StatusAndHeaders(
                "200 OK", [("Content-Type", "text/html; charset=utf-8"), *more], protocol="HTTP/1.1"
            )
            asked = statusandheaders.StatusAndHeaders(
                "GET / HTTP/1.1", [("Host", "example.org")], is_http_request=True
            )
            fixed = {"WARC-Date": "2026-01-02T03:04:05Z", "WARC-Record-ID": f"<urn:uuid:{number}>"}
            for kind, http, payload in (("request", asked, b""), ("response", headers, body)):
                record = writer.create_warc_record(
                    url, kind, payload=io.BytesIO(payload), http_headers=http, warc_headers_dict=dict(fixed)
                )
                writer.write_record(record)
                record.raw_stream.close()
        return sink.getvalue()

    def meant(self, rows: Sequence[Row]) -> list[Row]:
        return [
            {
                "text": row["text"],
                "url": f"http://example.org/{number}",
                "date": "2026-01-02T03:04:05Z",
                "content_type": "text/html; charset=utf-8",
                "status": 200,
            }
            for number, row in enumerate(rows)
        ]

    def bad(self) -> Bad:
        pages: list[tuple[bytes, list[tuple[str, str]]]] = [(row["text"].encode(), []) for row in ROWS]
        pages[4] = (b"packed", [("Content-Encoding", "br")])
        data = self.written(pages)
        start = data.rindex(b"WARC/1.1", 0, data.index(b"Content-Encoding"))
        return Bad(data, 4, f"row 4, byte {start:,}", "unknown_content_encoding")


class TestText(InputFormatContract):
    name = "text"
    sample = ({"text": 'Grüße, "日本語"\n\tand more\n'},)
    no_such_files = ()

    def encode(self, rows: Sequence[Row]) -> bytes:
        return "".join(row["text"] for row in rows).encode()

    def bad(self) -> Bad:
        return Bad(b"caf\xe9", 0, "line 1", "invalid_utf8")


class TestParquet(InputFormatContract):
    name = "parquet"

    def encode(self, rows: Sequence[Row]) -> bytes:
        table = pa.Table.from_pylist(list(rows)) if rows else pa.table({"text": pa.array([], pa.string())})
        return self._file(table)

    def _file(self, table: pa.Table) -> bytes:
        sink = io.BytesIO()
        pq.write_table(table, sink, row_group_size=2)
        return sink.getvalue()

    def bad(self) -> Bad:
        return Bad(self._file(table_with_a_bad_text()), 5, "row group 2, row 1", "invalid_utf8")


class TestArrow(InputFormatContract):
    name = "arrow"

    def encode(self, rows: Sequence[Row]) -> bytes:
        table = pa.Table.from_pylist(list(rows)) if rows else pa.table({"text": pa.array([], pa.string())})
        return self.written(table)

    def written(self, table: pa.Table) -> bytes:
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
        return sink.getvalue()

    def bad(self) -> Bad:
        return Bad(self.written(table_with_a_bad_text()), 5, "row 5", "invalid_utf8")


class TestArrowStream(TestArrow):
    def written(self, table: pa.Table) -> bytes:
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
        return sink.getvalue()


class TestCsv(InputFormatContract):
    name = "csv"
    chunk_constants = (
        "data_juicer.formats.csv.format.CHUNK_BYTES",
        "data_juicer.formats.compression.CHUNK_BYTES",
    )
    encoding = "utf-8"

    def encode(self, rows: Sequence[Row]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["text", "n", "tags"])
        writer.writerows([row["text"], row["n"], "a, b"] for row in rows)
        return text.getvalue().encode(self.encoding)

    def meant(self, rows: Sequence[Row]) -> list[Row]:
        return [{"text": row["text"], "n": str(row["n"]), "tags": "a, b"} for row in rows]

    def bad(self) -> Bad:
        data = self.encode(ROWS).replace("Grüße".encode(), b"Gr\xfc\xdfe")
        return Bad(data, 3, "line 5", "invalid_utf8")


class TestCsvInUtf16(TestCsv):
    encoding = "utf-16"

    def bad(self) -> Bad:
        text = self.encode(ROWS).decode("utf-16").replace("eight,7", "eight,7,too,many")
        return Bad(text.encode("utf-16"), 7, "line 10", "not_an_object")


class TestJsonLinesOut(OutputFormatContract):
    export_type = "jsonl"

    def decode(self, data: bytes) -> list[Row]:
        return [json.loads(line) for line in data.decode().split("\n")[:-1]]


class TestGzipOut(TestJsonLinesOut):
    export_type = "jsonl.gz"

    def decode(self, data: bytes) -> list[Row]:
        return super().decode(gzip.decompress(data))


class TestZstdOut(TestJsonLinesOut):
    export_type = "jsonl.zst"

    def decode(self, data: bytes) -> list[Row]:
        return super().decode(pa.CompressedInputStream(pa.BufferReader(data), "zstd").read())


class TestParquetOut(OutputFormatContract):
    export_type = "parquet"

    def decode(self, data: bytes) -> list[Row]:
        return list(pq.read_table(io.BytesIO(data)).to_pylist())


class TestArrowOut(OutputFormatContract):
    export_type = "arrow"

    def decode(self, data: bytes) -> list[Row]:
        return list(pa.ipc.open_file(pa.BufferReader(data)).read_all().to_pylist())


class TestJsonOut(OutputFormatContract):
    export_type = "json"

    def decode(self, data: bytes) -> list[Row]:
        return list(json.loads(data))


class TestCsvOut(OutputFormatContract):
    export_type = "csv"
    delimiter = ","

    def decode(self, data: bytes) -> list[Row]:
        return list(csv.DictReader(io.StringIO(data.decode(), newline=""), delimiter=self.delimiter))

    def meant(self, rows: Sequence[Row]) -> list[Row]:
        return [
            {
                name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                for name, value in row.items()
            }
            for row in rows
        ]


class TestTsvOut(TestCsvOut):
    export_type = "tsv"
    delimiter = "\t"
    options = ExportOptions(delimiter="\t")


class TestHuggingFaceOut(OutputFormatContract):
    export_type = "huggingface"

    def read(self, store: MemoryStore, paths: Sequence[str]) -> list[bytes]:
        *_, state = sorted(paths, key=lambda path: path.endswith("state.json"))
        named = [each["filename"] for each in json.loads(store.read(state))["_data_files"]]
        assert sorted(named) == [path.rpartition("/")[2] for path in paths if path.endswith(".arrow")]
        return [store.read(f"/out/{name}") for name in named]

    def decode(self, data: bytes) -> list[Row]:
        return list(pa.ipc.open_stream(pa.BufferReader(data)).read_all().to_pylist())


class TestMegatronOut(OutputFormatContract):
    """A letter is a token; read as Megatron-LM's own reader does, by struct and numpy alone."""

    export_type = "megatron"

    @pytest.fixture(autouse=True)
    def tokenizer(self, tmp_path: Path) -> None:
        tokenizers = pytest.importorskip("tokenizers")
        letters = sorted({letter for row in ROWS for letter in row["text"]})
        vocabulary = {letter: number for number, letter in enumerate([*letters, "</s>"])}
        made = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="</s>"))
        made.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex(r"[\s\S]"), "isolated")
        made.save(str(tmp_path / "tokenizer.json"))
        self.letters = [*letters, "</s>"]
        self.options = ExportOptions(tokenizer=str(tmp_path / "tokenizer.json"), text_key="text")  # type: ignore[misc]

    def read(self, store: MemoryStore, paths: Sequence[str]) -> list[bytes]:
        found = []
        for path in paths:
            if path.endswith(".idx"):
                index, tokens = store.read(path), store.read(path.removesuffix(".idx") + self.suffix)
                found.append(len(index).to_bytes(8, "little") + index + tokens)
        assert len(paths) == 2 * len(found)
        return found

    suffix = ".megatron"
    """Of the tokens, since the contract names the file after the type."""

    def decode(self, data: bytes) -> list[Row]:
        size = int.from_bytes(data[:8], "little")
        index, tokens = data[8 : 8 + size], data[8 + size :]
        assert index[:9] == b"MMIDIDX\x00\x00"
        version, code, sequences, documents = struct.unpack_from("<QBQQ", index, 9)
        assert (version, code, documents) == (1, 8, sequences + 1)
        lengths = np.frombuffer(index, np.int32, sequences, 34)
        pointers = np.frombuffer(index, np.int64, sequences, 34 + 4 * sequences)
        ends = np.frombuffer(index, np.int64, documents, 34 + 12 * sequences)
        assert len(index) == 34 + 12 * sequences + 8 * documents
        assert ends.tolist() == list(range(documents))
        rows = []
        for pointer, length in zip(pointers.tolist(), lengths.tolist(), strict=True):
            letters = [self.letters[token] for token in np.frombuffer(tokens, np.uint16, length, pointer)]
            assert letters.pop() == "</s>"
            rows.append({"text": "".join(letters)})
        assert len(tokens) == 2 * lengths.sum()
        return rows

    def meant(self, rows: Sequence[Row]) -> list[Row]:
        return [{"text": row["text"]} for row in rows]


def contracts(base: type[Any]) -> set[type[Any]]:
    return {
        kind
        for kind in globals().values()
        if isinstance(kind, type) and issubclass(kind, base) and kind is not base
    }


def test_every_format_has_its_contract() -> None:
    read = {name for name, each in FORMATS.items() if each.suffixes}
    assert {kind.name for kind in contracts(InputFormatContract)} == read
    assert {kind.export_type for kind in contracts(OutputFormatContract)} == set(EXPORTS)
