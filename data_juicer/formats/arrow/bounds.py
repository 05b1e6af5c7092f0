"""Whether the offsets, indices and counts of an Arrow array stay inside of its buffers. Pure.

An IPC file carries the buffers of its arrays as they are in memory. Arrow's quick validation looks at their sizes, not at what
is in them, so that a wrong offset is followed to wherever it points. Its full validation looks at all, and at values too:
there a string that is not UTF-8 costs the file, where it is to cost its row. Each array is therefore validated in full as one of
the same layout without values: strings as bytes, the members of a list as so many nulls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt


def check_bounds(array: pa.Array) -> None:
    """Raises: pa.ArrowInvalid, pa.ArrowIndexError: something in it points outside of it."""
    array.validate()
    _check_nulls(array)
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        check_bounds(array.storage)
        return
    if (bare := _without_values(array, kind)) is not None:
        bare.validate(full=True)
    for child in _children(array, kind):
        check_bounds(child)


def _check_nulls(array: pa.Array) -> None:
    """The validity of the rows, taken for booleans: its size, and whether it has as many nulls as the file claims."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray) or pt.is_null(kind) or pt.is_union(kind) or _is_run_ends(kind):
        return
    if (validity := array.buffers()[0]) is not None:
        bits = [validity, validity]
        pa.Array.from_buffers(pa.bool_(), len(array), bits, array.null_count, array.offset).validate(
            full=True
        )
    elif array.null_count:
        raise pa.ArrowInvalid(f"{array.null_count:,} nulls are claimed, and no validity is there")


def _without_values(array: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """An array of the same layout whose full validation looks at bounds alone; None: quick validation has seen all."""
    if pt.is_string(kind) or pt.is_binary(kind):
        return _rebuilt(array, pa.binary(), 3)
    if pt.is_large_string(kind) or pt.is_large_binary(kind):
        return _rebuilt(array, pa.large_binary(), 3)
    if pt.is_string_view(kind) or pt.is_binary_view(kind):
        return _rebuilt(array, pa.binary_view(), len(array.buffers()))
    if pt.is_list(kind) or pt.is_map(kind):
        return _rebuilt(array, pa.list_(pa.null()), 2, _members(array, kind))
    if pt.is_large_list(kind):
        return _rebuilt(array, pa.large_list(pa.null()), 2, len(array.values))
    if pt.is_list_view(kind):
        return _rebuilt(array, pa.list_view(pa.null()), 3, len(array.values))
    if pt.is_large_list_view(kind):
        return _rebuilt(array, pa.large_list_view(pa.null()), 3, len(array.values))
    if pt.is_dictionary(kind):
        _check_indices(array.indices, len(array.dictionary))
    if pt.is_union(kind):
        return _union(array, kind)
    if _is_run_ends(kind):
        runs = [array.run_ends, pa.nulls(len(array.values))]
        nothing = pa.run_end_encoded(kind.run_end_type, pa.null())
        return pa.Array.from_buffers(nothing, len(array), [None], 0, array.offset, runs)
    return None


def _rebuilt(array: pa.Array, kind: pa.DataType, buffers: int, members: int | None = None) -> pa.Array:
    """
    Args:
        buffers: how many of them are the array's own; those of its members follow.
    """
    children = None if members is None else [pa.nulls(members)]
    own = array.buffers()[:buffers]
    return pa.Array.from_buffers(kind, len(array), own, array.null_count, array.offset, children)


def _members(array: pa.Array, kind: pa.DataType) -> int:
    return len(array.keys) if pt.is_map(kind) else len(array.values)


def _check_indices(indices: pa.Array, size: int) -> None:
    found = pc.min_max(indices).as_py()
    if found["min"] is not None and not 0 <= found["min"] <= found["max"] < size:
        raise pa.ArrowInvalid(f"an index into a dictionary of {size:,} values is none of them")


def _union(array: Any, kind: Any) -> pa.Array:
    """Codes are compared with those of the type, offsets with the lengths of the children."""
    nothing = [pa.nulls(len(array.field(number))) for number in range(kind.num_fields)]
    names = [str(number) for number in range(kind.num_fields)]
    if kind.mode == "dense":
        return pa.UnionArray.from_dense(array.type_codes, array.offsets, nothing, names, kind.type_codes)
    return pa.UnionArray.from_sparse(array.type_codes, nothing, names, kind.type_codes)


def _children(array: Any, kind: pa.DataType) -> Iterator[pa.Array]:
    if pt.is_dictionary(kind):
        yield array.dictionary
    elif pt.is_map(kind):
        yield array.keys
        yield array.items
    elif pt.is_struct(kind) or pt.is_union(kind):
        for number in range(kind.num_fields):
            yield array.field(number)
    elif pt.is_nested(kind) or _is_run_ends(kind):
        yield array.values


def _is_run_ends(kind: pa.DataType) -> bool:
    return bool(pt.is_run_end_encoded(kind))
