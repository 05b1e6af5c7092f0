"""Arrow values as raw JSON, so that operators see the fields of a Parquet row as they see those of a JSON line. Pure.

Dates and times become ISO 8601, durations seconds, decimals strings, binary base64; NaN and infinity, which JSON lacks,
null. Every value of every type has a form: none is too large or too odd for its row (`formats.tables.times`).
"""

from __future__ import annotations

import base64
import json
import math
import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.types as pt

from data_juicer.formats.tables.normal import map_entries
from data_juicer.formats.tables.times import date_text, duration_text, time_text, timestamp_text
from data_juicer.kernels.characters.json_strings import encode_strings

_NULL: Final = b"null"
_ESCAPED: Final = re.compile(rb'[\x00-\x1f"\\]')


def raw_values(column: pa.Array | pa.ChunkedArray) -> list[bytes]:
    """Each value of a column as raw JSON; an Arrow null is a JSON null. Types are those of `formats.tables.normal`.

    A string that is not UTF-8, as a row that is named as bad may have one, keeps its bytes.
    """
    if isinstance(column, pa.ChunkedArray):
        return [raw for chunk in column.chunks for raw in _raw(chunk)]
    return _raw(column)


def raw_string(text: bytes) -> bytes:
    """A JSON string of bytes that are not UTF-8: only what JSON must escape is escaped."""
    return b'"' + _ESCAPED.sub(lambda found: b"\\u%04x" % found[0][0], text) + b'"'


def is_utf8(column: pa.Array) -> bool:
    """Whether every string of a column of strings is UTF-8."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _raw(array: pa.Array) -> list[bytes]:
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _extension(array)
    if pt.is_dictionary(kind):
        values = _raw(array.dictionary)
        return [_NULL if index is None else values[index] for index in array.indices.to_pylist()]
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        return _nested(array, _raw(array.flatten()), b"[%b]")
    if pt.is_map(kind):
        pairs = zip(*map(_raw, map_entries(array)), strict=True)
        return _nested(array, [b"[%b,%b]" % pair for pair in pairs], b"[%b]")
    if pt.is_struct(kind):
        return _struct(array)
    if pt.is_string(kind) or pt.is_large_string(kind):
        return _strings(array)
    return _scalars(array)


def _nested(array: pa.Array, items: list[bytes], form: bytes) -> list[bytes]:
    values, start = [], 0
    for size in _sizes(array):
        if size is None:
            values.append(_NULL)
        else:
            values.append(form % b",".join(items[start : start + size]))
            start += size
    return values


def _sizes(array: pa.Array) -> list[int | None]:
    """The number of items of each list or map, None where it is null."""
    if pt.is_fixed_size_list(array.type):
        return [array.type.list_size if valid else None for valid in array.is_valid().to_pylist()]
    offsets, valid = array.offsets.to_pylist(), array.is_valid().to_pylist()
    return [
        stop - start if is_valid else None
        for start, stop, is_valid in zip(offsets, offsets[1:], valid, strict=False)
    ]


def _struct(array: pa.StructArray) -> list[bytes]:
    names = [b"%b:" % _encode(field.name) for field in array.type]
    if not names:
        return [b"{}" if valid else _NULL for valid in array.is_valid().to_pylist()]
    members = zip(*(_raw(member) for member in array.flatten()), strict=True)
    return [
        b"{%b}" % b",".join(map(bytes.__add__, names, row)) if valid else _NULL
        for row, valid in zip(members, array.is_valid().to_pylist(), strict=True)
    ]


def _extension(array: pa.ExtensionArray) -> list[bytes]:
    name = array.type.extension_name
    if name == "arrow.uuid":
        return _each(array.storage.to_pylist(), lambda value: _encode(str(uuid.UUID(bytes=value))))
    if name == "arrow.bool8":
        return _each(array.storage.to_pylist(), lambda value: b"true" if value else b"false")
    return _raw(array.storage)


def _strings(array: pa.Array) -> list[bytes]:
    if not is_utf8(array):
        binary = array.cast(pa.large_binary() if pt.is_large_string(array.type) else pa.binary())
        return _each(binary.to_pylist(), _string)
    if not array.null_count:
        return [bytes(raw) for raw in encode_strings(array.cast(pa.large_string()))]
    return _each(array.to_pylist(), _encode)


def _string(text: bytes) -> bytes:
    try:
        return _encode(text.decode())
    except UnicodeDecodeError:
        return raw_string(text)


def _scalars(array: pa.Array) -> list[bytes]:
    kind = array.type
    if pt.is_null(kind):
        return [_NULL] * len(array)
    if pt.is_boolean(kind):
        return _each(array.to_pylist(), lambda value: b"true" if value else b"false")
    if pt.is_integer(kind):
        return _each(array.to_pylist(), lambda value: b"%d" % value)
    if pt.is_floating(kind):
        return _each(array.to_pylist(), _float)
    if pt.is_decimal(kind):
        return _each(array.to_pylist(), lambda value: _encode(str(value)))
    if pt.is_temporal(kind):
        return _temporal(array)
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind):
        return _each(array.to_pylist(), lambda value: b'"%b"' % base64.b64encode(value))
    return _each(array.to_pylist(), lambda value: _encode(str(value)))


def _temporal(array: pa.Array) -> list[bytes]:
    kind = array.type
    wide = kind.bit_width == 64
    integers = array.view(pa.int64() if wide else pa.int32()).to_pylist()
    if pt.is_timestamp(kind):
        return _each(integers, lambda value: _encode(timestamp_text(value, kind.unit, kind.tz)))
    if pt.is_time(kind):
        return _each(integers, lambda value: _encode(time_text(value, kind.unit)))
    if pt.is_duration(kind):
        return _each(integers, lambda value: duration_text(value, kind.unit).encode())
    if pt.is_date64(kind):
        return _each(integers, lambda value: _encode(date_text(value // 86_400_000)))
    return _each(integers, lambda value: _encode(date_text(value)))


def _float(value: float) -> bytes:
    value = float(value)
    return repr(value).encode() if math.isfinite(value) else _NULL


def _each(values: Iterable[Any], encode: Callable[[Any], bytes]) -> list[bytes]:
    return [_NULL if value is None else encode(value) for value in values]


def _encode(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()
