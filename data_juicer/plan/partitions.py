"""Fragments -> partitions: which id each one has, now and after the input changed. Pure."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import count

import msgspec

from data_juicer.formats.base import Fragment
from data_juicer.portable import encode_msgpack


class SourcePart(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A fragment of a source, and the file that its rows are read from."""

    fragment: Fragment
    format: str
    """Of the file that is read, which may be a copy; one of `formats.registry.FORMATS`."""
    source_path: str = ""
    """Empty on disk, where the fragment's source tells it."""
    copy_path: str = ""
    """The file that holds this fragment alone, where the source cannot be read by range; on disk its name in the job's
    `partitions/`."""

    @property
    def path(self) -> str:
        """The file to read."""
        return self.copy_path or self.source_path

    @property
    def is_copy(self) -> bool:
        return bool(self.copy_path)

    @property
    def size_bytes(self) -> int:
        return self.fragment.byte_stop - self.fragment.byte_start


class RowSample(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """Which rows of a partition are taken, and how often (`plan/mixture.py`)."""

    times: int
    """Every row is taken so often,"""
    below: int
    """and once more where its mixed id is below this, at most 2^64 - 1."""
    seed: int


class PartitionSpec(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Consecutive rows of one source, or all rows of consecutive small ones.

    Everything computed from them is filed under its id.
    """

    partition_id: int
    position: int
    """Place of its rows in the output, from 0."""
    format: str
    """Of the file that is read, which may be a copy; one of `formats.registry.FORMATS`."""
    source_path: str = ""
    """Empty on disk, where the fragment's source tells it."""
    copy_path: str = ""
    """Its path; on disk its name in the job's `partitions/`."""
    fragment: Fragment
    """The only one, or the first."""
    more: tuple[SourcePart, ...] = ()
    """The fragments that are read after it, in the order of the input, where small files are joined (`plan/scan/joining.py`)."""
    references: str = ""
    """Digest of the files that its rows refer to (`plan/references.py`); empty where no operator reads such files."""
    sample: RowSample | None = None
    """None: every row is taken once."""

    @property
    def path(self) -> str:
        """The file to read first."""
        return self.copy_path or self.source_path

    @property
    def is_copy(self) -> bool:
        """Whether that file is a copy."""
        return bool(self.copy_path)

    @property
    def parts(self) -> tuple[SourcePart, ...]:
        """All of its fragments, in the order of the input."""
        first = SourcePart(
            fragment=self.fragment,
            format=self.format,
            source_path=self.source_path,
            copy_path=self.copy_path,
        )
        return (first, *self.more)

    @property
    def copy_paths(self) -> list[str]:
        """The copies that are read."""
        return [path for path in (self.copy_path, *(part.copy_path for part in self.more)) if path]

    @property
    def source_indexes(self) -> list[int]:
        """The sources that have its rows."""
        return [self.fragment.source, *(part.fragment.source for part in self.more)]

    @property
    def identity(self) -> str:
        """What its bytes are to operators."""
        return identity_of(self.parts) if self.more else self.fragment.identity

    @property
    def digest(self) -> str:
        """What its rows are to operators: their bytes, the files that they refer to, and which of them are taken."""
        return self.identity + self.references + self._taken

    @property
    def _taken(self) -> str:
        """Ids of rows decide which are taken, so that their place in the input counts; empty where all are."""
        if self.sample is None:
            return ""
        fragment, sample = self.fragment, self.sample
        place = f"{fragment.source}:{fragment.row_start}"
        if self.more:
            place = _digest_of(f"{part.fragment.source}:{part.fragment.row_start}" for part in self.parts)
        return f"/{place}/{sample.times}:{sample.below}:{sample.seed}"

    @property
    def rows(self) -> int:
        return self.fragment.rows + sum(part.fragment.rows for part in self.more)

    @property
    def size_bytes(self) -> int:
        """Of its rows as they are read; at least 1, so that each partition counts as work."""
        first = self.fragment.byte_stop - self.fragment.byte_start
        return max(1, first + sum(part.size_bytes for part in self.more))


def identity_of(parts: Sequence[SourcePart]) -> str:
    """What the rows of these fragments, one after the other, are to operators: xxh3-128 in hex."""
    if len(parts) == 1:
        return parts[0].fragment.identity
    return _digest_of(part.fragment.identity for part in parts)


def _digest_of(texts: Iterable[str]) -> str:
    import xxhash

    return str(xxhash.xxh3_128_hexdigest(encode_msgpack(list(texts))))


def places_digest(partitions: Sequence[PartitionSpec]) -> str:
    """Equal where each row is at the same place of a source of the same path, as dead letters and reports say it."""
    import xxhash

    state = xxhash.xxh3_64()
    for spec in partitions:
        parts: tuple[PartitionSpec | SourcePart, ...] = (spec, *spec.more)  # a resume has many to look at
        for part in parts:
            fragment = part.fragment
            place = (fragment.row_start, fragment.line_start, fragment.byte_start, fragment.groups)
            state.update(encode_msgpack((spec.partition_id, part.source_path, *place)))
    return str(state.hexdigest())


def assign_partitions(
    groups: Sequence[Sequence[SourcePart]], previous: Sequence[PartitionSpec]
) -> list[PartitionSpec]:
    """Give ids to what is read together, in the order of the output.

    Fragments that were there before keep their id wherever they are now, equal ones in their order; any other takes the
    number of its position if no other has it, else the smallest number that none has.

    Args:
        groups: the fragments of each partition, at least one.
    """
    ids = _ids([identity_of(group) for group in groups], previous)
    return [
        PartitionSpec(
            partition_id=partition_id,
            position=position,
            format=first.format,
            source_path=first.source_path,
            copy_path=first.copy_path,
            fragment=first.fragment,
            more=tuple(more),
        )
        for position, (partition_id, (first, *more)) in enumerate(zip(ids, groups, strict=True))
    ]


def _ids(digests: Sequence[str], previous: Sequence[PartitionSpec]) -> Iterator[int]:
    known = _KnownIds(previous)
    kept = [known.take(digest) for digest in digests]
    used = {number for number in kept if number is not None}
    by_position = [
        position if number is None and position not in used else number
        for position, number in enumerate(kept)
    ]
    used.update(number for number in by_position if number is not None)
    unused = (number for number in count() if number not in used)
    return (next(unused) if number is None else number for number in by_position)


class _KnownIds:
    """Ids by digest; most digests have one, so that a million cost little more than a dict."""

    def __init__(self, previous: Sequence[PartitionSpec]) -> None:
        self._first: dict[str, int] = {}
        self._more: defaultdict[str, deque[int]] = defaultdict(deque)
        for spec in previous:
            if self._first.setdefault(spec.digest, spec.partition_id) != spec.partition_id:
                self._more[spec.digest].append(spec.partition_id)

    def take(self, digest: str) -> int | None:
        """The next id of this digest, if one is left."""
        number = self._first.pop(digest, None)
        if number is not None or digest not in self._more:
            return number
        more = self._more[digest]
        return more.popleft() if more else None
