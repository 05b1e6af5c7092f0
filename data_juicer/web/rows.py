"""Rows that the page shows: samples of what operators changed and dropped, and dead letters; a bounded number of them."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.engine.replay.dropped import DroppedRow
from data_juicer.engine.replay.parts import committed_manifests, committed_names
from data_juicer.engine.replay.samples import sample_rows
from data_juicer.engine.worker.sampling import TraceRecord
from data_juicer.errors import CheckpointError, DataJuicerError
from data_juicer.job.names import parse_result_name
from data_juicer.plan.mapping import decode_mapping
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.printable import printable
from data_juicer.store.dead_letters import DeadLetter, decode_dead_letter
from data_juicer.store.staging import read_lines

if TYPE_CHECKING:
    from data_juicer.monitor.handle import JobHandle
    from data_juicer.storage.base import Store

SAMPLES_MAX: Final = 6
"""Of one operator: changed rows, and as many dropped ones."""
TEXT_MAX: Final = 2_000
LETTERS_MAX: Final = 50
_FILES_MAX: Final = 200
_FILE_BYTES_MAX: Final = 16 << 20

_TRACE: Final = msgspec.json.Decoder(TraceRecord)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One row at one operator; texts are cut at TEXT_MAX characters."""

    operator: str
    operator_index: int
    what: str
    place: str
    field: str
    before: str
    after: str | None
    why: str | None


class Samples(msgspec.Struct, frozen=True, kw_only=True):
    samples: tuple[Sample, ...]
    note: str
    """Where they are from, and what is not among them."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One row that could not be processed."""

    operator: str
    error: str
    source: str
    place: str
    row: str


class LetterGroup(msgspec.Struct, frozen=True, kw_only=True):
    operator: str
    error_type: str
    rows: int


class Letters(msgspec.Struct, frozen=True, kw_only=True):
    rows: int
    """That were looked at; the first ones of the job."""
    groups: tuple[LetterGroup, ...]
    letters: tuple[Letter, ...]


def read_samples(job: JobHandle, is_time_over: Callable[[], bool]) -> Samples:
    """Those that the run recorded (`open_tracer`), else those that what is committed gives back. Raises: StoreError."""
    recorded = _recorded(job)
    if recorded:
        return Samples(samples=_sorted(recorded), note="Recorded by the run (open_tracer).")
    try:
        found = sample_rows(job.store, job.layout, job.summary, SAMPLES_MAX, is_time_over)
    except DataJuicerError as error:
        return Samples(samples=(), note=printable(str(error)))
    computed = [
        *itertools.chain.from_iterable(map(_samples, found.changed)),
        *map(_dropped, found.dropped),
    ]
    partitions = "1 partition" if found.partitions == 1 else f"{found.partitions} partitions"
    whence = f"Of {partitions}, drawn by the seed of the job; built-in operators were run again on the first rows of each."
    note = whence if found.partitions else "Nothing is committed yet."
    return Samples(
        samples=_sorted(computed), note=" ".join(filter(None, (note, printable(found.problem or ""))))
    )


def _recorded(job: JobHandle) -> list[Sample]:
    """Of the whole job where it is complete, else of the partitions that were sampled so far."""
    directory = job.layout.trace_dir
    names = job.store.list(directory)
    merged = sorted(name for name in names if name.startswith("op_") and name.endswith(".jsonl"))
    staged = sorted(name for name in names if parse_result_name(name) is not None)
    counts: Counter[tuple[int, str]] = Counter()
    samples: list[Sample] = []
    for line in _lines(job.store, directory, merged or staged[:_FILES_MAX]):
        try:
            record = _TRACE.decode(line)
        except (msgspec.MsgspecError, ValueError):
            continue
        kind = (record.operator_index, record.what)
        if counts[kind] < SAMPLES_MAX:
            counts[kind] += 1
            samples += _samples(record)
    return samples


def _sorted(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    return tuple(sorted(samples, key=lambda each: (each.operator_index, each.what)))


def read_letters(job: JobHandle) -> Letters:
    """The first dead letters of a job, by operator and error."""
    groups: Counter[tuple[str, str]] = Counter()
    shown: list[Letter] = []
    partitions: dict[int, PartitionSpec] | None = None
    rows = 0
    for partition, line in _letter_lines(job):
        if partitions is None:
            partitions = _partitions(job)
        try:
            letter = decode_dead_letter(line).resolve(partition, partitions.get(partition))
        except CheckpointError:
            continue
        rows += 1
        groups[printable(letter.operator), printable(letter.error_type)] += 1
        if len(shown) < LETTERS_MAX:
            shown.append(_letter(letter))
    return Letters(
        rows=rows,
        groups=tuple(
            LetterGroup(operator=operator, error_type=error, rows=count)
            for (operator, error), count in groups.most_common(20)
        ),
        letters=tuple(shown),
    )


def _letter_lines(job: JobHandle) -> Iterator[tuple[int, bytes]]:
    """Partition and line of committed dead letters: of results, then of partitions that have a checkpoint so far."""
    store, layout = job.store, job.layout
    names = committed_names(store, layout)
    written = filter(None, map(parse_result_name, store.list(layout.dead_letter_dir)))
    done = sorted({name.partition_id for name in written} & names.results)[:_FILES_MAX]
    begun = sorted(names.checkpoints.keys() - names.results)[:_FILES_MAX]
    for partition in (*done, *begun):
        checkpoint, result = committed_manifests(store, layout, names, partition)
        newest = result or checkpoint
        directory = layout.checkpoints_dir if result is None else layout.dead_letter_dir
        files = newest.dead_letters if newest is not None else ()
        with contextlib.suppress(CheckpointError):
            for line in read_lines(
                store, directory, (it for it in files if it.size_bytes <= _FILE_BYTES_MAX)
            ):
                yield partition, line


def _partitions(job: JobHandle) -> dict[int, PartitionSpec]:
    """Where each partition is; none where that is not known."""
    path = job.layout.dataset_mapping
    try:
        mapping = decode_mapping(job.store.read(path), path, job.layout.partitions_dir)
    except (FileNotFoundError, CheckpointError):
        return {}
    return {partition.partition_id: partition for partition in mapping.partitions}


def _lines(store: Store, directory: str, names: Iterable[str]) -> Iterator[bytes]:
    for name in names:
        path = os.path.join(directory, name)
        try:
            if store.stat(path).size_bytes > _FILE_BYTES_MAX:
                continue
            yield from bytes(store.read(path)).splitlines()
        except FileNotFoundError:
            continue


def _samples(record: TraceRecord) -> Iterator[Sample]:
    """One a field that is shown."""
    after = record.after or {}
    for key, before in itertools.islice(record.before.items(), 3):
        yield Sample(
            operator=printable(record.operator),
            operator_index=record.operator_index,
            what=record.what,
            place=_place(record),
            field=printable(key),
            before=before[:TEXT_MAX],
            after=after[key][:TEXT_MAX] if key in after else None,
            why=None if record.why is None else printable(record.why),
        )


def _place(record: TraceRecord) -> str:
    source = printable(record.source.rpartition("/")[2])
    if record.line:
        return f"{source}, line {record.line:,}"
    if record.row_group >= 0:
        return f"{source}, row group {record.row_group}, row {record.row_in_group}"
    return f"{source}, row {record.source_row + 1:,}" if record.source_row >= 0 else source


def _dropped(row: DroppedRow) -> Sample:
    source = printable(row.source.rpartition("/")[2])
    return Sample(
        operator=printable(row.operator),
        operator_index=row.operator_index,
        what="dropped",
        place=f"{source}, {printable(row.place)}" if row.place else source,
        field="text",
        before=row.text,
        after=None,
        why=printable(row.why) or None,
    )


def _letter(letter: DeadLetter) -> Letter:
    return Letter(
        operator=printable(letter.operator),
        error=printable(f"{letter.error_type}: {letter.message}"),
        source=printable(letter.source.rpartition("/")[2]),
        place=printable(letter.place),
        row=printable(letter.raw[:500].decode(errors="replace")),
    )
