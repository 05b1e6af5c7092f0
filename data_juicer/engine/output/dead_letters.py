"""The dead letters of a job as they are committed, and grouped for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from data_juicer.errors import CheckpointCorruptError, DataJuicerError
from data_juicer.job.layout import JobLayout
from data_juicer.plan.mapping import decode_mapping
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.plan.resume.inventory import Inventory, take_checkpoints
from data_juicer.plan.resume.results import ResultManifests
from data_juicer.storage.base import Store
from data_juicer.store.dead_letters import DeadLetter, decode_dead_letter
from data_juicer.store.manifest import DataFile, Manifest
from data_juicer.store.staging import read_lines


class DeadLetterGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters of one operator with one kind of error."""

    operator: str
    error_type: str
    rows: int
    examples: tuple[DeadLetter, ...]


def committed_dead_letters(store: Store, layout: JobLayout) -> list[DeadLetter]:
    """Of every partition: those of its result, or of its newest checkpoint and of a summary made from it; in the order
    of source and line, as the input was when it was scanned last. What was committed of rows that it had no more is left out.

    Raises: CheckpointCorruptError: a file of them is not what was committed. StoreError.
    """
    committed = list(_committed(store, layout))
    if not committed:
        return []
    partitions = _partitions(store, layout)
    found: list[DeadLetter] = []
    for each in committed:
        partition = partitions.get(each.partition) if partitions is not None else None
        if partitions is None or (partition is not None and partition.digest == each.fragment):
            lines = read_lines(store, each.directory, each.files)
            found += (decode_dead_letter(line).resolve(each.partition, partition) for line in lines)
    return sorted(
        found, key=lambda dead_letter: (dead_letter.source, dead_letter.line, dead_letter.source_row)
    )


class _Committed(NamedTuple):
    """The files of dead letters that a manifest names."""

    partition: int
    fragment: str
    directory: str
    files: tuple[DataFile, ...]


def _committed(store: Store, layout: JobLayout) -> Iterator[_Committed]:
    done: set[int] = set()
    for found in ResultManifests(store, layout).read([]):
        result = found.result
        done.add(result.partition)
        if result.dead_letters:
            yield _Committed(result.partition, result.fragment, layout.dead_letter_dir, result.dead_letters)
    inventory = take_checkpoints(store, layout, lambda partition: partition not in done)
    for partition in sorted(
        {*inventory.checkpoints, *(partition for partition, _ in inventory.summaries)} - done
    ):
        for manifest in _newest(inventory, partition):
            if manifest.dead_letters:
                yield _Committed(partition, manifest.fragment, layout.checkpoints_dir, manifest.dead_letters)


def _partitions(store: Store, layout: JobLayout) -> dict[int, PartitionSpec] | None:
    """Where each partition is; None where that is lost until the input is scanned again."""
    path = layout.dataset_mapping
    try:
        mapping = decode_mapping(store.read(path), path, layout.partitions_dir)
    except (FileNotFoundError, CheckpointCorruptError):
        return None
    return {partition.partition_id: partition for partition in mapping.partitions}


def _newest(inventory: Inventory, partition: int) -> Iterator[Manifest]:
    """Of a partition without a result: the newest checkpoint, and the summary that was made from it."""
    checkpoints = [manifest for _, manifest in inventory.checkpoints.get(partition, [])]
    newest = max(checkpoints, key=lambda manifest: manifest.operator_index, default=None)
    if newest is not None:
        yield newest
    summary = inventory.summaries.get((partition, newest.operator_index + 1 if newest else 0))
    if summary is not None:
        yield summary[1]


def example_dead_letters(store: Store, layout: JobLayout, count: int = 3) -> list[str]:
    """A few dead letters as an error shows them; none where they cannot be read."""
    try:
        dead_letters = committed_dead_letters(store, layout)
    except DataJuicerError:
        return []
    groups = group_letters(dead_letters, count)
    some = [
        group.examples[number] for number in range(count) for group in groups if number < len(group.examples)
    ]
    return [
        f"{dead_letter.named_place}: {dead_letter.operator}: {dead_letter.error_type}: {dead_letter.message}"
        for dead_letter in some[:count]
    ]


def group_letters(dead_letters: Iterable[DeadLetter], examples_max: int) -> list[DeadLetterGroup]:
    """By operator in the order of the recipe, then by kind of error, the most frequent first. Pure."""
    groups: dict[tuple[int, str, str], list[DeadLetter]] = {}
    for dead_letter in dead_letters:
        groups.setdefault(
            (dead_letter.operator_index, dead_letter.operator, dead_letter.error_type), []
        ).append(dead_letter)
    return [
        DeadLetterGroup(
            operator=operator, error_type=kind, rows=len(rows), examples=_examples(rows, examples_max)
        )
        for (_, operator, kind), rows in sorted(
            groups.items(), key=lambda item: (item[0][0], -len(item[1]), item[0])
        )
    ]


def _examples(rows: Sequence[DeadLetter], examples_max: int) -> tuple[DeadLetter, ...]:
    """The first ones, of different messages as far as there are."""
    first_of_message: dict[str, int] = {}
    for number, dead_letter in enumerate(rows):
        first_of_message.setdefault(dead_letter.message, number)
    numbers = dict.fromkeys((*first_of_message.values(), *range(len(rows))))
    return tuple(rows[number] for number in islice(numbers, examples_max))
