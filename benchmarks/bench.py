"""What every subject is given: where to work, input of a wanted size, the recipe, jobs in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data" / "dev.jsonl.zst"
MAKE_DATA = ROOT / "demos" / "partition_and_checkpoint" / "make_data.py"
ROWS_A_PARTITION = 1000

NINE_OPERATORS: list[dict[str, dict[str, Any]]] = [
    {"fix_unicode_mapper": {}},
    {"clean_links_mapper": {}},
    {"clean_email_mapper": {}},
    {"whitespace_normalization_mapper": {}},
    {"punctuation_normalization_mapper": {}},
    {"text_length_filter": {"min_len": 50, "max_len": 200_000}},
    {"alphanumeric_filter": {"min_ratio": 0.4}},
    {"special_characters_filter": {"max_ratio": 0.5}},
    {"character_repetition_filter": {"rep_len": 10, "max_ratio": 0.4}},
]


@dataclass(frozen=True, slots=True)
class Bench:
    """The surroundings of one `python -m benchmarks`."""

    directory: Path
    megabytes: int
    repetitions: int
    say: Callable[[str], None]
    _lines: list[bytes] = field(default_factory=list)

    def documents(self) -> list[bytes]:
        """Lines of real documents: the development data, or the demo's where that is absent."""
        if not self._lines:
            self._lines.extend(_documents(self.directory))
        return self._lines

    def data(self, megabytes: float) -> Path:
        """JSON Lines of about this size: the documents again and again, in the page cache."""
        path = self.directory / f"input_{megabytes:g}.jsonl"
        if not path.exists():
            path.write_bytes(b"".join(_repeated(self.documents(), int(megabytes * 1e6))))
        return path

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        with TemporaryDirectory(dir=self.directory) as directory:
            yield Path(directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A job that ran in a process of its own; seconds without the start of the interpreter and its imports."""

    wall_s: float
    driver_s: float
    """CPU of the driver."""
    workers_s: float
    """CPU of all workers, their start included."""
    below_s: float
    """CPU of all processes below the driver, which with Ray are many; seen every half second, so that the end is missing."""
    partitions_done: int
    driver_peak_bytes: int
    worker_peak_bytes: int
    """Of the largest worker."""

    @property
    def cpu_s(self) -> float:
        return self.driver_s + self.workers_s

    @property
    def tree_s(self) -> float:
        return self.driver_s + self.below_s


def recipe(
    data: Path, out: Path, process: Sequence[Mapping[str, Any]] = NINE_OPERATORS, **settings: Any
) -> dict[str, Any]:
    """Settings of a job over `data` with 1,000-row partitions, without checkpoints unless `settings` say otherwise."""
    return {
        "process": list(process),
        "dataset_path": str(data),
        "export_path": str(out / "out.jsonl"),
        "np": 1,
        "partition": {"size": ROWS_A_PARTITION},
        "checkpoint": {"strategy": "disabled"},
        **settings,
    }


def run_job(settings: Mapping[str, Any], stop_after: int | None = None) -> Ran:
    """Run a job in a fresh interpreter. `stop_after`: asked to stop once this many partitions are done."""
    order = json.dumps({"settings": settings, "stop_after": stop_after})
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.one_job"],
        input=order,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Ran(**json.loads(done.stdout.splitlines()[-1]))


def interleaved(
    repetitions: int, variants: Mapping[str, Callable[[], Ran]], say: Callable[[str], None]
) -> dict[str, list[Ran]]:
    """A B C A B C: what else the machine does falls on all variants alike."""
    ran: dict[str, list[Ran]] = {name: [] for name in variants}
    for number in range(repetitions):
        for name, variant in variants.items():
            say(f"{name}, {number + 1} of {repetitions}")
            ran[name].append(variant())
    return ran


def _documents(directory: Path) -> list[bytes]:
    if SHARED.exists():
        import pyarrow as pa

        with pa.CompressedInputStream(pa.OSFile(str(SHARED)), "zstd") as stream:
            return stream.read().splitlines(keepends=True)
    made = directory / "demo.jsonl"
    subprocess.run([sys.executable, str(MAKE_DATA), str(made)], check=True)
    return made.read_bytes().splitlines(keepends=True)


def _repeated(lines: Sequence[bytes], size: int) -> Iterator[bytes]:
    held = 0
    while held < size:
        for line in lines:
            if held >= size:
                return
            held += len(line)
            yield line
