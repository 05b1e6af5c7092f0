"""A small job that something is done to, what it answers, and whether a resume mends it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from data_juicer import api
from data_juicer.cli.running import Screen
from data_juicer.cli.signals import StopSignals
from data_juicer.engine.output.dead_letters import committed_dead_letters
from data_juicer.engine.output.mapping_report import MappingReport
from data_juicer.engine.run_context import Observer, RunControl
from data_juicer.errors import DataJuicerError
from data_juicer.events.history import read_records
from data_juicer.job.layout import JobLayout
from data_juicer.storage import open_store
from data_juicer.storage.locations.uri import ROUTED
from data_juicer.store.ledger import check_ledgers
from data_juicer.testing import poison

JOB = "job"
ROWS = 120
STORE = open_store(ROUTED)
PROCESS = ["whitespace_normalization_mapper", "poison_mapper"]


def _kind(event: Any) -> str:
    return str(type(event).__struct_config__.tag)


@dataclass
class Bench(Observer):
    """A job in a directory of its own."""

    home: Path
    backend: str
    rows: dict[int, str] = field(default_factory=dict)
    """Lines that are not ordinary ones, by number from 0."""
    settings: dict[str, Any] = field(default_factory=dict)
    watched: list[Callable[[], None]] = field(default_factory=list)
    """Done once, when the first partition is committed."""
    warned: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        lines = [
            self.rows.get(number, json.dumps({"text": f"row  {number} {'-' * 200}", "n": number}))
            for number in range(ROWS)
        ]
        (self.home / "in.jsonl").write_bytes(
            b"".join(line.encode("utf-8", "surrogateescape") + b"\n" for line in lines)
        )

    @property
    def layout(self) -> JobLayout:
        settings = self.recipe()
        return JobLayout.of(
            settings["work_dir"], JOB, settings.get("event_log_dir"), settings.get("checkpoint_dir")
        )

    def recipe(self, **changed: Any) -> dict[str, Any]:
        base = {
            "dataset_path": str(self.home / "in.jsonl"),
            "export_path": str(self.home / "out.jsonl"),
            "work_dir": str(self.home / "jobs"),
            "process": PROCESS,
            "custom_operator_paths": [poison.__file__],
            "executor_type": self.backend,
            "np": 2,
            "partition": {"size": 20},
        }
        faults = {
            "max_dead_letter_ratio": 1.0,
            "retry_backoff": "fixed",
            **self.settings.get("fault_tolerance", {}),
            **changed.pop("fault_tolerance", {}),
        }
        return {**base, **self.settings, **changed, "fault_tolerance": faults}

    def run(self, **changed: Any) -> Outcome:
        """One run as `dj-process` makes it, with all that a person sees of it."""
        from data_juicer.config.config import load_recipe

        config = load_recipe(self.recipe(**changed), {"job_id": JOB}, {})
        signals, seen = StopSignals("dj-process"), io.StringIO()
        screen = Screen(signals, config.notices, seen, os.getcwd())
        error: DataJuicerError | None = None
        with signals, contextlib.redirect_stdout(seen), contextlib.redirect_stderr(seen):
            try:
                result = api.run_config(
                    config,
                    RunControl(observers=(screen, self), stop_signal=signals.asked),
                )
                screen.tell_success(result)
            except DataJuicerError as raised:
                error = raised
                self._tell(screen, error)
        return self._outcome(error.exit_code if error else 0, str(error or ""), seen.getvalue())

    @staticmethod
    def _tell(screen: Screen, error: DataJuicerError) -> None:
        """As cli/process.py does it."""
        try:
            screen.tell_failure(error)
        except DataJuicerError:
            sys.stderr.write(f"dj-process: {error}\n")

    def event_recorded(self, record: Any) -> None:
        if _kind(record.event) == "WARNING":
            self.warned.append(record.event.message)
        if _kind(record.event) == "PARTITION_COMPLETE":
            while self.watched:
                self.watched.pop()()

    def command(self, *flags: str) -> subprocess.Popen[str]:
        """The same by dj-process."""
        path = self.home / "recipe.json"
        path.write_text(json.dumps(self.recipe()))
        main = "from data_juicer.cli.process import main; raise SystemExit(main())"
        return subprocess.Popen(
            [sys.executable, "-c", main, "--config", str(path), "--job_id", JOB, *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.home,
        )

    def finish(self, process: subprocess.Popen[str]) -> Outcome:
        _, reported = process.communicate(timeout=60)
        said = [line for line in reported.splitlines() if line.strip() and not line.startswith("job job")]
        return self._outcome(process.returncode, self._heart_of(said))

    @staticmethod
    def _heart_of(lines: list[str]) -> str:
        for line in lines:
            if match := re.match(r"(failed|stopped|dj-process:)\s+(.*)", line):
                return match[2]
        return lines[-1] if lines else ""

    def wait_until_busy(self, process: subprocess.Popen[str], committed: int = 1) -> None:
        """So many partitions are committed, and another one is in work."""
        for _ in range(600):
            names = [name for name in STORE.list(self.layout.results_dir) if name.endswith(".json")]
            if len(names) >= committed or process.poll() is not None:
                return
            time.sleep(0.05)
        raise AssertionError("no partition was committed within 30 s")

    # ---- what came of it

    def _outcome(self, code: int, message: str, shown: str = "") -> Outcome:
        kinds = {_kind(record.event) for record in self._records()}
        dead_letters: list[Any] = []
        with contextlib.suppress(DataJuicerError):
            dead_letters = committed_dead_letters(STORE, self.layout)
        return Outcome(
            code=code,
            message=self.plain(message),
            events=frozenset(kinds),
            dead=tuple(
                f"{dead_letter.operator}: {dead_letter.error_type}: {self.plain(dead_letter.message)}"
                for dead_letter in dead_letters
            ),
            warnings=tuple(self.plain(warning) for warning in self.warned),
            shown=self.plain(shown),
        )

    def _records(self) -> list[Any]:
        try:
            return list(read_records(STORE, self.layout))
        except DataJuicerError:
            return []

    def plain(self, text: str) -> str:
        """Without what differs from run to run."""
        text = text.replace(str(self.home), "~").replace(sys.prefix, "")
        text = re.sub(r"pid \d+ on [^\s,)]+", "pid N on HOST", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
        text = re.sub(r"(\.\d+)+\.aside", ".N.aside", text)
        text = re.sub(r"(partition|checkpoint)_\d{6}", r"\1_N", text)
        text = re.sub(r"\d+ of \d+ rows", "N of N rows", text)
        return re.sub(r"[\d,]+( bytes are needed| are free| bytes are free)", r"N\1", text)

    def assert_whole(self, dead: int) -> None:
        """The export is right for every row that is no dead letter, and the ledgers balance."""
        lines = (self.home / "in.jsonl").read_bytes().splitlines(keepends=True)
        good = [line for number, line in enumerate(lines) if not dead or number not in self.rows]
        assert Path(self.recipe()["export_path"]).read_bytes() == self._undisturbed(b"".join(good))
        report = msgspec.json.decode(STORE.read(self.layout.final_mapping_report), type=MappingReport)
        for partition in report.partitions:
            check_ledgers(partition.ledgers, where=f"partition {partition.partition}")
        assert report.rows_in == ROWS
        assert sum(ledger.rows_dead_letter for ledger in report.ledgers) == dead

    def _undisturbed(self, lines: bytes) -> bytes:
        """The export of the same job over these rows, to which nothing is done."""
        aside = self.home / "undisturbed"
        aside.mkdir(exist_ok=True)
        (aside / "in.jsonl").write_bytes(lines)
        recipe = {
            "dataset_path": str(aside / "in.jsonl"),
            "export_path": str(aside / "out.jsonl"),
            "process": PROCESS,
            "custom_operator_paths": [poison.__file__],
            "executor_type": "inline",
        }
        api.run(recipe)
        return (aside / "out.jsonl").read_bytes()


@dataclass(frozen=True)
class Outcome:
    """Of one run, with everything in it that differs from run to run made alike."""

    code: int
    message: str
    events: frozenset[str]
    dead: tuple[str, ...]
    warnings: tuple[str, ...]
    shown: str = ""
    """Everything on the terminal."""


def poisoned(number: int, text: str) -> dict[int, str]:
    return {number: json.dumps({"text": text, "n": number})}
