"""Results as CSV or TSV: a column for each field that any row has, in the order first seen.

A string is itself, any other value its JSON text as it came in, so that 1.0 stays 1.0; null and a missing field are empty, the empty
string is a pair of quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from data_juicer.formats.base import ExportOptions, Merge, OutputFormat, Parts, ReadPart
from data_juicer.formats.jsonl.format import encode_intermediate

if TYPE_CHECKING:
    from collections.abc import Callable

_OPEN_ROW: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_TEXT: Final = msgspec.json.Decoder(str).decode
_QUOTE: Final = b'"'
_WRITE_BYTES: Final = 1 << 20


def _columns(parts: Parts, read: ReadPart) -> tuple[str, ...]:
    """The names of all fields of all rows."""
    names: dict[str, None] = {}
    for part in parts:
        for line in _lines(read(part)):
            row = _OPEN_ROW(line)
            if not row.keys() <= names.keys():
                names |= dict.fromkeys(row)
    return tuple(names)


def _merge(delimiter: str, *, header: bool) -> Merge:
    separator = delimiter.encode()
    is_special = re.compile(b"[" + re.escape(separator) + b'"\r\n]').search

    def cell(text: bytes) -> bytes:
        return _QUOTE + text.replace(_QUOTE, _QUOTE * 2) + _QUOTE if is_special(text) else text

    def write(parts: Parts, read: ReadPart, names: tuple[str, ...], sink: BinaryIO) -> None:
        lines, size = [], 0
        for line in _rows(parts, read, names, separator, cell, header=header):
            lines.append(line)
            size += len(line)
            if size >= _WRITE_BYTES:
                sink.write(b"".join(lines))
                lines, size = [], 0
        sink.write(b"".join(lines))

    return Merge(survey=_columns, write=write)


def _rows(
    parts: Parts,
    read: ReadPart,
    names: tuple[str, ...],
    separator: bytes,
    cell: Callable[[bytes], bytes],
    *,
    header: bool,
) -> Iterator[bytes]:
    if header and names:
        yield separator.join(cell(name.encode()) or _QUOTE * 2 for name in names) + b"\n"
    for part in parts:
        for line in _lines(read(part)):
            row = _OPEN_ROW(line)
            cells = separator.join(_value(row.get(name), cell) for name in names)
            yield (cells or _QUOTE * 2) + b"\n"  # readers take an empty line for none


def _value(raw: msgspec.Raw | None, cell: Callable[[bytes], bytes]) -> bytes:
    if raw is None:
        return b""
    value = bytes(raw)
    if value == b"null":
        return b""
    if not value.startswith(_QUOTE):
        return cell(value)
    return cell(_TEXT(value).encode()) or _QUOTE * 2


def _lines(data: bytes) -> list[bytes]:
    return bytes(data).split(b"\n")[:-1]


def writer(options: ExportOptions) -> OutputFormat:
    """Commas between values, unless options say otherwise; `delimiter` is that of TSV where the export is one."""
    merge = _merge(options.delimiter or ",", header=options.header)
    return OutputFormat(encode_intermediate=encode_intermediate, merges={"jsonl": merge}, configure=writer)


WRITER: Final = writer(ExportOptions())
