"""The first rows of a source, without reading more of it than they take."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, NamedTuple

from data_juicer.formats.registry import format_named
from data_juicer.storage.memory import MemoryStore

if TYPE_CHECKING:
    from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
    from data_juicer.rows.batch import Batch
    from data_juicer.storage.base import Store


class FirstFragment(NamedTuple):
    """The first fragment of a source, and how it is read."""

    fragment: Fragment
    format: str
    data: bytes | None
    """What a copy of it holds; None: it is read from the source."""


def first_fragment(store: Store, source: SourceFile, limits: FragmentLimits) -> FirstFragment | None:
    """None where the source has no row. Raises: InputError: it cannot be read."""
    reader = format_named(source.format).reader
    is_cut = reader.scan is not None and source.compression == "none"
    fragments = reader.scan(store, source, limits) if is_cut and reader.scan is not None else None
    if fragments is not None:
        first = next(iter(fragments), None)
        return None if first is None else FirstFragment(first, source.format, None)
    for fragment, data in reader.unpack(store, source, limits):
        return FirstFragment(fragment, reader.copies or source.format, data)
    return None


def first_rows(store: Store, source: SourceFile, limits: FragmentLimits) -> Batch | None:
    """The rows of the first fragment that can be read; None where the source has none. Raises: InputError."""
    found = first_fragment(store, source, limits)
    if found is None:
        return None
    read = format_named(found.format).reader.read
    if found.data is None:
        return read(store, source.path, found.fragment, (), row_bytes_max=limits.row_bytes_max).batch
    path = f"/first/{found.fragment.digest}.{found.format}"
    memory = MemoryStore()
    memory.make_dirs(os.path.dirname(path))
    memory.put(path, found.data)
    return read(memory, path, found.fragment, (), row_bytes_max=limits.row_bytes_max, offset=0).batch
