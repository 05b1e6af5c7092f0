"""Words of dj-jobs and dj-process completed by shells: the scripts are made from the parsers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from data_juicer.cli import jobs


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_knows_the_commands_and_settings_of_both_programs(shell, capsys) -> None:
    assert jobs.main(["completions", shell]) == 0
    script = capsys.readouterr().out
    for word in (
        "retry-dead-letters",
        "--older_than" if shell != "fish" else "older_than",
        "checkpoint.strategy",
    ):
        assert word in script
    assert "dj-jobs" in script
    assert "dj-process" in script


def test_bash_completes_commands_and_options(tmp_path: Path, capsys) -> None:
    assert jobs.main(["completions", "bash"]) == 0
    script = tmp_path / "completions.bash"
    script.write_text(capsys.readouterr().out)
    ask = (
        f"source {script}; COMP_WORDS=(dj-jobs expl); COMP_CWORD=1; _shtab_dj_jobs; echo ${{COMPREPLY[@]}}; "
        "COMP_WORDS=(dj-jobs clean --older); COMP_CWORD=2; _shtab_dj_jobs; echo ${COMPREPLY[@]}; "
        "complete -p dj-jobs dj-process"
    )
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["explain", "--older_than"]
    assert len(lines) == 4


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish on this machine")
def test_fish_completes_commands_options_and_values(tmp_path: Path, capsys) -> None:
    assert jobs.main(["completions", "fish"]) == 0
    script = tmp_path / "completions.fish"
    script.write_text(capsys.readouterr().out)
    asks = (
        "dj-jobs expl",
        "dj-jobs clean --older",
        "dj-process --executor_type in",
    )
    ask = "; ".join([f"source {script}", *(f"complete -C {word!r}" for word in asks)])
    done = subprocess.run(
        ["fish", "--no-config", "-c", ask],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["explain", "--older_than", "inline"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh on this machine")
def test_zsh_takes_the_script_and_completes_both_programs_by_it(tmp_path: Path, capsys) -> None:
    assert jobs.main(["completions", "zsh"]) == 0
    script = tmp_path / "completions.zsh"
    script.write_text(capsys.readouterr().out)
    ask = f'autoload -Uz compinit; compinit -u -D; eval "$(cat {script})"; print $_comps[dj-jobs] $_comps[dj-process]'
    done = subprocess.run(
        ["zsh", "-f", "-c", ask], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    assert (done.stdout.split(), done.stderr) == (["_shtab_dj_jobs", "_shtab_dj_process"], "")


def test_values_of_settings_are_completed(capsys) -> None:
    assert jobs.main(["completions", "zsh"]) == 0
    assert "(default inline local ray_partitioned ray)" in capsys.readouterr().out


def test_without_the_extra_it_is_named(monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert jobs.main(["completions", "bash"]) == 2
    assert "pip install 'data-juicer[completions]'" in capsys.readouterr().err
