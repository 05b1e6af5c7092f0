"""Tables in the types that everything after a reader can work with. Pure.

Arrow has several types for one kind of value, and few functions work on all of them: rows of string views cannot be
taken, dictionaries within lists cannot be joined. `normal_table` gives each value in a type that holds it exactly:

    string_view, binary_view           -> large_string, large_binary
    list_view, large_list_view         -> large_list
    run_end_encoded                    -> its values
    dictionary                         -> its values; at the top of a row, of strings, dictionary<int32, large_string>
    uuid and bool8 within a value      -> its text, boolean; other extension types -> what they are stored as
    date64                             -> date32, or timestamp[ms] where a value is no whole day
    month_day_nano_interval            -> struct<months, days, nanoseconds>
    sparse_union, dense_union, struct without members  -> JSON text
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from data_juicer.formats.tables.json_kinds import JSON_TEXT
from data_juicer.rows import json_values

INTERVAL: Final = pa.struct([("months", pa.int32()), ("days", pa.int32()), ("nanoseconds", pa.int64())])
_DAY_MS: Final = 86_400_000
_KEPT_EXTENSIONS: Final = frozenset({"arrow.uuid", "arrow.bool8", "arrow.json"})


def find_twice(schema: pa.Schema) -> str | None:
    """A name that two columns of a table, or two members of one struct, share, with the way to it; None: no such name."""
    return _find_twice([(field.name, field.type) for field in schema], "")


def _find_twice(members: list[tuple[str, pa.DataType]], above: str) -> str | None:
    name, count = Counter(name for name, _ in members).most_common(1)[0] if members else ("", 0)
    if count > 1:
        return above + name
    for name, kind in members:
        inner = [(child.name, child.type) for child in _children(kind)]
        found = _find_twice(inner, f"{above}{name}.") if pt.is_struct(kind) else None
        found = found or next(
            (
                twice
                for _, child in inner
                if not pt.is_struct(kind) and (twice := _find_twice([(name, child)], above))
            ),
            None,
        )
        if found:
            return found
    return None


def _children(kind: pa.DataType) -> list[pa.Field]:
    if pt.is_dictionary(kind):
        return [pa.field("", kind.value_type)]
    return [kind.field(number) for number in range(kind.num_fields)]


def normal_table(table: pa.Table) -> pa.Table:
    """The table with every column in one chunk, in types of the module's list. Values are the same."""
    fields, columns = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
        array = _one_chunk(column)
        made = _normal(array, top=True)
        metadata = dict(field.metadata or {})
        if _becomes_json(field.type):
            metadata |= JSON_TEXT
        fields.append(pa.field(field.name, made.type, nullable=field.nullable, metadata=metadata or None))
        columns.append(made)
    schema = pa.schema(fields, metadata=table.schema.metadata)
    return pa.Table.from_arrays(columns, schema=schema)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    if column.num_chunks == 0:
        return pa.nulls(0, column.type)
    if is_normal(column.type):
        return pa.concat_arrays(column.chunks)
    parts = [
        _normal(chunk, top=True) for chunk in column.chunks
    ]  # before, as few types can be joined as they are
    kinds = {part.type for part in parts}
    if len(kinds) > 1:  # days here, milliseconds there
        parts = [part.cast(pa.timestamp("ms")) for part in parts]
    return pa.concat_arrays(parts)


def is_normal(kind: pa.DataType, *, top: bool = True) -> bool:
    """Whether no value of this type needs another one, at the top of a row or within a value."""
    if isinstance(kind, pa.BaseExtensionType):
        return top and kind.extension_name in _KEPT_EXTENSIONS
    if _is_odd(kind) or pt.is_dictionary(kind):
        return False
    return all(is_normal(child.type, top=False) for child in _children(kind))


def _is_odd(kind: pa.DataType) -> bool:
    return bool(
        pt.is_string_view(kind)
        or pt.is_binary_view(kind)
        or pt.is_list_view(kind)
        or pt.is_large_list_view(kind)
        or pt.is_run_end_encoded(kind)
        or pt.is_date64(kind)
        or pt.is_interval(kind)
        or _becomes_json(kind)
    )


def _becomes_json(kind: pa.DataType) -> bool:
    return bool(pt.is_union(kind) or (pt.is_struct(kind) and not kind.num_fields))


def _normal(array: pa.Array, *, top: bool = False) -> pa.Array:
    kind = array.type
    if pt.is_dictionary(kind) and top and pt.is_string(kind.value_type) | pt.is_large_string(kind.value_type):
        return _text_dictionary(array)
    if is_normal(kind, top=top):
        return array
    if isinstance(array, pa.ExtensionArray):
        return _storage(array)
    if _becomes_json(kind):
        return _json_texts(array)
    if pt.is_string_view(kind):
        return array.cast(pa.large_string())
    if pt.is_binary_view(kind):
        return array.cast(pa.large_binary())
    if pt.is_run_end_encoded(kind):
        return _normal(pc.run_end_decode(array))
    if pt.is_dictionary(kind):
        return _normal(array.dictionary.take(array.indices))
    if pt.is_date64(kind):
        return _days(array)
    if pt.is_interval(kind):
        return pa.array(
            [None if value is None else tuple(value.as_py()) for value in _scalars(array)], INTERVAL
        )
    return _nested(array)


def _storage(array: pa.ExtensionArray) -> pa.Array:
    """What values of a type that Arrow's functions do not know mean."""
    if array.type.extension_name == "arrow.bool8":
        return pc.not_equal(array.storage, 0)
    if array.type.extension_name == "arrow.uuid":
        texts = [None if raw is None else str(uuid.UUID(bytes=raw)) for raw in array.storage.to_pylist()]
        return pa.array(texts, pa.large_string())
    return _normal(array.storage)


def _scalars(array: pa.Array) -> Iterator[Any]:
    yield from (value if value.is_valid else None for value in array)


def _text_dictionary(array: pa.DictionaryArray) -> pa.DictionaryArray:
    indices = array.indices.cast(pa.int32())
    return pa.DictionaryArray.from_arrays(indices, array.dictionary.cast(pa.large_string()))


def _days(array: pa.Array) -> pa.Array:
    milliseconds = array.view(pa.int64())
    values = milliseconds.fill_null(0).to_numpy()
    if (values % _DAY_MS).any():
        return milliseconds.view(pa.timestamp("ms"))
    days = (values // _DAY_MS).astype(np.int32)
    return pa.array(days, mask=array.is_null().to_numpy(zero_copy_only=False)).view(pa.date32())


def _nested(array: pa.Array) -> pa.Array:
    """Lists, maps and structs whose children become normal."""
    kind = array.type
    nulls = array.is_null()
    if pt.is_struct(kind):
        members = [_normal(member) for member in array.flatten()]
        return pa.StructArray.from_arrays(
            members, fields=[_renewed(kind.field(n), made) for n, made in enumerate(members)], mask=nulls
        )
    if pt.is_map(kind):
        return map_array(array, *map_entries(array))
    if pt.is_fixed_size_list(kind):
        values = _normal(_all_items(array))
        made = pa.list_(_renewed(kind.value_field, values), kind.list_size)
        return pa.FixedSizeListArray.from_arrays(values, type=made, mask=nulls)
    return list_array(array, _list_items(array), kind.value_field)


def _list_items(array: pa.Array) -> pa.Array:
    """The items, normal, of the lists that are not null, in order."""
    if pt.is_list_view(array.type) or pt.is_large_list_view(array.type):
        return _normal(array.flatten())
    offsets = array.offsets.to_numpy()
    start, stop = int(offsets[0]), int(offsets[-1])
    items = _normal(array.values.slice(start, stop - start))  # first: Arrow cannot select items of every type
    nulls = array.is_null().to_numpy(zero_copy_only=False)
    if not (nulls & (np.diff(offsets) > 0)).any():
        return items
    return items.filter(
        pa.array(np.repeat(~nulls, np.diff(offsets)))
    )  # a null list may have items all the same


def _all_items(array: pa.FixedSizeListArray) -> pa.Array:
    """The items of every list, those of null lists included."""
    size = array.type.list_size
    return array.values.slice(array.offset * size, len(array) * size)


def list_array(array: pa.Array, items: pa.Array, item_field: pa.Field) -> pa.Array:
    """A large_list with the bounds and nulls of `array`, of any list type, and these items."""
    offsets = pa.array(_offsets(array), pa.int64())
    kind = pa.large_list(_renewed(item_field, items))
    return pa.LargeListArray.from_arrays(offsets, items, type=kind, mask=array.is_null())


def map_entries(array: pa.MapArray) -> tuple[pa.Array, pa.Array]:
    """Keys and items, normal, of the maps that are not null, in order."""
    offsets = array.offsets.to_numpy()
    start, stop = int(offsets[0]), int(offsets[-1])
    keys, items = (_normal(each.slice(start, stop - start)) for each in (array.keys, array.items))
    nulls = array.is_null().to_numpy(zero_copy_only=False)
    if not (nulls & (np.diff(offsets) > 0)).any():
        return keys, items
    is_present = pa.array(np.repeat(~nulls, np.diff(offsets)))  # a null map may have entries all the same
    return keys.filter(is_present), items.filter(is_present)


def map_array(array: pa.MapArray, keys: pa.Array, items: pa.Array) -> pa.MapArray:
    """A map with the bounds and nulls of `array` and these entries."""
    offsets = pa.array(_offsets(array), pa.int32())
    kind = pa.map_(
        _renewed(array.type.key_field, keys),
        _renewed(array.type.item_field, items),
        keys_sorted=array.type.keys_sorted,
    )
    return pa.MapArray.from_arrays(offsets, keys, items, type=kind, mask=array.is_null())


def _offsets(array: pa.Array) -> Any:
    if pt.is_map(array.type):
        offsets = array.offsets.to_numpy()
        sizes = np.diff(offsets)
    else:
        sizes = pc.list_value_length(array).fill_null(0).to_numpy().astype(np.int64)
    sizes = np.where(array.is_null().to_numpy(zero_copy_only=False), 0, sizes)
    return np.concatenate(([0], np.cumsum(sizes)))


def _renewed(field: pa.Field, made: pa.Array) -> pa.Field:
    metadata = {**(field.metadata or {}), **(JSON_TEXT if _becomes_json(field.type) else {})}
    return pa.field(field.name, made.type, nullable=field.nullable, metadata=metadata or None)


def _json_texts(array: pa.Array) -> pa.Array:
    """A value with a string that is not UTF-8 keeps its bytes, so that its row is found to be bad, as with other columns."""
    try:
        raw = [_json_text(value) for value in _python(array)]
    except UnicodeDecodeError:
        raw = [_text_of_scalar(scalar) for scalar in array]
    return pa.array(raw, pa.large_binary()).view(pa.large_string())


def _json_text(value: Any) -> bytes | None:
    return None if value is None else bytes(json_values.encode(_plain(value)))


def _text_of_scalar(scalar: pa.Scalar) -> bytes | None:
    try:
        return _json_text(scalar.as_py())
    except UnicodeDecodeError as error:
        return bytes(error.object)


def _python(array: pa.Array) -> list[Any]:
    return list(array.to_pylist())


def _plain(value: Any) -> Any:
    """A value that JSON has no form for becomes its text."""
    if isinstance(value, dict):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | bool | int | float | None) and value == value else str(value)  # noqa: PLR0124
