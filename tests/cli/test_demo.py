import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "demos" / "partition_and_checkpoint"


def run(script: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(DEMO / script), *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_demo_shows_every_feature_and_each_of_its_claims_is_true(tmp_path: Path) -> None:
    done = run("run_comprehensive_demo.py", "--dir", str(tmp_path), "--documents", "1600", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert re.search(r"^\d+ claims, 0 of them not true; exit code 0$", done.stdout, re.MULTILINE)
    table = done.stdout.partition("section ")[2]
    assert len(re.findall(r" ok$", table, re.MULTILINE)) >= 10
    assert max(map(len, done.stdout.splitlines())) <= 80 + len(str(tmp_path)) + len(str(ROOT))


def test_the_demo_kills_resumes_and_finds_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The section that matters most, through the functions of the demo itself."""
    monkeypatch.syspath_prepend(str(DEMO))
    monkeypatch.chdir(tmp_path)
    demo_steps = importlib.import_module("demo_steps")
    show = importlib.import_module("run_comprehensive_demo")
    show.make_input(1600)
    demo = demo_steps.Demo()
    recipe = str(DEMO / "demo.yaml")
    partitions = show.show_whole_job(demo, recipe)
    show.show_kill_and_resume(demo, recipe, partitions)
    assert partitions == 8
    assert [claim for _, claim, is_true in demo.claims if not is_true] == []
    assert len(demo.claims) == 6
    killed, whole = (tmp_path / "demo-outputs" / f"{name}.jsonl" for name in ("killed", "undisturbed"))
    assert killed.read_bytes() == whole.read_bytes() != b""


def test_a_claim_of_the_demo_that_is_not_true_is_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(DEMO))
    demo = importlib.import_module("demo_steps").Demo()
    with demo.in_section("One", "Text."):
        demo.check("true", True)
    with demo.in_section("Two", "Text."):
        demo.check("false", False)
        raise OSError("no such file")
    assert demo.table() == 1
    reported = capsys.readouterr().out
    assert "FAILED  it runs to its end (no such file)" in reported
    assert "3 claims, 2 of them not true; exit code 1" in reported


def test_the_demo_data_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one.jsonl", "two.jsonl"):
        assert run("make_data.py", name, cwd=tmp_path).returncode == 0
    data = (tmp_path / "one.jsonl").read_bytes()
    assert data == (tmp_path / "two.jsonl").read_bytes()
    assert 2_000 <= data.count(b"\n") <= 6_000
    assert all(sign in data for sign in (b"https://", b"@", b"def ", "\u00a0".encode()))


def test_data_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text("mine\n")
    assert "is there already" in run("make_data.py", "one.jsonl", cwd=tmp_path).stdout
    assert (tmp_path / "one.jsonl").read_text() == "mine\n"
