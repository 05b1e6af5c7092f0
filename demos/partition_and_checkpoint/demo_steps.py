"""What the sections of the demo are made of: commands that are shown and run, claims that are checked, and the table at the end."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

WORK_DIR = "demo-outputs/jobs"
POLL_S = 0.01
COLUMNS = 80
SHOWN_LINES = 9
"""Of what a command prints; the rest is counted."""


class DemoError(Exception):
    """A command did not come out as it must."""


@dataclass
class Demo:
    """The run of the demo so far."""

    claims: list[tuple[str, str, bool]] = field(default_factory=list)
    """Section, claim, and whether it is true."""
    section: str = ""

    @contextlib.contextmanager
    def in_section(self, title: str, text: str) -> Iterator[None]:
        """A section; what fails in it is one of its claims, and the others go on."""
        self.section = title
        number = len({section for section, _, _ in self.claims}) + 1
        heading = f"{number}. {title}"
        print(f"\n\x1b[1m{heading}\x1b[0m" if sys.stdout.isatty() else f"\n{heading}")
        print(textwrap.fill(text, COLUMNS), flush=True)
        try:
            yield
        except (DemoError, OSError, KeyError, ValueError) as error:
            self.check(f"it runs to its end ({error})", False)

    def check(self, claim: str, is_true: bool) -> None:
        self.claims.append((self.section, claim, is_true))
        print(f"  {'ok    ' if is_true else 'FAILED'}  {claim}", flush=True)

    def table(self) -> int:
        """Print every section with its claims. Returns: the exit code."""
        print(f"\n{'section':<52}{'claims':>8}{'true':>8}{'':>4}result")
        print("-" * COLUMNS)
        for section in dict.fromkeys(section for section, _, _ in self.claims):
            results = [is_true for name, _, is_true in self.claims if name == section]
            told = "ok" if all(results) else "FAILED"
            print(f"{section:<52}{len(results):>8}{sum(results):>8}{'':>4}{told}")
        failed = [claim for _, claim, is_true in self.claims if not is_true]
        print("-" * COLUMNS)
        print(f"{len(self.claims)} claims, {len(failed)} of them not true; exit code {bool(failed):d}")
        return int(bool(failed))


# ---- commands


def start(command: list[str], **options: Any) -> subprocess.Popen[str]:
    print(textwrap.fill(f"$ {shlex.join(command)}", COLUMNS, subsequent_indent="    "), flush=True)
    program = os.path.join(os.path.dirname(sys.executable), command[0])
    environment = {**os.environ, "COLUMNS": str(COLUMNS)}
    return subprocess.Popen(
        [program, *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        **options,
    )


def run(command: list[str], *, expected: int = 0, shown: int = SHOWN_LINES) -> str:
    """Run a command and show the end of what it printed. Returns: all of it. Raises: DemoError: another exit code."""
    process = start(command)
    out, _ = process.communicate()
    lines = [line for line in out.splitlines() if line.strip()]
    if len(lines) > shown:
        print(f"    ... {len(lines) - shown} lines more")
    for line in lines[max(0, len(lines) - shown) :]:
        print(f"    {line if len(line) <= COLUMNS - 4 else line[: COLUMNS - 5] + '…'}")
    if process.returncode != expected:
        raise DemoError(f"{command[0]} ended with exit code {process.returncode}")
    return out


def job(recipe: str, job_id: str, *words: str) -> list[str]:
    """The command of a job, with an export of its own."""
    export = f"demo-outputs/{job_id}.jsonl"
    return ["dj-process", "--config", recipe, "--job_id", job_id, "--export_path", export, *words]


def kill_in_its_middle(command: list[str], job_id: str, partitions: int) -> None:
    """Kill the driver, without a warning, when a good third of the partitions is committed. Raises: DemoError."""
    process = start(command)
    while process.poll() is None and count_committed(job_id) < max(1, partitions * 2 // 5):
        time.sleep(POLL_S)
    process.kill()
    process.communicate()
    if process.returncode != -signal.SIGKILL:
        raise DemoError(f"the run ended with exit code {process.returncode} before it could be killed")
    print(f"kill -KILL {process.pid}: {count_committed(job_id)} partitions are committed", flush=True)


# ---- what is on disk


def forget(*job_ids: str) -> None:
    """These jobs of the demo are to begin, not to resume."""
    for job_id in job_ids:
        for folder in (WORK_DIR, "demo-outputs/fast_event_logs", "demo-outputs/large_checkpoints"):
            shutil.rmtree(os.path.join(folder, job_id), ignore_errors=True)


def count_committed(job_id: str) -> int:
    return len(glob.glob(os.path.join(WORK_DIR, job_id, "results", "partition_*.json")))


def count_checkpoints(job_id: str, folder: str = "") -> int:
    inside = os.path.join(folder, job_id) if folder else os.path.join(WORK_DIR, job_id, "checkpoints")
    return len(glob.glob(os.path.join(inside, "checkpoint_*.json")))


def summary(job_id: str) -> dict[str, Any]:
    with open(os.path.join(WORK_DIR, job_id, "job_summary.json"), encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
        return found


def events(job_id: str, kind: str, run: int | None = None) -> list[dict[str, Any]]:
    """The events of a type, of one run or of all."""
    with open(os.path.join(WORK_DIR, job_id, "event_logs", "events.jsonl"), encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    return [each for each in found if each["event_type"] == kind and run in {None, each["run"]}]


def digest(job_id: str) -> str:
    with open(f"demo-outputs/{job_id}.jsonl", "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
