"""One source -> its parts: fragments to be read where they are, or copies of rows that cannot be; in any process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from data_juicer.formats.registry import format_named
from data_juicer.plan.partitions import SourcePart

if TYPE_CHECKING:
    from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
    from data_juicer.plan.mapping import Materialize
    from data_juicer.storage.base import Store


class Copies:
    """Copies of rows that cannot be read where they are; durable when the block ends.

    They are named after what they hold, since the numbers of partitions are known only when all sources are read. What has
    the name and holds the same bytes is left as it is, so that no copy that an earlier mapping names is ever written over.
    """

    def __init__(self, store: Store, directory: str) -> None:
        self._store = store
        self._directory = directory
        self._added: set[str] = set()
        self._block = contextlib.ExitStack()
        self._stage: Callable[[str, bytes], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._block.__exit__(kind, error, trace)

    def add(self, digest: str, format_name: str, data: bytes) -> str:
        """The path of the copy. Raises: StoreError."""
        name = f"rows_{digest}.{format_name}"
        path = os.path.join(self._directory, name)
        if path not in self._added:
            self._added.add(path)
            if self._is_there(path, data):
                self._store.make_durable([path])  # it may be of a run that was killed before it synced it
            else:
                self._write(name, data)
        return path

    def _is_there(self, path: str, data: bytes) -> bool:
        try:
            return self._store.stat(path).size_bytes == len(data) and self._store.read(path) == data
        except FileNotFoundError:
            return False

    def _write(self, name: str, data: bytes) -> None:
        if self._stage is None:
            self._store.make_own_dir(self._directory)
            self._stage = self._block.enter_context(self._store.stage_many(self._directory))
        self._stage(name, data)


def read_fragments(
    store: Store, copies: Copies, source: SourceFile, limits: FragmentLimits, materialize: Materialize
) -> Iterator[SourcePart]:
    """The parts of a source, read from its beginning to its end.

    Raises: InputError: it cannot be read. StoreError: a copy cannot be written.
    """
    if source.size_bytes == 0:
        return iter(())
    reader = format_named(source.format).reader
    is_cut = can_be_cut(source, materialize)
    fragments = reader.scan(store, source, limits) if reader.scan is not None and is_cut else None
    if fragments is None:
        unpacked = reader.unpack(store, source, limits)
        return _copied(copies, source, reader.copies or source.format, unpacked)
    return in_place(source, fragments)


def can_be_cut(source: SourceFile, materialize: Materialize) -> bool:
    """Whether its rows may be read where they are; its format may still find that they cannot."""
    return source.compression == "none" and materialize != "always"


def in_place(source: SourceFile, fragments: Iterable[Fragment]) -> Iterator[SourcePart]:
    """Fragments that are read where they are."""
    for fragment in fragments:
        yield SourcePart(fragment=fragment, format=source.format, source_path=source.path)


def _copied(
    copies: Copies, source: SourceFile, format_name: str, unpacked: Iterable[tuple[Fragment, bytes]]
) -> Iterator[SourcePart]:
    for fragment, data in unpacked:
        path = copies.add(fragment.digest, format_name, data)
        yield SourcePart(fragment=fragment, format=format_name, source_path=source.path, copy_path=path)
