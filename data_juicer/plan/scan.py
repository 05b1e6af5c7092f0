"""Sources -> partitions. What is known is not read again; what cannot be read by range is unpacked in the same pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from data_juicer.formats.registry import format_named, suffix_of
from data_juicer.plan.mapping import DatasetMapping, Materialize
from data_juicer.plan.partitions import PartitionSpec, Piece, assign_partitions

if TYPE_CHECKING:
    from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
    from data_juicer.storage.base import Store

STAGED_SUFFIX: Final = ".staged"


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
        watch: told each fragment as it is found; what it raises ends the scan.

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
    for source in sources:
        held = known.get(_identity(source))
        if held is None or not _copies_are_whole(held, store):
            for piece in _Scanner(store, copies_dir, limits, materialize).pieces(source):
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
        partitions=tuple(_name_copies(partitions, copies_dir, store)),
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
    return all(
        store.exists(piece.copy_path) and store.size(piece.copy_path) == piece.fragment.copy_bytes
        for piece in pieces
        if piece.copy_path
    )


class _Scanner:
    """Reads sources; writes copies under names of their own, since ids are known only when all sources are read."""

    def __init__(
        self, store: Store, copies_dir: str, limits: FragmentLimits, materialize: Materialize
    ) -> None:
        self._store = store
        self._copies_dir = copies_dir
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
        self._store.make_own_dir(self._copies_dir)
        for number, (fragment, data) in enumerate(unpacked):
            name = f"source_{source.index:06d}_{number:06d}{STAGED_SUFFIX}"
            path = os.path.join(self._copies_dir, name)
            self._store.write(path, data)
            self._store.sync(path)
            yield Piece(fragment=fragment, format=copies, source_path=source.path, copy_path=path)


def _in_place(source: SourceFile, fragments: Iterable[Fragment]) -> Iterator[Piece]:
    for fragment in fragments:
        yield Piece(fragment=fragment, format=source.format, source_path=source.path)


def _name_copies(
    partitions: Iterable[PartitionSpec], copies_dir: str, store: Store
) -> Iterator[PartitionSpec]:
    """Rename staged copies after their partition and content, durably."""
    renamed = False
    for spec in partitions:
        if not spec.copy_path.endswith(STAGED_SUFFIX):
            yield spec
            continue
        name = f"partition_{spec.partition_id:06d}.{spec.digest[:8]}.{spec.format}"
        path = os.path.join(copies_dir, name)
        store.replace(spec.copy_path, path)
        renamed = True
        yield msgspec.structs.replace(spec, copy_path=path)
    if renamed:
        store.sync_dir(copies_dir)
