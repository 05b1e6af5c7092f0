"""A job in memory that is run again and again while its input and recipe change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_juicer.storage.memory import MemoryStore
from data_juicer.testing import jobs
from data_juicer.testing.jobs import Watch
from tests.support.crash_recipes import lines, small_job


def every(partitions: Sequence[int], operators: Sequence[int]) -> list[tuple[int, int]]:
    return [(partition, operator) for partition in partitions for operator in operators]


@dataclass(slots=True)
class RerunJob:
    """A job over files of a folder, run again and again."""

    folder: Path
    process: Sequence[Any] = ()
    """What `run` takes where it is given nothing else."""
    store: MemoryStore = field(default_factory=MemoryStore)

    def write(self, name: str, present: Sequence[bytes]) -> Path:
        path = self.folder / name
        path.write_bytes(lines(present))
        return path

    def run(
        self, process: Sequence[Any] | None = None, *, warned_of: Sequence[str] = (), **settings: Any
    ) -> list[tuple[int, int]]:
        """Partition and operator of each OP_START; the result must be that of a fresh run.

        Args:
            warned_of: a part of each warning that the run has to give, in order; there must be no others.
        """
        taken = self.process if process is None else process
        config = small_job(sorted(self.folder.glob("*.jsonl")), taken, **settings)
        watch, fresh = Watch(), MemoryStore()
        jobs.run_inline(config, self.store, watch)
        jobs.run_inline(config, fresh)
        assert jobs.exported(config, self.store) == jobs.exported(config, fresh)
        assert jobs.ledgers(config, self.store) == jobs.ledgers(config, fresh)
        assert len(watch.warnings) == len(warned_of), watch.warnings
        assert all(part in warning for part, warning in zip(warned_of, watch.warnings, strict=True)), (
            watch.warnings
        )
        return watch.started
