"""Sources -> partitions. What is known is not read again; what cannot be read by range is unpacked in the same pass."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from data_juicer.formats.registry import format_named, suffix_of
from data_juicer.plan.mapping import DatasetMapping, Materialize
from data_juicer.plan.partitions import PartitionSpec, Piece, assign_partitions

if TYPE_CHECKING:
    from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
    from data_juicer.storage.base import Store


def scan(
    sources: Sequence[SourceFile],
    limits: FragmentLimits,
    previous: DatasetMapping | None,
    store: Store,
    *,
    copies_dir: str,
    materialize: Materialize = "auto",
    with_suffix: bool = False,
    verify: bool = False,
    watch: Callable[[Fragment], None] = lambda _: None,
) -> DatasetMapping:
    """Cut all sources into fragments and give each its partition id.

    A source of the same path, size and time as in `previous` keeps its fragments without being read, unless `verify`.
    Copies are durable when this returns, so that the mapping that names them may be written.

    Args:
        with_suffix: fragments know the suffix of their source, for operators that read it.
        watch: called with each fragment as it is found; what it raises ends the scan.

    Raises:
        InputError: a source cannot be read.
        StoreError: a copy cannot be written.
    """
    if (
        previous is not None
        and not verify
        and _is_current(previous, (tuple(sources), limits, materialize, with_suffix), store)
    ):
        return previous
    known = {} if previous is None or verify else _known_pieces(previous, limits, materialize)
    pieces: list[Piece] = []
    whole = {
        piece.copy_path for held in known.values() for piece in held if _copies_are_whole([piece], store)
    }
    with _Copies(store, copies_dir, whole) as copies:
        scanner = _Scanner(store, copies, limits, materialize)
        for source in sources:
            held = known.get(_identity(source))
            if held is None or not all(piece.copy_path in whole for piece in held):
                for piece in scanner.pieces(source):
                    watch(piece.fragment)
                    pieces.append(piece)
            else:
                pieces.extend(_moved(piece, source.index) for piece in held)
    pieces = [_with_suffix(piece, with_suffix) for piece in pieces]
    partitions = assign_partitions(pieces, () if previous is None else previous.partitions)
    return DatasetMapping(
        limits=limits,
        materialize=materialize,
        with_suffix=with_suffix,
        sources=tuple(sources),
        partitions=tuple(partitions),
    )


def _is_current(previous: DatasetMapping, asked: tuple[Any, ...], store: Store) -> bool:
    """Whether a scan would find what is known: the usual case of a resume, which must not cost anything."""
    known = (previous.sources, previous.limits, previous.materialize, previous.with_suffix)
    return asked == known and _copies_are_whole(previous.partitions, store)


def _identity(source: SourceFile) -> tuple[Any, ...]:
    return source.path, source.format, source.compression, source.size_bytes, source.mtime_ns


def _known_pieces(
    previous: DatasetMapping, limits: FragmentLimits, materialize: Materialize
) -> dict[tuple[Any, ...], list[Piece]]:
    """The pieces of each source, where the scan was asked for the same limits."""
    if (previous.limits, previous.materialize) != (limits, materialize):
        return {}
    by_index: dict[int, list[Piece]] = {source.index: [] for source in previous.sources}
    for spec in previous.partitions:
        by_index[spec.fragment.source].append(
            Piece(
                fragment=spec.fragment,
                format=spec.format,
                source_path=spec.source_path,
                copy_path=spec.copy_path,
            )
        )
    return {_identity(source): by_index[source.index] for source in previous.sources}


def _moved(piece: Piece, source_index: int) -> Piece:
    """The same piece of a source that now has another place among the sources."""
    if piece.fragment.source == source_index:
        return piece
    fragment = msgspec.structs.replace(piece.fragment, source=source_index)
    return msgspec.structs.replace(piece, fragment=fragment)


def _with_suffix(piece: Piece, wanted: bool) -> Piece:
    suffix = suffix_of(piece.source_path) if wanted else ""
    if piece.fragment.suffix == suffix:
        return piece
    return msgspec.structs.replace(piece, fragment=msgspec.structs.replace(piece.fragment, suffix=suffix))


def _copies_are_whole(pieces: Iterable[Piece | PartitionSpec], store: Store) -> bool:
    """By size; what they hold is checked against the digest when they are read."""
    return all(_is_whole(piece, store) for piece in pieces if piece.copy_path)


def _is_whole(piece: Piece | PartitionSpec, store: Store) -> bool:
    try:
        size_bytes = store.stat(piece.copy_path).size_bytes
    except FileNotFoundError:
        return False
    return size_bytes == piece.fragment.copy_bytes


class _Copies:
    """Copies of rows that cannot be read where they are; durable when the block ends.

    They are named after what they hold, since the numbers of partitions are known only when all sources are read; what
    has the name holds the same bytes, so that no copy that an earlier mapping names is ever written over.
    """

    def __init__(self, store: Store, directory: str, whole: Iterable[str]) -> None:
        """
        Args:
            whole: paths of copies that are there already.
        """
        self._store = store
        self._directory = directory
        self._whole = set(whole)
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
        if path not in self._whole:
            self._whole.add(path)
            if self._stage is None:
                self._store.make_own_dir(self._directory)
                self._stage = self._block.enter_context(self._store.stage_many(self._directory))
            self._stage(name, data)
        return path


class _Scanner:
    """Reads sources."""

    def __init__(
        self, store: Store, copies: _Copies, limits: FragmentLimits, materialize: Materialize
    ) -> None:
        self._store = store
        self._copies = copies
        self._limits = limits
        self._always = materialize == "always"

    def pieces(self, source: SourceFile) -> Iterator[Piece]:
        if source.size_bytes == 0:
            return iter(())
        reader = format_named(source.format).reader
        is_cut = reader.scan is not None and source.compression == "none" and not self._always
        fragments = (
            reader.scan(self._store, source, self._limits) if reader.scan is not None and is_cut else None
        )
        if fragments is None:
            unpacked = reader.unpack(self._store, source, self._limits)
            return self._copied(source, reader.copies or source.format, unpacked)
        return _in_place(source, fragments)

    def _copied(
        self, source: SourceFile, copies: str, unpacked: Iterable[tuple[Fragment, bytes]]
    ) -> Iterator[Piece]:
        for fragment, data in unpacked:
            path = self._copies.add(fragment.digest, copies, data)
            yield Piece(fragment=fragment, format=copies, source_path=source.path, copy_path=path)


def _in_place(source: SourceFile, fragments: Iterable[Fragment]) -> Iterator[Piece]:
    for fragment in fragments:
        yield Piece(fragment=fragment, format=source.format, source_path=source.path)
