"""What a page says of itself is not believed further than it can be: encodings, packing, lengths."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from data_juicer.errors import InputError
from data_juicer.formats.base import FragmentLimits
from data_juicer.formats.discover import discover
from data_juicer.formats.jsonl.write import encode_rows
from data_juicer.formats.partition import read_partition
from data_juicer.formats.registry import FORMATS
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing.format_contract import Part

LIMITS = FragmentLimits(rows_max=100, size_bytes_max=1 << 20, row_bytes_max=1 << 20)


def record(body: bytes, *headers: str, kind: str = "response") -> bytes:
    http = "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode() + body
    content = "application/http; msgtype=response" if kind == "response" else "text/plain"
    block = http if kind == "response" else body
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Type: {content}\r\nContent-Length: {len(block)}\r\n\r\n"
    return head.encode() + block + b"\r\n\r\n"


def read(data: bytes) -> tuple[list[str], list[str]]:
    """Texts, and the errors of those that are bad."""
    store = MemoryStore()
    store.make_dirs("/in")
    store.write("/in/a.warc", data)
    (source,) = discover(store, ["/in/a.warc"])
    texts, errors = [], []
    for fragment, _ in FORMATS["warc"].reader.unpack(store, source, LIMITS):
        found = read_partition(store, Part(source.path, "warc", fragment, is_copy=False), ("text",), 1 << 20)
        texts += [json.loads(line)["text"] for line in encode_rows(found.batch).splitlines()]
        errors += [bad.error_type for bad in found.bad]
    return texts, errors


HTML = "Content-Type: text/html"
PAGES: dict[str, tuple[bytes, str]] = {
    "header": (record("é".encode("latin-1"), HTML + "; charset=ISO-8859-1"), "é"),
    "meta": (record(b'<meta charset="gbk">' + "你".encode("gbk"), HTML), '<meta charset="gbk">你'),
    "a mark": (record("é".encode("utf-16"), HTML + "; charset=utf-8"), "é"),
    "nothing, UTF-8": (record("é".encode(), HTML), "é"),
    "nothing, Windows-1252": (record(b"caf\xe9 \x80", HTML), "café €"),
    "wrong UTF-8": (record(b"a\xffb", HTML + "; charset=utf-8"), "a�b"),
    "gzip": (record(gzip.compress(b"page"), HTML, "Content-Encoding: gzip"), "page"),
    "gzip that was unpacked": (record(b"page", HTML, "Content-Encoding: gzip"), "page"),
    "deflate": (record(zlib.compress(b"page"), HTML, "Content-Encoding: deflate"), "page"),
    "chunks": (record(b"3\r\npag\r\n1;x=y\r\ne\r\n0\r\n\r\n", HTML, "Transfer-Encoding: chunked"), "page"),
    "chunks that were joined": (record(b"page", HTML, "Transfer-Encoding: chunked"), "page"),
    "the text of a page": (record("é".encode(), kind="conversion"), "é"),
    **{f"charset {name}": (record(b"plain -_a", HTML + f"; charset={name}"), "plain -_a")
       for name in ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7", "rot13", "hex", "no\x00ne")},
}  # fmt: skip


@pytest.mark.parametrize("case", PAGES)
def test_the_text_of_a_page(case: str) -> None:
    data, text = PAGES[case]
    assert read(data) == ([text], [])


def test_what_is_no_text_or_cannot_be_unpacked_costs_its_row() -> None:
    bomb = gzip.compress(b"\0" * (2 << 20))
    data = b"".join(
        [
            record(b"\x89PNG", "Content-Type: image/png"),
            record(b"x", HTML, "Content-Encoding: br"),
            record(gzip.compress(b"page")[:15] + b"damage", HTML, "Content-Encoding: gzip"),
            record(bomb, HTML, "Content-Encoding: gzip"),
            record(b"x", kind="request"),
            record(b"last", HTML),
        ]
    )
    assert read(data) == (["last"], ["null_text", "unknown_content_encoding", "damaged_content", "too_long"])


@pytest.mark.parametrize(
    "data",
    [
        record(b"x", HTML)[:-9],
        record(b"x", HTML) + b"rubbish\r\n",
        b"WARC/1.0\r\nContent-Length: 9e9\r\n\r\n",
    ],
)
def test_a_file_that_is_damaged_is_refused_with_the_place(data: bytes) -> None:
    with pytest.raises(InputError, match=r"damaged after record \d, byte \d+"):
        read(data)
