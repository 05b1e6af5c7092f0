"""A small job in a folder of its own, on the real disk: its recipe, its runs in this process or another one, what came of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from data_juicer.api import run_config
from data_juicer.config.config import load_recipe
from data_juicer.config.schema import JobConfig
from data_juicer.engine.lifecycle.environment import JobOutcome
from data_juicer.job.layout import JobLayout
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

STORE: Final = PosixStore()
DRIVE: Final = "import sys; from data_juicer.cli.process import main; sys.exit(main())"


@dataclass(slots=True)
class SmallJob:
    """The job `jobs.JOB_ID` over `in.jsonl` of a folder; several of them may share the input."""

    folder: Path
    process: Sequence[Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of its recipe, besides input, export and directories."""
    name: str = "job"
    """Of the work_dir below the folder."""

    def write(self, rows: Iterable[str | Mapping[str, Any]]) -> Path:
        """The input: lines as they are, rows as JSON."""
        path = self.folder / "in.jsonl"
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return path

    def recipe(self, **changed: Any) -> dict[str, Any]:
        """What a person would write, inline unless `settings` or `changed` say otherwise."""
        work_dir = self.folder / self.name
        return {
            "dataset_path": str(self.folder / "in.jsonl"),
            "export_path": str(work_dir / "result.jsonl"),
            "work_dir": str(work_dir),
            "job_id": jobs.JOB_ID,
            "process": list(self.process),
            "executor_type": "inline",
            **self.settings,
            **changed,
        }

    def config(self, **changed: Any) -> JobConfig:
        return load_recipe(self.recipe(**changed), {}, {})

    @property
    def layout(self) -> JobLayout:
        return jobs.layout_of(self.config())

    # ---- runs

    def run(self, **changed: Any) -> JobOutcome:
        """In this process. Raises: DataJuicerError."""
        return run_config(self.config(**changed))

    def write_recipe(self, **changed: Any) -> Path:
        path = self.folder / f"{self.name}.json"
        path.write_text(json.dumps(self.recipe(**changed)))
        return path

    def start(self, **changed: Any) -> subprocess.Popen[bytes]:
        """By dj-process, which tells what it tells to the file NAME.out."""
        words = [sys.executable, "-c", DRIVE, "--config", str(self.write_recipe(**changed))]
        with open(self.folder / f"{self.name}.out", "ab") as out:
            return subprocess.Popen(words, stdout=out, stderr=out)

    @property
    def reported(self) -> str:
        return (self.folder / f"{self.name}.out").read_text(errors="replace")

    # ---- what came of it

    def outcome(self) -> tuple[object, ...]:
        """Rows, ledgers and dead letters: all that must be as if nothing had happened."""
        config = self.config()
        return jobs.exported(config, STORE), jobs.ledgers(config, STORE), jobs.dead_letters(config, STORE)

    def event_numbers(self) -> list[int]:
        return [record.seq for record in jobs.logged(self.config(), STORE)]
