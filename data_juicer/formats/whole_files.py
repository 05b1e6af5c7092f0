"""All rows of some files, for who reads a file as a whole: a set of benchmarks, say. Nothing is written to a disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from data_juicer.errors import InputError
from data_juicer.formats.base import FragmentLimits
from data_juicer.formats.discover import discover
from data_juicer.formats.places import resolve
from data_juicer.formats.registry import format_named
from data_juicer.storage.memory import MemoryStore

if TYPE_CHECKING:
    from data_juicer.formats.base import Fragment, SourceFile
    from data_juicer.rows.batch import Batch
    from data_juicer.storage.base import Store

_LIMITS: Final = FragmentLimits(rows_max=10_000, size_bytes_max=32_000_000)
_ROW_BYTES_MAX: Final = 64_000_000
_UNPACKED: Final = "/rows"


def read_whole_files(
    store: Store, inputs: Sequence[str], tell: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """The path, the number in its file from 0, and the values of each row.

    Args:
        inputs: files, folders or patterns of any format that a job reads.
        tell: called for files that are left out, a sentence for each input.
    Raises: InputError: there is nothing to read, or a row cannot be read.
    """
    for source in discover(store, inputs, tell=tell):
        for fragment, batch in _batches(store, source):
            for number in range(len(batch)):
                yield source.path, fragment.row_start + int(batch.origin[number]), batch.row(number)


def _batches(store: Store, source: SourceFile) -> Iterator[tuple[Fragment, Batch]]:
    if source.size_bytes == 0:
        return
    reader = format_named(source.format).reader
    in_place = source.compression == "none" and reader.scan is not None
    fragments = reader.scan(store, source, _LIMITS) if in_place and reader.scan is not None else None
    if fragments is not None:
        for fragment in fragments:
            yield fragment, _read(store, source, source.format, source.path, fragment, None)
        return
    for fragment, data in reader.unpack(store, source, _LIMITS):
        memory = MemoryStore()
        memory.write(_UNPACKED, data)
        yield fragment, _read(memory, source, reader.copies or source.format, _UNPACKED, fragment, 0)


def _read(
    store: Store, source: SourceFile, file_format: str, path: str, fragment: Fragment, offset: int | None
) -> Batch:
    """Raises: InputError: a row cannot be read."""
    read = format_named(file_format).reader.read(
        store, path, fragment, (), row_bytes_max=_ROW_BYTES_MAX, offset=offset
    )
    if read.bad:
        bad = read.bad[0]
        where = f"{source.path}, {resolve(bad.place, fragment)}"
        raise InputError(f"{where}: the row cannot be read: {bad.message}. Mend it, or leave the file out.")
    return read.batch
