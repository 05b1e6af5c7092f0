"""Recipes, word lists and rows that are made to cost memory or time end in one line, or in a dead letter."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

MB = 1 << 20
MEMORY_MB_MAX = 700
"""Of address space for data; a process with Arrow and polars loaded takes about half of it."""
CPU_S_MAX = 40

BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(12)),
    "deep brackets": "process: " + "[" * 200_000,
    "deep braces": "{a: " * 100_000,
    "deep indent": "".join(f"{' ' * n}a:\n" for n in range(3000)),
    "long number": "np: " + "9" * 1_000_000,
    "float of many digits": "seed: 1e" + "9" * 100_000,
    "one long word": "x" * 5_000_000,
    "sexagesimal": "np: " + ":".join(["59"] * 200_000),
    "merge keys": "a: &a {x: 1}\n" + "b:\n" + "  <<: *a\n" * 50_000,
    "python tag": "process: !!python/object/apply:os.system ['touch owned']\n",
    "nul": "process: [\0]\n",
    "quotes": "process: '" + "''" * 500_000,
}


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MB_MAX * MB, MEMORY_MB_MAX * MB))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S_MAX, CPU_S_MAX))


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    main = "import sys; from data_juicer.cli.process import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", main, *words], cwd=home, capture_output=True, text=True, preexec_fn=limited
    )


@pytest.mark.parametrize("name", BOMBS)
def test_a_recipe_that_is_a_bomb_is_refused_with_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(BOMBS[name])
    done = run(tmp_path, "--config", "r.yaml")
    assert done.returncode == 2, done.stderr[-2000:]
    assert len(done.stderr.splitlines()) == 1
    assert len(done.stderr) < 2000
    assert os.listdir(tmp_path) == ["r.yaml"]


@pytest.mark.parametrize(
    "content", [b"[" * 2_000_000, b'{"en": ' + b"[" * 500_000, b"\xff" * 1_000_000, b'{"en": [1]}']
)
def test_a_word_list_that_is_a_bomb_is_refused_with_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "stopwords.json").write_bytes(content)
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    process = json.dumps([{"stopwords_filter": {"stopwords_dir": "words"}}])
    done = run(tmp_path, "--dataset_path", "in.jsonl", "--export_path", "o.jsonl", "--process", process)
    assert done.returncode == 2, done.stderr[-2000:]
    assert len(done.stderr.splitlines()) == 1
    assert "stopwords.json" in done.stderr


HOSTILE_ROWS = {
    "deep list": b'{"text": "x", "a": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
    "deep object": b'{"text": "x", "a": ' + b'{"a":' * 500_000 + b"1" + b"}" * 500_000 + b"}",
    "many digits": b'{"text": "x", "a": ' + b"9" * 2_000_000 + b"}",
    "huge exponent": b'{"text": "x", "a": 1e' + b"9" * 1_000_000 + b"}",
    "many keys": b'{"text": "x"' + b"".join(b',"k%d":1' % number for number in range(20_000)) + b"}",
    "one key again and again": b'{"text": "x"' + b',"k":1' * 300_000 + b"}",
    "open string": b'{"text": "' + b"x" * 3_000_000,
    "escapes": b'{"text": "' + rb"\u0000" * 300_000 + b'"}',
    "surrogates": b'{"text": "' + rb"\ud800" * 300_000 + b'"}',
}


@pytest.mark.parametrize("export", ["jsonl", "parquet"])
@pytest.mark.parametrize("name", HOSTILE_ROWS)
def test_a_hostile_row_costs_itself_at_most(name: str, export: str, tmp_path: Path) -> None:
    good = b"".join(json.dumps({"text": f"row {number}", "a": None}).encode() + b"\n" for number in range(50))
    (tmp_path / "in.jsonl").write_bytes(good + HOSTILE_ROWS[name] + b"\n" + good)
    words = ["--dataset_path", "in.jsonl", "--export_path", f"out/o.{export}", "--executor_type", "inline"]
    limits = ["--fault_tolerance.max_dead_letter_ratio", "0.5", "--partition.size", "200"]
    done = run(tmp_path, *words, *limits, "--process", "[whitespace_normalization_mapper]", "--job_id", "j")
    assert done.returncode == 0, done.stderr[-2000:]
    summary = json.loads((tmp_path / "out" / "j" / "job_summary.json").read_text())
    assert summary["counts"]["rows_out"] in {100, 101}
