"""Names of files, texts of rows and messages of exceptions that hold escape sequences never reach a terminal raw."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.second_user import command

EVIL = "\x1b]0;owned\x07\x1b[2J\u202e\u009b31m\r"
OPERATOR = """
from data_juicer.ops.base_op import OPERATORS, Mapper

@OPERATORS.register_module("shouting_mapper")
class ShoutingMapper(Mapper):
    def process_single(self, sample):
        if "bad" in sample["text"]:
            raise ValueError("cannot take " + sample["text"])
        return sample
"""
COMMANDS = [
    "list",
    "show",
    "explain",
    "dead-letters",
    "events",
    "partitions",
    "timeline",
    "verify",
    "retry-dead-letters",
]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job over a file with an evil name and evil rows; what its run printed is in `printed`."""
    home = tmp_path_factory.mktemp("evil")
    (home / "in").mkdir()
    source = home / "in" / f"in{EVIL}.jsonl"
    rows = [{"text": f"row {number}"} for number in range(20)] + [{"text": f"bad {EVIL}"}]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows) + f'{{"text": {EVIL}\n', newline="")
    (home / "op.py").write_text(OPERATOR)
    settings = {
        "dataset_path": str(home / "in"),
        "export_path": str(home / "out" / "o.jsonl"),
        "custom_operator_paths": [str(home / "op.py")],
        "process": ["shouting_mapper"],
        "executor_type": "inline",
        "work_dir": str(home / "work"),
        "fault_tolerance": {"max_dead_letter_ratio": 1.0},
    }
    (home / "r.json").write_text(json.dumps(settings))
    words = [command("dj-process"), "--config", str(home / "r.json"), "--job_id", "j"]
    (home / "printed").write_bytes(printed(words, home))
    return home


def printed(words: Sequence[str], home: Path) -> bytes:
    done = subprocess.run(words, cwd=home, capture_output=True, env={**os.environ, "COLUMNS": "300"})
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.stdout + done.stderr


def assert_safe(data: bytes) -> None:
    """Nothing a terminal obeys but line ends, and the progress line's own return to its start."""
    text = data.decode()
    assert [char for char in text if not char.isprintable() and char != "\n"] == []


def test_a_run_prints_nothing_that_a_terminal_obeys(job: Path) -> None:
    data = (job / "printed").read_bytes()
    assert b"job j" in data
    assert_safe(data)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_prints_anything_that_a_terminal_obeys(job: Path, name: str, form: str) -> None:
    words = [
        command("dj-jobs"),
        name,
        *([] if name == "list" else ["j"]),
        "--work_dir",
        "work",
        "--output",
        form,
    ]
    data = printed(words, job)
    assert data
    assert_safe(data)
    if name == "dead-letters":
        assert b"1b]0;owned" in data, "the name and the message were shown, escaped"


@pytest.mark.parametrize(
    "words", [["show", EVIL], ["list", "--work_dir", f"no{EVIL}"], [EVIL], ["show", "j", f"--{EVIL}"]]
)
def test_what_was_typed_is_not_repeated_raw(job: Path, words: list[str]) -> None:
    assert_safe(printed([command("dj-jobs"), *words], job))
    assert_safe(printed([command("dj-process"), *words], job))
    assert_safe(printed([command("dj-process"), "--config", EVIL], job))
    assert_safe(printed([command("dj-process"), "--dataset_path", f"x{EVIL}", "--job_id", EVIL], job))


def test_the_log_for_people_can_be_opened_in_a_terminal(job: Path) -> None:
    assert_safe((job / "work" / "j" / "event_logs" / "events.log").read_bytes())
