"""JSON values of fields, raw and decoded. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import msgspec
import pyarrow as pa

from data_juicer.kernels.characters import json_strings
from data_juicer.rows.plain_values import find_unfit, plain, plain_keys


class _Missing:
    """The value of a field that a row does not have; unlike None, which is JSON null."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()

_ENCODER: Final = msgspec.json.Encoder()
_RAW_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAW_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


def decode(raw: bytes | memoryview | msgspec.Raw) -> Any:
    """Python value of raw JSON; integers of any size stay exact, as the msgspec decoder does not keep them."""
    return json.loads(bytes(raw))


def encode(value: Any) -> bytes:
    """Raw JSON of a Python value, compact, non-ASCII as UTF-8; of another type as `rows/plain_values.py` says.

    Raises: TypeError, ValueError: the value has no JSON form (a set, NaN, a lone surrogate).
    """
    if type(value) is str:
        return _ENCODER.encode(value)
    try:
        return _dumps(value)
    except TypeError:  # also of keys that are no strings, which the encoder takes of plain numbers alone
        return _dumps(plain_keys(value))


def _dumps(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=plain)
    return text.encode()


def encode_field(key: str, value: Any) -> bytes:
    """The same of what an operator wrote into the field `key`.

    Raises: ValueError: what has no JSON form, by where it is in the field and by its type.
    """
    try:
        return encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"field {find_unfit(key, value, _has_form)}: JSON has no such value") from error


def check_name(name: object) -> None:
    """Raises: ValueError: what an operator gave as the name of a field or stat has no JSON form as one."""
    if not isinstance(name, str):
        raise ValueError(  # noqa: TRY004 - the row is to blame as much
            f"the name of a field must be a string, found {name!r:.80}"
        )
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the name {name!r:.80} holds a lone surrogate: JSON has no such name") from error


def _has_form(value: Any) -> bool:
    try:
        encode(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def encode_texts(column: pa.Array) -> pa.Array:
    """A large_string column as JSON strings: large_binary of the same length."""
    return pa.array(json_strings.encode_strings(column), pa.large_binary())


def decode_texts(column: pa.Array) -> pa.Array:
    """A column of raw JSON as its strings: large_string of the same length.

    Raises: ValueError: a value is no string, or is missing.
    """
    texts = [None if raw is None else decode(raw) for raw in column.to_pylist()]
    for text in texts:
        if type(text) is not str:
            raise ValueError(f"a text must be a string, found {text!r:.80}")
    return pa.array(texts, pa.large_string())


def decode_binary(column: pa.Array) -> pa.Array:
    """A column of raw JSON whose strings are base64 as their bytes: large_binary of the same length.

    Raises: ValueError: a value is something else than such a string or null.
    """
    values = [None if raw is None else decode(raw) for raw in column.to_pylist()]
    wrong = next((value for value in values if value is not None and not isinstance(value, str)), None)
    if wrong is not None:
        raise ValueError(f"bytes must be a base64 string, found {wrong!r:.80}")
    return pa.array(
        [None if text is None else base64.b64decode(text, validate=True) for text in values],
        pa.large_binary(),
    )


def encode_binary(column: pa.Array) -> pa.Array:
    """A column of bytes as raw JSON: base64 strings, and null."""
    raw = [b"null" if data is None else encode(data) for data in column.to_pylist()]
    return pa.array(raw, pa.large_binary())


def raw_object(raw: bytes | memoryview) -> dict[str, bytes]:
    """The members of a JSON object in their order, as raw JSON; of a repeated key the last one counts."""
    return {key: bytes(value) for key, value in _RAW_OBJECT.decode(raw).items()}


def raw_list(raw: bytes | memoryview) -> list[bytes]:
    """The items of a JSON list, as raw JSON."""
    return [bytes(item) for item in _RAW_LIST.decode(raw)]


def put(row: MutableMapping[str, bytes], key: str, raw: bytes) -> None:
    """Set the field `key` of a row of raw values; `a.b` reaches into `a` where the row has no field of that name."""
    head, dot, rest = key.partition(".")
    if not dot or key in row or head not in row:
        row[key] = raw
        return
    inner = raw_object(row[head])
    put(inner, rest, raw)
    row[head] = join_object(inner)


def get(row: Mapping[str, bytes], key: str) -> bytes | None:
    """The raw value of the field `key`, looked up like `put` does; None where the row lacks it."""
    if key in row:
        return row[key]
    head, dot, rest = key.partition(".")
    if not dot or not row.get(head, b"").startswith(b"{"):
        return None
    return get(raw_object(row[head]), rest)


def join_object(row: Mapping[str, bytes]) -> bytes:
    """A JSON object of raw members."""
    return b"{" + b",".join(_ENCODER.encode(key) + b":" + raw for key, raw in row.items()) + b"}"


def inner_column(outer: str, column: pa.Array, key: str) -> pa.Array:
    """The field `key`, which reaches into the field `outer`, for each row of the raw JSON `column` of `outer`."""
    inner = [None if raw is None else get({outer: raw}, key) for raw in column.to_pylist()]
    return pa.array(inner, pa.large_binary())


def with_inner(outer: str, column: pa.Array, key: str, texts: pa.Array) -> pa.Array:
    """The raw JSON `column` of the field `outer` with texts where `key` reaches into it: large_binary."""
    rows = [{outer: raw or b"{}"} for raw in column.to_pylist()]
    for row, text in zip(rows, json_strings.encode_strings(texts), strict=True):
        put(row, key, text)
    return pa.array([row[outer] for row in rows], pa.large_binary())


def stat_value(scalar: pa.Scalar) -> Any:
    """A stat of a filter as a Python value; stats whose type differs from row to row are kept as raw JSON."""
    value = scalar.as_py()
    return decode(value) if isinstance(value, bytes) else value


def stat_values(column: pa.Array) -> list[Any]:
    """A column of stats as Python values; where it is raw JSON, as a column of several types is, decoded."""
    plain: list[Any] = column.to_pylist()
    if pa.types.is_large_binary(column.type):
        return [None if raw is None else decode(raw) for raw in plain]
    return plain


def raw_stats(column: pa.Array) -> pa.Array:
    """A column of stats as raw JSON: large_binary."""
    if pa.types.is_large_binary(column.type):
        return column
    return pa.array([_ENCODER.encode(stat) for stat in column.to_pylist()], pa.large_binary())
