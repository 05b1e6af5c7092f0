"""Nine jobs, each of them what may become of one: completed, running, SIGKILLed, failed, drained, on Ray, with two dataset operators,
damaged, and without a row that is left. Whoever changes a view looks at all of them.

python -m tests.support.nine_jobs FOLDER [KIND ...]      makes them below a folder; the running one goes on until it is done
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

KINDS: Final = (
    "completed",
    "running",
    "killed",
    "failed",
    "drained",
    "ray",
    "two_barriers",
    "damaged",
    "emptied",
)
HOSTILE: Final = (
    "a\x1b[31mred\x1b]0;title\x07 and \x00 zero",
    "</script><img src=x onerror=document.title='hit'>",
    "right \u202eto left\u202c \u2066isolated\u2069 \u05e2\u05d1\u05e8\u05d9\u05ea",
    "",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 family and \U0001f9ea",
    "w" * 10_000,
    "line\rreturn\nfeed\ttab \u2028 separator",
)
PROCESS: Final[tuple[Any, ...]] = (
    "clean_email_mapper",
    "whitespace_normalization_mapper",
    {"words_num_filter": {"min_num": 4, "max_num": 40}},
    {"alphanumeric_filter": {"min_ratio": 0.5}},
    "document_deduplicator",
)
SLOW: Final = """
import time
from data_juicer.ops.base_op import OPERATORS, Mapper
@OPERATORS.register_module("{name}")
class {kind}(Mapper):
    def process_single(self, sample):
        if "poison" in sample["text"]:
            raise ValueError("poison: " + sample["text"][:80])
        time.sleep({sleep_s})
        return sample
"""
SCRIPT: Final = "import sys; from data_juicer.cli.process import main; sys.exit(main())"


def rows(count: int) -> list[str]:
    """Lines of input: words of every length, addresses, duplicates, hostile texts, one line that is no JSON."""
    texts = [f"row {n} of them a{n}@example.com  has {'word ' * (n * 7 % 45)}" for n in range(count)]
    texts[5 :: max(6, count // 12)] = [texts[3]] * len(texts[5 :: max(6, count // 12)])
    texts[10 : 10 + len(HOSTILE)] = HOSTILE
    lines = [
        json.dumps({"text": text, "meta": {"lang": ("en", "de", "\x1b[1mfr")[n % 3]}})
        for n, text in enumerate(texts)
    ]
    lines[20] = '{"text": "cut \\u001b[31m'
    return lines


def make(
    folder: Path, kind: str, count: int = 400, *, backend: str = "default"
) -> subprocess.Popen[bytes] | None:
    """Make one of them in FOLDER/jobs.

    Args:
        backend: of those that do not need another one: `inline` is the quickest.
    Returns: the driver of the one that runs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return _MAKERS.get(kind, _run)(folder, kind, count, backend)


def _recipe(
    folder: Path, kind: str, count: int, backend: str, process: Sequence[Any] = PROCESS, **more: Any
) -> Path:
    source = folder / f"{kind}.jsonl"
    source.write_text("".join(f"{line}\n" for line in rows(count)))
    settings: Mapping[str, Any] = {
        "dataset_path": str(source),
        "export_path": str(folder / "exports" / f"{kind}.jsonl"),
        "work_dir": str(folder / "jobs"),
        "executor_type": backend,
        "np": 2,
        "partition": {"size": max(5, count // 16)},
        "checkpoint": {"strategy": "every_op"},
        "fault_tolerance": {"max_dead_letter_ratio": 0.2},
        "process": list(process),
        **more,
    }
    path = folder / f"{kind}.yaml"
    path.write_text(json.dumps(settings))
    return path


def _slow(folder: Path, kind: str, sleep_s: float) -> dict[str, Any]:
    """An operator that waits at each row and fails at poison; two names, as operators are registered once."""
    name = f"{kind}_waiting_mapper"
    code = folder / f"{name}.py"
    code.write_text(SLOW.format(name=name, kind=name.title().replace("_", ""), sleep_s=sleep_s))
    return {"custom_operator_paths": [str(code)], "process": [*PROCESS[:2], name, *PROCESS[2:4]]}


def _start(recipe: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", SCRIPT, "--config", str(recipe), "--job_id", recipe.stem]
    with open(recipe.with_suffix(".out"), "wb") as out:
        return subprocess.Popen(words, stdout=out, stderr=out)


def _run(folder: Path, kind: str, count: int, backend: str, **more: Any) -> None:
    _start(_recipe(folder, kind, count, backend, **more)).wait()


def _begun(folder: Path, kind: str, count: int, backend: str, sleep_s: float) -> subprocess.Popen[bytes]:
    driver = _start(_recipe(folder, kind, count, backend, **_slow(folder, kind, sleep_s)))
    results = folder / "jobs" / kind / "results"
    while driver.poll() is None and len(list(results.glob("*.json"))) < 3:
        time.sleep(0.05)
    return driver


def _running(folder: Path, kind: str, count: int, backend: str) -> subprocess.Popen[bytes]:
    return _begun(folder, kind, count * 4, backend, 0.2)


def _killed(folder: Path, kind: str, count: int, backend: str) -> None:
    driver = _begun(folder, kind, count, backend, 0.02)
    driver.send_signal(signal.SIGKILL)
    driver.wait()


def _drained(folder: Path, kind: str, count: int, backend: str) -> None:
    driver = _begun(folder, kind, count, backend, 0.02)
    driver.send_signal(signal.SIGTERM)
    driver.wait()


def _failed(folder: Path, kind: str, count: int, backend: str) -> None:
    recipe = _recipe(folder, kind, count, backend, **_slow(folder, kind, 0))
    source = folder / f"{kind}.jsonl"
    source.write_text(source.read_text().replace("of them", "of poison\\u001b[31m"))
    _start(recipe).wait()


def _ray(folder: Path, kind: str, count: int, _: str) -> None:
    _run(folder, kind, count, "ray_partitioned")


def _two_barriers(folder: Path, kind: str, count: int, backend: str) -> None:
    process = [
        *PROCESS,
        "document_minhash_deduplicator",
        {"text_length_filter": {"min_len": 10, "max_len": 200}},
    ]
    _run(folder, kind, count, backend, process=process)


def _damaged(folder: Path, kind: str, count: int, backend: str) -> None:
    """A bit of a result is turned, a file of a checkpoint is gone, a manifest is no JSON, a statistic is cut."""
    _run(folder, kind, count, backend)
    job = folder / "jobs" / kind
    result, *_ = sorted((job / "results").glob("*.jsonl"))
    data = bytearray(result.read_bytes())
    data[len(data) // 2] ^= 1
    result.write_bytes(data)
    deltas = sorted((job / "checkpoints").glob("*.parquet"))
    deltas[1].unlink()
    max((job / "checkpoints").glob("checkpoint_*.json")).write_text("\x1b[31m{")
    os.truncate(sorted((job / "results").glob("*.stats.jsonl"))[2], 3)


def _emptied(folder: Path, kind: str, count: int, backend: str) -> None:
    process = [*PROCESS[:2], {"words_num_filter": {"min_num": 10**6}}, {"alphanumeric_filter": {}}]
    _run(folder, kind, count, backend, process=process)


_MAKERS: Final[Mapping[str, Callable[[Path, str, int, str], subprocess.Popen[bytes] | None]]] = {
    "running": _running,
    "killed": _killed,
    "failed": _failed,
    "drained": _drained,
    "ray": _ray,
    "two_barriers": _two_barriers,
    "damaged": _damaged,
    "emptied": _emptied,
}

if __name__ == "__main__":
    for wanted in sys.argv[2:] or KINDS:
        begin = time.monotonic()
        make(Path(sys.argv[1]), wanted)
        sys.stdout.write(f"{wanted} {time.monotonic() - begin:.1f} s\n")
