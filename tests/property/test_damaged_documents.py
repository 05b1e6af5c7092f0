"""Every document of a job, damaged at random, through every command that reads it: an answer or one line, never a traceback.

The seed of a failure is in the name of the test. More of them: `make slow`.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xxhash

from data_juicer.cli import jobs, process
from data_juicer.events import log as event_log
from data_juicer.testing import poison

ROWS = [json.dumps({"text": f"row  {n % 17} http://x.example/{n} words", "n": n}) for n in range(30)]
ROWS[4], ROWS[12] = "{not json", json.dumps({"text": "!raise"})
PROCESS: list[Any] = [
    "clean_links_mapper",
    "poison_mapper",
    "document_deduplicator",
    {"text_length_filter": {"min_len": 8}},
]
NASTY: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**30,
    1e300,
    "",
    "x",
    "../../../../etc/passwd",
    "/etc/passwd",
    "\ud800\x1b[31m",
    "2026-13-45T99:99:99.000000Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999-23:59",
    [],
    {},
    [[]],
    {"": None},
)
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
CHECKSUM = re.compile(rb'("checksum":\s*")([0-9a-f]{16})(",\s*)')


# ---- ways to damage a document


def change_a_digit(data: bytes, rng: random.Random) -> bytes:
    digits = [place for place, byte in enumerate(data) if chr(byte).isdigit()]
    if not digits:
        return data
    place = rng.choice(digits)
    return data[:place] + str(rng.randrange(10)).encode() + data[place + 1 :]


def change_a_time(data: bytes, rng: random.Random) -> bytes:
    """To a month or an hour that there is not; of a log, that of an event whose time readers compute with."""
    lines = [match.span() for match in re.finditer(rb"[^\n]*\"PROCESSING_[^\n]*", data)]
    start, stop = rng.choice(lines) if lines else (0, len(data))
    times = [match.start() for match in TIME.finditer(data, start, stop)]
    if not times:
        return change_a_digit(data, rng)
    place = rng.choice(times) + rng.choice([5, 11])
    return data[:place] + b"9" + data[place + 1 :]


def change_a_byte(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data)) if data else 0
    return data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def double_a_part(data: bytes, rng: random.Random) -> bytes:
    start, stop = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:stop] + data[start:stop] + data[stop:]


def change_a_value(data: bytes, rng: random.Random) -> bytes:
    """Of one document, or of one line; with the checksum that fits, as somebody who knows the format would."""
    lines = data.split(b"\n") if b'"seq":' in data else [data]
    number = rng.randrange(len(lines))
    try:
        document = json.loads(lines[number])
    except ValueError:
        return data
    lines[number] = signed(json.dumps(_changed(document, rng)).encode())
    return b"\n".join(lines)


def _changed(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {present: value[present] for present in value if present != key}
        return {
            present: _changed(value[present], rng) if present == key else value[present] for present in value
        }
    if isinstance(value, list) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        return [
            _changed(present, rng) if place == number else present for number, present in enumerate(value)
        ]
    return rng.choice(NASTY)


def signed(data: bytes) -> bytes:
    found = CHECKSUM.search(data)
    if found is None:
        return data
    bare = data[: found.start()] + data[found.end() :]
    return data[: found.start(2)] + xxhash.xxh3_64_hexdigest(bare).encode() + data[found.end(2) :]


DAMAGES = (change_a_digit, change_a_time, change_a_byte, cut, double_a_part, change_a_value, change_a_value)
HONEST = (change_a_digit, change_a_time, change_a_byte, cut)
"""What disks do; a result must be right after it."""


# ---- the job


def _recipe(home: Path) -> list[str]:
    recipe = {
        "dataset_path": str(home / "in.jsonl.gz"),
        "export_path": str(home / "out" / "out.jsonl"),
        "work_dir": str(home / "work"),
        "process": PROCESS,
        "custom_operator_paths": [poison.__file__],
        "executor_type": "inline",
        "partition": {"size": 10},
        "fault_tolerance": {"max_dead_letter_ratio": 1.0, "drain_s": 0},
        "checkpoint": {"strategy": "every_op"},
        "intermediate_storage": {"retention_policy": "keep_all"},
    }
    (home / "recipe.json").write_text(json.dumps(recipe))
    return ["--config", str(home / "recipe.json"), "--job_id", "j"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home: Path = tmp_path_factory.mktemp("finished") / "job"
    home.mkdir()
    (home / "in.jsonl.gz").write_bytes(gzip.compress("".join(f"{row}\n" for row in ROWS).encode()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_log, "SNAPSHOT_BYTES", 3_000)
        assert process.main(_recipe(home)) == 0
    shutil.copytree(home, f"{home}.kept", symlinks=True)
    return home


def restore(home: Path, rng: random.Random) -> None:
    """The finished job, or one that has work left: a result and the export are gone."""
    shutil.rmtree(home)
    shutil.copytree(f"{home}.kept", home, symlinks=True)
    if rng.random() < 0.7:
        (home / "work/j/results/partition_000001.json").unlink()
    if rng.random() < 0.5:
        (home / "out/out.jsonl").unlink()


def documents(home: Path) -> list[Path]:
    found = [*home.glob("work/j/**/*.json"), *home.glob("work/j/event_logs/events.jsonl*")]
    return sorted([*found, *home.glob("work/j/dead_letter/*.jsonl")])


def answers(home: Path) -> list[tuple[str, Callable[[], int]]]:
    work_dir = str(home / "work")
    looks = [
        ["show", "j"],
        ["show", "j", "--output", "json"],
        ["list"],
        ["explain", "j"],
        ["dead-letters", "j"],
    ]
    commands: list[tuple[str, Callable[[], int]]] = [
        (" ".join(look), lambda look=look: jobs.main([*look, "--work_dir", work_dir])) for look in looks
    ]
    return [*commands, ("resume", lambda: process.main(_recipe(home))), *commands[:1]]


def findings(home: Path, seed: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was wrong with the answers to one damage."""
    rng = random.Random(seed)
    restore(home, rng)
    kinds: dict[str, list[Path]] = {}
    for path in documents(home):
        kinds.setdefault(re.sub(r"\d+", "#", path.name), []).append(path)
    path, damage = rng.choice(rng.choice(list(kinds.values()))), rng.choice(DAMAGES)
    path.write_bytes(damage(path.read_bytes(), rng))
    case = f"seed {seed}: {damage.__name__} {os.path.relpath(path, home)}"
    found = []
    for name, answer in answers(home):
        capsys.readouterr()
        try:
            code = answer()
        except Exception as error:
            found.append(f"{case}: {name} raised {type(error).__name__}: {error}")
            continue
        reported = capsys.readouterr()
        if "\x1b[31m" in reported.out + reported.err:
            found.append(f"{case}: {name} passes on what a terminal would obey")
        if code not in {0, 1, 2}:
            found.append(f"{case}: {name} ended with {code}")
        if code and len([line for line in reported.err.splitlines() if re.match("failed|dj-", line)]) != 1:
            found.append(f"{case}: {name} told {reported.err!r}")
        if not code and name == "resume" and damage in HONEST and not _is_right(home):
            found.append(f"{case}: the result is wrong")
    return found


def _is_right(home: Path) -> bool:
    expected = Path(f"{home}.kept", "out", "out.jsonl").read_bytes()
    return (home / "out" / "out.jsonl").read_bytes() == expected


def check(home: Path, seeds: range, capsys: pytest.CaptureFixture[str]) -> None:
    found = [finding for seed in seeds for finding in findings(home, seed, capsys)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("seeds", [range(start, start + 20) for start in range(0, 100, 20)], ids=str)
def test_a_damaged_document_gets_an_answer_from_every_command(
    finished: Path, seeds: range, capsys: pytest.CaptureFixture[str]
) -> None:
    check(finished, seeds, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [range(start, start + 100) for start in range(1000, 4000, 100)], ids=str)
def test_many_damaged_documents_get_an_answer_from_every_command(
    finished: Path, seeds: range, capsys: pytest.CaptureFixture[str]
) -> None:
    check(finished, seeds, capsys)
