import os
import re
import subprocess
import sys
from pathlib import Path

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


def test_the_demo_kills_resumes_and_finds_the_same_bytes(tmp_path: Path) -> None:
    done = run("run_comprehensive_demo.py", "--dir", str(tmp_path), "--documents", "1200", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "byte-identical" in done.stdout
    assert "interrupted  run 1" in done.stdout
    assert re.search(r"job killed, run 2\n[1-6] of 6 partitions are done already", done.stderr)
    undisturbed, killed = (tmp_path / "demo-outputs" / name for name in ("undisturbed.jsonl", "killed.jsonl"))
    assert undisturbed.read_bytes() == killed.read_bytes() != b""


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
