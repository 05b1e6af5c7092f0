"""A record of WARC -> the fields of a row: what was fetched, when, what it says it is, and its text. Pure."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Mapping
from typing import Final

from data_juicer.formats.encodings import is_encoding
from data_juicer.formats.warc.frames import Frame

TEXT: Final = "text"
FIELDS: Final = (TEXT, "url", "date", "content_type", "status")
_TEXT_TYPES: Final = re.compile(
    r"text/.*|application/(xhtml\+xml|xml|json|ld\+json|javascript|x-javascript|rss\+xml|atom\+xml)"
)
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';>]+)", re.IGNORECASE)
_META: Final = re.compile(
    rb"<(?:meta|\?xml)[^>]{0,500}?(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]+)", re.IGNORECASE
)
_META_BYTES: Final = 2048
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FALLBACK: Final = "cp1252"
"""What a page without a word about its encoding is in, where it is not UTF-8 (WHATWG, HTML, section 13.2.3.2)."""
_WINDOW_BITS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class PayloadError(Exception):
    """What was fetched cannot be read: a stable name for the kind of error, and one line for people."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message


def fields_of(frame: Frame, text_bytes_max: int) -> dict[str, object]:
    """The fields of a row; the text is None where the page is no text, such as an image.

    Raises: PayloadError: it is packed in a way that is not known, damaged, or unpacks to more than `text_bytes_max`.
    """
    block = frame.raw[frame.block_start :]
    content_type = frame.headers.get("content-type", "")
    status: int | None = None
    if content_type.lower().startswith("application/http"):
        status, headers, body = _open_response(block)
        content_type = headers.get("content-type", "")
        block = _unpacked(headers, body, text_bytes_max) if _is_text(content_type) else b""
    text = _decoded(block, content_type) if _is_text(content_type) else None
    values: tuple[object, ...] = (
        text,
        frame.headers.get("warc-target-uri", "").strip("<>"),
        frame.headers.get("warc-date", ""),
        content_type,
        status,
    )
    return dict(zip(FIELDS, values, strict=True))


def _is_text(content_type: str) -> bool:
    return _TEXT_TYPES.fullmatch(content_type.partition(";")[0].strip().lower()) is not None


def _open_response(block: bytes) -> tuple[int | None, Mapping[str, str], bytes]:
    """Status, headers by name in lower case, and the body of an answer over HTTP."""
    end = _HEAD_END.search(block)
    head, body = (block, b"") if end is None else (block[: end.start()], block[end.end() :])
    first, *lines = head.decode("latin-1").splitlines() or [""]
    words = first.split()
    status = (
        int(words[1])
        if len(words) > 1 and words[1].isascii() and words[1].isdigit() and len(words[1]) == 3
        else None
    )
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return status, headers, body


def _unpacked(headers: Mapping[str, str], body: bytes, size_max: int) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _joined_chunks(body)
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in {"", "identity", "none", "utf-8"}:
        return body
    if coding not in _WINDOW_BITS:
        raise PayloadError(
            "unknown_content_encoding", f"its content encoding is {coding[:40]!r}, which is not read"
        )
    return _inflated(body, coding, size_max)


def _inflated(body: bytes, coding: str, size_max: int) -> bytes:
    if coding != "deflate" and not body.startswith(b"\x1f\x8b"):
        return body  # a crawler unpacked it and kept the header
    for bits in (_WINDOW_BITS[coding], -15):
        unpacker = zlib.decompressobj(bits)
        try:
            text = unpacker.decompress(body, size_max + 1)
        except zlib.error as error:
            damage = error
            continue
        if len(text) > size_max:
            raise PayloadError("too_long", f"its text unpacks to more than {size_max:,} bytes")
        return text
    raise PayloadError("damaged_content", f"its {coding} data is damaged: {damage}")


def _joined_chunks(body: bytes) -> bytes:
    """The body without the sizes of its chunks; as it is where a crawler took them out."""
    parts: list[bytes] = []
    at = 0
    while True:
        end = body.find(b"\r\n", at)
        size = body[at:end].partition(b";")[0].strip() if end >= 0 else b""
        if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", size):
            return b"".join(parts) if parts else body
        count = int(size, 16)
        if count == 0:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + count])
        at = end + 2 + count + 2


def _decoded(data: bytes, content_type: str) -> str:
    """As browsers do: a mark, what the header says, what the page says, UTF-8, else Windows-1252; what is wrong is U+FFFD."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    declared = _CHARSET.search(content_type)
    in_page = _META.search(data, 0, _META_BYTES)
    for name in (declared and declared[1], in_page and in_page[1].decode("ascii", "replace")):
        if name and is_encoding(name):
            return data.decode(name, "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode(_FALLBACK, "replace")
