"""A seeded sample of the rows of the input, read through the store, in the memory of a few partitions.

Of plain JSON Lines blocks are taken all over the files; of other formats, the beginnings of some files. The same input and seed give
the same sample, whatever runs it.
"""

from __future__ import annotations

import os.path
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from data_juicer.engine.autoconfig.media import MediaFiles
from data_juicer.engine.autoconfig.modality import media_of
from data_juicer.engine.autoconfig.sample_stats import SampledRow, SampleStats, summarise_sample
from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
from data_juicer.formats.first_rows import first_fragment
from data_juicer.formats.jsonl.scan import scan_chunks
from data_juicer.formats.partition import read_partition
from data_juicer.formats.registry import LINES, format_named, suffix_of
from data_juicer.plan.keys import digest
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.storage.base import Store
from data_juicer.storage.memory import MemoryStore

ROWS_MAX: Final = 1000
SOURCES_MAX: Final = 16
_BLOCKS: Final = 16
"""Of plain JSON Lines, all over the input."""
_BLOCK_BYTES: Final = 1 << 20
_PACKED_FACTOR: Final = 4
"""About how much larger rows are than the files of formats that pack them."""


class SamplePart(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive rows of the sample: where they are, or their bytes."""

    partition: PartitionSpec
    data: bytes | None = None
    """What the copy at `partition.copy_path` holds; None: the rows are read from the source."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    parts: tuple[SamplePart, ...] = ()
    stats: SampleStats = msgspec.field(default_factory=lambda: summarise_sample((), 0))
    rows_total: int = 0
    """About how many rows the input has."""

    @property
    def digest(self) -> str:
        """What its rows are to operators."""
        return digest(*(part.partition.digest for part in self.parts))


def take_sample(
    store: Store,
    sources: Sequence[SourceFile],
    text_keys: Sequence[str],
    row_bytes_max: int,
    seed: int,
    heartbeat: Callable[[str], None],
) -> Sample:
    """At most ROWS_MAX rows of at most SOURCES_MAX files.

    Args:
        text_keys: fields that hold the texts.
    Raises: InputError: a source cannot be read.
    """
    chosen = _choose_sources(sources, random.Random(f"sources {seed}"))  # noqa: S311 - repeatable, no secret
    limits = FragmentLimits(
        rows_max=max(1, ROWS_MAX // max(len(chosen), 1)),
        size_bytes_max=_BLOCKS * _BLOCK_BYTES // max(len(chosen), 1),
        row_bytes_max=row_bytes_max,
    )
    parts: list[SamplePart] = []
    rows: list[SampledRow] = []
    media = MediaFiles(store)
    for source in chosen:
        heartbeat(f"auto_configure: sampling the input: {len(rows):,} rows")
        for part in _parts_of(store, source, limits, seed):
            kept = msgspec.structs.replace(
                part,
                partition=msgspec.structs.replace(
                    part.partition, partition_id=len(parts), position=len(parts)
                ),
            )
            parts.append(kept)
            rows += _rows_of(store, kept, text_keys, row_bytes_max, media)
    stats = summarise_sample(rows, len({part.partition.source_path for part in parts}))
    return Sample(parts=tuple(parts), stats=stats, rows_total=_estimate_rows(sources, stats))


def store_of(part: SamplePart, store: Store) -> Store:
    """Where the rows of a part are read: what has bytes of its own is read from memory."""
    if part.data is None:
        return store
    memory = MemoryStore()
    memory.make_dirs(os.path.dirname(part.partition.copy_path))
    memory.put(part.partition.copy_path, part.data)
    return memory


def _choose_sources(sources: Sequence[SourceFile], draw: random.Random) -> list[SourceFile]:
    """Some of the files, in the order of the input; empty ones are none."""
    filled = [source for source in sources if source.size_bytes]
    if len(filled) <= SOURCES_MAX:
        return filled
    return [filled[place] for place in sorted(draw.sample(range(len(filled)), SOURCES_MAX))]


def _parts_of(store: Store, source: SourceFile, limits: FragmentLimits, seed: int) -> Iterator[SamplePart]:
    if source.format == LINES and source.compression == "none" and suffix_of(source.path) == ".jsonl":
        yield from _blocks_of_lines(store, source, limits, random.Random(f"{source.index} {seed}"))  # noqa: S311
        return
    first = first_fragment(store, source, limits)
    if first is None:
        return
    if first.data is None:
        yield SamplePart(partition=_spec(source, first.fragment, first.format))
    else:
        yield _copy_of(source, first.fragment, first.format, first.data)


def _blocks_of_lines(
    store: Store, source: SourceFile, limits: FragmentLimits, draw: random.Random
) -> Iterator[SamplePart]:
    """Whole lines at places all over a file; a small file is taken whole from its beginning."""
    size = limits.size_bytes_max // _BLOCKS
    if source.size_bytes <= limits.size_bytes_max:
        starts, size = [0], limits.size_bytes_max
    else:
        starts = sorted(draw.randrange(source.size_bytes) for _ in range(_BLOCKS))
    within = msgspec.structs.replace(limits, rows_max=max(1, limits.rows_max // len(starts)))
    for start in starts:
        data = store.read_range(source.path, start, start + size)
        skipped = data.find(b"\n") + 1 if start else 0
        if start and not skipped:
            continue  # a row that is longer than a block
        cut = data.rfind(b"\n") + 1 if start + size < source.size_bytes else len(data)
        lines = data[skipped : max(cut, skipped)]
        for fragment, content in scan_chunks([lines] if lines else [], source, within, keep_bytes=True):
            yield _copy_of(source, fragment, LINES, content)
            break


def _spec(source: SourceFile, fragment: Fragment, format_name: str, copy_path: str = "") -> PartitionSpec:
    return PartitionSpec(
        partition_id=0,
        position=0,
        format=format_name,
        source_path=source.path,
        copy_path=copy_path,
        fragment=fragment,
    )


def _copy_of(source: SourceFile, fragment: Fragment, format_name: str, data: bytes) -> SamplePart:
    path = f"/sample/{fragment.digest}.{format_name}"
    return SamplePart(partition=_spec(source, fragment, format_name, path), data=data)


def _rows_of(
    store: Store, part: SamplePart, text_keys: Sequence[str], row_bytes_max: int, media: MediaFiles
) -> Iterator[SampledRow]:
    """What is known of each row; one that cannot be read is left out, the run tells of it."""
    batch = read_partition(store_of(part, store), part.partition, (), row_bytes_max).batch
    folder = os.path.dirname(part.partition.source_path)
    for index, size_bytes in enumerate(batch.row_bytes().tolist()):
        row = batch.row(index)
        found = media_of(row, text_keys)
        files = [media.look_at(medium, path, folder) for medium, path in found.files]
        yield SampledRow(
            size_bytes=size_bytes,
            text_chars=sum(len(text) for key in text_keys if isinstance(text := row.get(key), str)),
            kinds=found.kinds,
            files=tuple(file for file in files if file is not None),
            files_missing=sum(file is None for file in files),
        )


def _estimate_rows(sources: Sequence[SourceFile], stats: SampleStats) -> int:
    """From the sizes of all files and of the sampled rows; nothing is known of rows that none was sampled of."""
    if not stats.row_bytes.mean:
        return 0
    size = sum(
        source.size_bytes * (_PACKED_FACTOR if source.compression != "none" or _is_packed(source) else 1)
        for source in sources
    )
    return max(stats.rows if len(sources) <= SOURCES_MAX else 0, round(size / stats.row_bytes.mean))


def _is_packed(source: SourceFile) -> bool:
    return format_named(source.format).has_schema
