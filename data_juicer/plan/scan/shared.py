"""A large scan as tasks for workers: which there are, in which order they can be done, and the parts that come of them.

A large file that can be cut is surveyed in ranges, outlined from the surveys, and digested; small files are read whole, several
in one task; a file that cannot be cut is one task, which unpacks it (docs/design/0031-shared-scans.md).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
from data_juicer.formats.registry import format_named
from data_juicer.plan.mapping import Materialize
from data_juicer.plan.partitions import SourcePart
from data_juicer.plan.scan.fragments import Copies, can_be_cut, in_place, read_fragments

if TYPE_CHECKING:
    from data_juicer.formats.base import Outline
    from data_juicer.storage.base import Store

RANGE_BYTES: Final = 64_000_000
"""Of a file that a task surveys or digests, or of small files that it reads: some fifty milliseconds of work."""
LARGE_BYTES: Final = 512_000_000
"""From so many bytes on a scan is shared out; below it is over before workers have begun."""
PACKED_WEIGHT: Final = 8
"""What unpacking and copying a byte costs, in bytes that are only looked at."""


class ScanWork(msgspec.Struct, frozen=True, kw_only=True, tag="scan"):
    """What one task of a scan is to do."""

    step: Literal["read", "survey", "digest"]
    sources: tuple[SourceFile, ...]
    """Those that are read whole; else the one that is cut."""
    limits: FragmentLimits
    materialize: Materialize = "auto"
    byte_start: int = 0
    byte_stop: int = 0
    fragments: tuple[Fragment, ...] = ()
    """Those to digest."""

    def __str__(self) -> str:
        name = self.sources[0].path
        match self.step:
            case "survey":
                return f"the scan of {name}, bytes {self.byte_start:,} to {self.byte_stop:,}"
            case "digest":
                first, last = self.fragments[0], self.fragments[-1]
                return f"the scan of {name}, rows {first.row_start:,} to {last.row_stop:,}"
            case "read":
                more = f" and {len(self.sources) - 1} more" if len(self.sources) > 1 else ""
                return f"the scan of {name}{more}"


class Scanned(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to a task of a scan, or a part of it."""

    parts: tuple[SourcePart, ...] = ()
    survey: bytes = b""
    digests: tuple[str, ...] = ()


def do_scan(work: ScanWork, store: Store, copies_dir: str) -> Iterator[Scanned]:
    """Execute a task. Copies are durable when it ends.

    Raises: InputError, StoreError.
    """
    source = work.sources[0]
    shared = format_named(source.format).reader.shared
    if work.step == "survey" and shared is not None and shared.survey is not None:
        yield Scanned(survey=shared.survey(store, source, work.byte_start, work.byte_stop))
    elif work.step == "digest" and shared is not None:
        yield Scanned(digests=tuple(shared.digest(store, source, work.fragments)))
    else:
        with Copies(store, copies_dir) as copies:
            for each in work.sources:
                for part in read_fragments(store, copies, each, work.limits, work.materialize):
                    yield Scanned(parts=(part,))


def is_large(sources: Sequence[SourceFile]) -> bool:
    """Whether it pays to have workers scan them."""
    return sum(map(_weight, sources)) >= LARGE_BYTES


def _weight(source: SourceFile) -> int:
    return source.size_bytes * (1 if source.compression == "none" else PACKED_WEIGHT)


class _CutSource:
    """A file that is scanned in ranges."""

    def __init__(self, source: SourceFile, outline: Outline, starts: Sequence[int]) -> None:
        self.source = source
        self.outline = outline
        self.starts = deque(enumerate(starts))
        """Of ranges that nobody was given."""
        self.surveys_left = len(self.starts)
        self.surveys: dict[int, bytes] = {}
        """By the number of the range, of ranges after one that is not surveyed yet."""
        self.next_survey = 0
        self.fragments: list[Fragment] = []
        self.digested = 0
        """How many of the fragments were given to tasks that digest them."""


class SharedScan:
    """The tasks of one scan. `next` is asked for one while some worker is free; `take` is given the answer to each."""

    def __init__(
        self,
        store: Store,
        sources: Sequence[SourceFile],
        limits: FragmentLimits,
        materialize: Materialize,
        watch: Callable[[Fragment], None] = lambda _: None,
    ) -> None:
        """
        Args:
            sources: those to read.
            watch: called with each fragment that is done.
        """
        self._store = store
        self._limits = limits
        self._materialize: Materialize = materialize
        self._watch = watch
        self._range_bytes = RANGE_BYTES
        self._sources = deque(sources)
        self._cut: deque[_CutSource] = deque()
        """Begun, and with ranges that nobody was given."""
        self._ready: deque[tuple[ScanWork, _CutSource | None, int]] = deque()
        """Tasks that can be done, each with its file and the number of its range or first fragment."""
        self._given: dict[int, tuple[ScanWork, _CutSource | None, int]] = {}
        self._number = 0
        self._parts: dict[int, list[SourcePart]] = {source.index: [] for source in sources}
        self._done_cuts: dict[int, _CutSource] = {}

    @property
    def tasks_expected(self) -> int:
        """About how many tasks there are at first."""
        return 1 + sum(map(_weight, self._sources)) // self._range_bytes

    def next(self) -> tuple[int, ScanWork] | None:
        """A task and its number; None where there is none now, which may change when another one is over.

        Raises: InputError: a file cannot be read.
        """
        while not self._ready:
            if self._cut:
                self._ready.append(self._survey(self._cut[0]))
            elif self._sources:
                self._begin()
            else:
                return None
        entry = self._ready.popleft()
        self._number += 1
        self._given[self._number] = entry
        return self._number, entry[0]

    def hear(self, number: int, found: Scanned) -> None:
        """A part of the answer to a task, to be watched at once; it may come again from another attempt."""
        work, _, _ = self._given[number]
        for fragment in (
            *(part.fragment for part in found.parts),
            *(work.fragments if found.digests else ()),
        ):
            self._watch(fragment)

    def take(self, number: int, found: Sequence[Scanned]) -> None:
        """The whole answer to a task, once."""
        work, cut, place = self._given.pop(number)
        if cut is None:
            for part in (part for answer in found for part in answer.parts):
                self._parts[part.fragment.source].append(part)
        elif work.step == "survey":
            cut.surveys[place] = found[0].survey
            self._outline(cut)
        else:
            for at, digest in enumerate(found[0].digests, place):
                msgspec.structs.force_setattr(cut.fragments[at], "digest", digest)

    def parts(self, source: SourceFile) -> Iterator[SourcePart]:
        """What a source came to, once no task is left."""
        cut = self._done_cuts.get(source.index)
        if cut is not None:
            return in_place(source, cut.fragments)
        return iter(self._parts[source.index])

    # ---- inside

    def _begin(self) -> None:
        """The next file that is cut, or the next files that are read whole."""
        source = self._sources.popleft()
        shared = format_named(source.format).reader.shared
        if (
            shared is None
            or not can_be_cut(source, self._materialize)
            or source.size_bytes <= self._range_bytes
            or not shared.applies(self._store, source)
        ):
            together, weight = [source], _weight(source)
            while self._sources and weight + _weight(self._sources[0]) <= self._range_bytes:
                together.append(self._sources.popleft())
                weight += _weight(together[-1])
            self._read(together)
            return
        starts = range(0, source.size_bytes, self._range_bytes) if shared.survey is not None else ()
        cut = _CutSource(source, shared.outline(self._store, source, self._limits), starts)
        if cut.starts:
            self._cut.append(cut)
        else:
            self._outline(cut)

    def _read(self, sources: Sequence[SourceFile]) -> None:
        work = ScanWork(
            step="read", sources=tuple(sources), limits=self._limits, materialize=self._materialize
        )
        self._ready.append((work, None, 0))

    def _survey(self, cut: _CutSource) -> tuple[ScanWork, _CutSource | None, int]:
        number, start = cut.starts.popleft()
        if not cut.starts:
            self._cut.popleft()
        stop = start + self._range_bytes if cut.starts else _TO_THE_END
        work = ScanWork(
            step="survey", sources=(cut.source,), limits=self._limits, byte_start=start, byte_stop=stop
        )
        return work, cut, number

    def _outline(self, cut: _CutSource) -> None:
        """Go on with what is known without a gap, and hand its fragments out to be digested."""
        while cut.next_survey in cut.surveys:
            cut.fragments += cut.outline.add(cut.surveys.pop(cut.next_survey))
            cut.next_survey += 1
            cut.surveys_left -= 1
        is_all = not cut.surveys_left
        if is_all:
            last = cut.outline.finish()
            if last is None:
                self._read([cut.source])
                return
            cut.fragments += last
            self._done_cuts[cut.source.index] = cut
        self._digest(cut, is_all=is_all)

    def _digest(self, cut: _CutSource, *, is_all: bool) -> None:
        """Tasks for the fragments that none was made for, unless they are too few and more will come."""
        ready: deque[tuple[ScanWork, _CutSource | None, int]] = deque()
        first, size = cut.digested, 0
        for stop, fragment in enumerate(cut.fragments[first:], first + 1):
            size += fragment.byte_stop - fragment.byte_start
            if size >= self._range_bytes or (is_all and stop == len(cut.fragments)):
                work = ScanWork(
                    step="digest",
                    sources=(cut.source,),
                    limits=self._limits,
                    fragments=tuple(cut.fragments[first:stop]),
                )
                ready.append((work, cut, first))
                first, size = stop, 0
        cut.digested = first
        self._ready.extendleft(reversed(ready))


_TO_THE_END: Final = 1 << 62
