"""Every command on every kind of job: it answers, within 80 columns, without a character that a terminal would obey."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from data_juicer.cli.jobs import main
from tests.support import nine_jobs

COLUMNS = 80
COMMANDS = (
    "show JOB",
    "watch JOB --once",
    "partitions JOB",
    "explain JOB",
    "verify JOB",
    "inspect JOB --partition 0 --op 1",
    "inspect JOB --partition 1",
    "inspect JOB --partition 0 --op 2 --diff",
    "dropped JOB --sample 2",
    "dropped JOB --all",
    "dead-letters JOB",
    "stats JOB",
    "what-if JOB --words_num_filter.min_num 8",
    "compare JOB JOB --rows",
    "clean JOB --older_than 0 --dry_run",
    "report JOB -o FILE",
    "timeline JOB -o FILE",
    "list JOBS",
)
LONG = ("events JOB", "metrics JOB")
"""Lines that are longer are whole: they are searched by programs."""
FAST = "killed"


def kinds() -> list[object]:
    return [kind if kind == FAST else pytest.param(kind, marks=pytest.mark.slow) for kind in nine_jobs.KINDS]


@pytest.mark.parametrize("kind", kinds())
def test_every_command_answers_about_it(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w").mkdir()
    with contextlib.ExitStack() as stack:
        driver = nine_jobs.make(tmp_path / "w", kind, 80, backend="inline")
        if driver is not None:
            stack.callback(driver.wait)
            stack.callback(driver.kill)
        names = {"JOB": f"w/jobs/{kind}", "JOBS": "w/jobs", "FILE": "made"}
        for command in (*COMMANDS, *LONG):
            code = main([names.get(word, word) for word in command.split()])
            out, err = (text.replace(str(tmp_path), "/t") for text in capsys.readouterr())
            assert code in (0, 1), (command, err)
            assert (out or err).strip(), command
            assert "Traceback" not in err, command
            assert all(line.isprintable() for line in (out + err).splitlines()), command
            if command in COMMANDS:
                assert [line for line in out.splitlines() if len(line) > COLUMNS] == [], command
