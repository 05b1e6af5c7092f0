"""`partition.auto_configure`: the sizes of partitions chosen from the data, once for a job; a resume keeps them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from data_juicer.config.schema import JobConfig
from data_juicer.engine.autoconfig.choice import Choice, choose
from data_juicer.engine.autoconfig.machine import look_at_machine
from data_juicer.engine.autoconfig.measure import measure_operators
from data_juicer.engine.autoconfig.sample import take_sample
from data_juicer.engine.autoconfig.wording import describe_choice, describe_kept_size
from data_juicer.engine.lifecycle.build_setup import row_bytes_max
from data_juicer.engine.lifecycle.open import OpenJob
from data_juicer.engine.protocol.backend import Backend
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.errors import CheckpointCorruptError
from data_juicer.formats.base import SourceFile
from data_juicer.job.summary import ChosenSizes
from data_juicer.plan.mapping import decode_limits
from data_juicer.storage.posix import PosixStore

_MB: Final = 1_000_000
COSTS_DIR: Final = "operator_costs"
"""The folder below a work_dir where measurements of operators are kept for all jobs in it."""


class Sized(msgspec.Struct, frozen=True, kw_only=True):
    """A job whose partitions have a size."""

    config: JobConfig
    chosen: ChosenSizes
    lines: tuple[str, ...]
    """What is shown to people, a line each."""


class Sizer:
    """Gives the partitions of an open job their sizes."""

    def __init__(
        self, config: JobConfig, job: OpenJob, backend: Backend, heartbeat: Callable[[str], None]
    ) -> None:
        """
        Args:
            heartbeat: called often; what it raises ends a choice.
        """
        self.config = config
        self.job = job
        self.backend = backend
        self.heartbeat = heartbeat

    def keep(self) -> Sized | None:
        """The sizes that earlier runs cut the input into, so that what they committed can be used; None in a first run.

        Chosen sizes are in the summary; those of runs before they were to be chosen, in the mapping of the input.
        """
        chosen = self.job.summary.auto_configuration
        if chosen is None:
            path = self.job.layout.dataset_mapping
            try:
                limits = decode_limits(self.job.store.read(path), path)
            except (FileNotFoundError, CheckpointCorruptError):  # of which the scan tells
                return None
            size_mb = max(1, limits.size_bytes_max // _MB)
            chosen = ChosenSizes(modality="", size=limits.rows_max, max_size_mb=size_mb)
        return self._sized(chosen, (describe_kept_size(chosen.size, chosen.max_size_mb),))

    def choose(self, setup: WorkerSetup, sources: Sequence[SourceFile]) -> Sized:
        """Look at the data, the operators and the machine, and choose.

        Args:
            setup: of the workers of the job as the recipe has it.
        Raises: InputError: a source cannot be read.
        """
        config, store = self.config, self.job.store
        text_keys = tuple(dict.fromkeys((*config.text_keys, *setup.text_keys)))
        sample = take_sample(store, sources, text_keys, row_bytes_max(config), config.seed, self.heartbeat)
        costs_dir = os.path.join(os.path.dirname(self.job.layout.job_dir), COSTS_DIR)
        measured = measure_operators(store, costs_dir, setup, sample, self.heartbeat)
        machine = look_at_machine(config, self.backend, PosixStore())
        choice = choose(sample.stats, measured.cost, machine, sample.rows_total)
        lines = describe_choice(sample.stats, measured.cost, measured.unmeasured, machine, choice)
        return self._sized(_record(choice, lines), lines)

    def _sized(self, chosen: ChosenSizes, lines: tuple[str, ...]) -> Sized:
        partition = dataclasses.replace(
            self.config.partition, size=chosen.size, max_size_mb=chosen.max_size_mb
        )
        config = dataclasses.replace(self.config, partition=partition)
        return Sized(config=config, chosen=chosen, lines=lines)


def _record(choice: Choice, lines: tuple[str, ...]) -> ChosenSizes:
    return ChosenSizes(
        modality=choice.modality,
        size=choice.rows,
        max_size_mb=choice.size_mb,
        worker_bytes=choice.worker_bytes,
        reasons=lines,
    )
