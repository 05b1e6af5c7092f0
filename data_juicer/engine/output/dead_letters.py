"""The dead letters of a job as they are committed, and grouped for people."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from data_juicer.errors import DataJuicerError
from data_juicer.job.layout import JobLayout
from data_juicer.plan.resume.inventory import Inventory, take_inventory
from data_juicer.storage.base import Store
from data_juicer.store.dead_letters import DeadLetter, decode_dead_letter
from data_juicer.store.manifest import Manifest
from data_juicer.store.staging import read_lines


class DeadLetterGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters of one operator with one kind of error."""

    operator: str
    error_type: str
    rows: int
    examples: tuple[DeadLetter, ...]


def committed_dead_letters(store: Store, layout: JobLayout) -> list[DeadLetter]:
    """Of every partition: those of its result, or of its newest checkpoint and of a summary made from it; in the order
    of source and line.

    Raises: CheckpointCorruptError: a file of them is not what was committed. StoreError.
    """
    inventory = take_inventory(store, layout)
    files = [(layout.dead_letter_dir, manifest) for _, manifest in inventory.results.values()]
    for partition in {*inventory.checkpoints, *(partition for partition, _ in inventory.summaries)}:
        if partition not in inventory.results:
            files += [(layout.checkpoints_dir, manifest) for manifest in _newest(inventory, partition)]
    dead_letters = [
        decode_dead_letter(line)
        for directory, manifest in files
        for line in read_lines(store, directory, manifest.dead_letters)
    ]
    return sorted(
        dead_letters, key=lambda dead_letter: (dead_letter.source, dead_letter.line, dead_letter.source_row)
    )


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
        f"{os.path.basename(dead_letter.source)}, {dead_letter.place}: {dead_letter.operator}: {dead_letter.error_type}: {dead_letter.message}"
        for dead_letter in some[:count]
    ]


def group_letters(dead_letters: Iterable[DeadLetter], examples_max: int) -> list[DeadLetterGroup]:
    """By operator in the order of the recipe, then by kind of error, the most frequent first. Pure."""
    held: dict[tuple[int, str, str], list[DeadLetter]] = {}
    for dead_letter in dead_letters:
        held.setdefault(
            (dead_letter.operator_index, dead_letter.operator, dead_letter.error_type), []
        ).append(dead_letter)
    return [
        DeadLetterGroup(
            operator=operator, error_type=kind, rows=len(rows), examples=_examples(rows, examples_max)
        )
        for (_, operator, kind), rows in sorted(
            held.items(), key=lambda item: (item[0][0], -len(item[1]), item[0])
        )
    ]


def _examples(rows: Sequence[DeadLetter], examples_max: int) -> tuple[DeadLetter, ...]:
    """The first ones, of different messages as far as there are."""
    first_of_message: dict[str, int] = {}
    for number, dead_letter in enumerate(rows):
        first_of_message.setdefault(dead_letter.message, number)
    numbers = dict.fromkeys((*first_of_message.values(), *range(len(rows))))
    return tuple(rows[number] for number in islice(numbers, examples_max))
