"""Sources -> partitions. What is known is not read again; what cannot be read by range is unpacked in the same pass."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from data_juicer.formats.registry import suffix_of
from data_juicer.plan.mapping import DatasetMapping, Materialize
from data_juicer.plan.partitions import SourcePart, assign_partitions
from data_juicer.plan.scan.fragments import Copies, read_fragments
from data_juicer.plan.scan.joining import FILES_FROM, JoinFiles, count_small, join_parts
from data_juicer.plan.scan.shared import SharedScan, is_large

if TYPE_CHECKING:
    from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
    from data_juicer.storage.base import Store


Share = Callable[[SharedScan], None]


def scan(
    sources: Sequence[SourceFile],
    limits: FragmentLimits,
    previous: DatasetMapping | None,
    store: Store,
    *,
    copies_dir: str,
    materialize: Materialize = "auto",
    with_suffix: bool = False,
    join_files: JoinFiles = "auto",
    verify: bool = False,
    watch: Callable[[Fragment], None] = lambda _: None,
    share: Share | None = None,
) -> DatasetMapping:
    """Cut all sources into fragments and give each its partition id.

    A source of the same path, size and time as in `previous` keeps its fragments without being read, unless `verify`.
    Copies are durable when this returns, so that the mapping that names them may be written.

    Args:
        with_suffix: fragments know the suffix of their source, for operators that read it.
        join_files: whether small files are joined; `auto`: as in `previous`, in a new job where there are many.
        watch: called with each fragment as it is found; what it raises ends the scan.
        share: has the tasks of a large scan executed, each of which tells `watch` too; None: all is read here.

    Raises:
        InputError: a source cannot be read.
        StoreError: a copy cannot be written.
    """
    if (
        previous is not None
        and not verify
        and _is_current(previous, (tuple(sources), limits, materialize, with_suffix), store)
        and previous.joins == _joins(join_files, previous, limits, [])
    ):
        return previous
    known = {} if previous is None or verify else _known_parts(previous, limits, materialize)
    whole = {part.copy_path for cut in known.values() for part in cut if _copies_are_whole([part], store)}
    cut = {source.index: _kept(known.get(_identity(source)), whole) for source in sources}
    unread = [source for source in sources if cut[source.index] is None]
    work = SharedScan(store, unread, limits, materialize, watch) if share and is_large(unread) else None
    if work is not None and share is not None:
        share(work)
    parts: list[SourcePart] = []
    with Copies(store, copies_dir) as copies:
        for source in sources:
            kept = cut[source.index]
            if kept is not None:
                parts.extend(_moved(part, source.index) for part in kept)
            elif work is not None:
                parts.extend(work.parts(source))
            else:
                for part in read_fragments(store, copies, source, limits, materialize):
                    watch(part.fragment)
                    parts.append(part)
    parts = [_with_suffix(part, with_suffix) for part in parts]
    joins = _joins(join_files, previous, limits, parts)
    inputs = {source.index: source.input for source in sources}
    groups = join_parts(parts, inputs, limits) if joins else [(part,) for part in parts]
    partitions = assign_partitions(groups, () if previous is None else previous.partitions)
    return DatasetMapping(
        limits=limits,
        materialize=materialize,
        with_suffix=with_suffix,
        joins=joins,
        sources=tuple(sources),
        partitions=tuple(partitions),
    )


def _is_current(previous: DatasetMapping, asked: tuple[Any, ...], store: Store) -> bool:
    """Whether a scan would find what is known: the usual case of a resume, which must not cost anything."""
    known = (previous.sources, previous.limits, previous.materialize, previous.with_suffix)
    return asked == known and _copies_are_whole(
        (part for spec in previous.partitions if spec.copy_paths for part in spec.parts), store
    )


def _joins(
    asked: JoinFiles, previous: DatasetMapping | None, limits: FragmentLimits, parts: Sequence[SourcePart]
) -> bool:
    """Whether small files are joined. A job stays with what it began with, so that what is committed fits."""
    if asked == "auto" and previous is not None and previous.limits == limits:
        return previous.joins
    return asked == "always" or (asked == "auto" and count_small(parts, limits) >= FILES_FROM)


def _kept(parts: list[SourcePart] | None, whole: Container[str]) -> list[SourcePart] | None:
    """The parts of a source that are known, if the copies of them are there; None: it has to be read."""
    is_there = parts is not None and all(not part.copy_path or part.copy_path in whole for part in parts)
    return parts if is_there else None


def _identity(source: SourceFile) -> tuple[Any, ...]:
    return source.path, source.format, source.compression, source.options, source.size_bytes, source.mtime_ns


def _known_parts(
    previous: DatasetMapping, limits: FragmentLimits, materialize: Materialize
) -> dict[tuple[Any, ...], list[SourcePart]]:
    """The parts of each source, where the scan was asked for the same limits."""
    if (previous.limits, previous.materialize) != (limits, materialize):
        return {}
    by_index: dict[int, list[SourcePart]] = {source.index: [] for source in previous.sources}
    for spec in previous.partitions:
        for part in spec.parts:
            by_index[part.fragment.source].append(part)
    return {_identity(source): by_index[source.index] for source in previous.sources}


def _moved(part: SourcePart, source_index: int) -> SourcePart:
    """The same part of a source that now has another place among the sources."""
    if part.fragment.source == source_index:
        return part
    fragment = msgspec.structs.replace(part.fragment, source=source_index)
    return msgspec.structs.replace(part, fragment=fragment)


def _with_suffix(part: SourcePart, wanted: bool) -> SourcePart:
    suffix = suffix_of(part.source_path) if wanted else ""
    if part.fragment.suffix == suffix:
        return part
    return msgspec.structs.replace(part, fragment=msgspec.structs.replace(part.fragment, suffix=suffix))


def _copies_are_whole(parts: Iterable[SourcePart], store: Store) -> bool:
    """By size; what they hold is checked against the digest when they are read."""
    return all(_is_whole(part, store) for part in parts if part.copy_path)


def _is_whole(part: SourcePart, store: Store) -> bool:
    try:
        size_bytes = store.stat(part.copy_path).size_bytes
    except FileNotFoundError:
        return False
    return size_bytes == part.fragment.copy_bytes
