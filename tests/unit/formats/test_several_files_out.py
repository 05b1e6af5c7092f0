"""Exports of several files that are worth nothing without each other: Megatron's pair, and folders of `datasets`."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_juicer.errors import ConfigError
from data_juicer.storage.memory import MemoryStore
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss

ROWS = [{"text": f"one two {number}" + "!" * (number % 2), "n": number} for number in range(10)]
VOCABULARY = {"<unk>": 0, "one": 1, "two": 2, "<eos>": 3}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tokenizers = pytest.importorskip("tokenizers")
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(VOCABULARY, unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    (tmp_path / "tok").mkdir()
    made.save(str(tmp_path / "tok/tokenizer.json"))
    return tmp_path


def run(folder: Path, process: list[Any] | None = None, **settings: Any) -> None:
    given = {"partition.size": 3, "export_path": str(folder / "out/corpus.bin")} | settings
    config = jobs.recipe(str(folder / "work"), [str(folder / "in.jsonl")], process or [], given)
    jobs.run_inline(config, PosixStore())


def documents(folder: Path) -> list[list[int]]:
    index = (folder / "out/corpus.idx").read_bytes()
    count = struct.unpack_from("<Q", index, 18)[0]
    lengths = np.frombuffer(index, np.int32, count, 34)
    tokens = np.frombuffer((folder / "out/corpus.bin").read_bytes(), np.uint16)
    return [part.tolist() for part in np.split(tokens, np.cumsum(lengths)[:-1])]


def test_a_row_is_a_document_that_ends_in_its_token(folder: Path) -> None:
    asked = {"tokenizer": str(folder / "tok")}
    run(folder, export_extra_args=asked)
    assert documents(folder) == [[1, 2, 0, 3]] * 10
    run(folder, export_extra_args={**asked, "append_eod": False})
    assert documents(folder) == [[1, 2, 0]] * 10
    run(folder, export_extra_args={**asked, "eod_token": "two"})
    assert documents(folder) == [[1, 2, 0, 2]] * 10


def test_another_tokenizer_under_the_same_name_makes_other_tokens(folder: Path) -> None:
    asked = {"tokenizer": str(folder / "tok/tokenizer.json")}
    run(folder, export_extra_args=asked)
    text = (folder / "tok/tokenizer.json").read_text()
    (folder / "tok/tokenizer.json").write_text(
        text.replace('"one": 1', '"one": 7').replace('"one":1', '"one":7')
    )
    run(folder, export_extra_args=asked)
    assert documents(folder) == [[7, 2, 0, 3]] * 10


@pytest.mark.parametrize(
    ("asked", "reported"),
    [
        ({}, "needs the path of a tokenizer.json"),
        ({"tokenizer": "nowhere"}, "no tokenizer.json of 'nowhere'"),
        ({"tokenizer": "tok", "eod_token": "<end>"}, "has no token '<end>'"),
    ],
)
def test_a_tokenizer_that_cannot_be_used_is_refused_before_anything_is_created(
    folder: Path, asked: dict[str, Any], reported: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigError, match=reported):
        run(folder, export_extra_args=asked)
    assert not (folder / "work").exists()


@pytest.mark.parametrize("kind", ["megatron", pytest.param("huggingface", marks=pytest.mark.slow)])
def test_a_job_that_is_killed_while_it_publishes_leaves_no_index_of_other_files(
    kind: str, folder: Path
) -> None:
    """The export is replaced by one of fewer rows, killed at every operation of publishing; then it goes on."""
    asked = {"tokenizer": str(folder / "tok")} if kind == "megatron" else {}
    path = {"megatron": "/out/corpus.bin", "huggingface": "/out/ds"}[kind]
    index, data = {
        "megatron": ("/out/corpus.idx", "/out/corpus.bin"),
        "huggingface": ("/out/ds/state.json", "/out/ds/data-00000-of-00001.arrow"),
    }[kind]

    def config(longest: int) -> Any:
        process = [{"text_length_filter": {"min_len": longest}}]
        settings = {"export_path": path, "export_type": kind, "export_extra_args": asked}
        return jobs.recipe("/jobs", [str(folder / "in.jsonl")], process, settings)

    def exported_before() -> MemoryStore:
        store = jobs.memory_with_input(config(1))
        jobs.run_inline(config(1), store)
        return store

    first, whole = exported_before(), exported_before()
    jobs.run_inline(config(10), whole)
    meant = {name: bytes(whole.read(name)) for name in (index, data)}
    before = {name: bytes(first.read(name)) for name in (index, data)}
    assert before[data] != meant[data]
    counted = CrashingStore(exported_before(), None)
    jobs.run_inline(config(10), counted)
    changes = [at for at, (_, name) in enumerate(counted.deeds, 1) if name.startswith("/out")]
    seen = set()
    for crash_at in changes:
        disk = exported_before()
        with pytest.raises(PowerLoss):
            jobs.run_inline(config(10), CrashingStore(disk, crash_at))
        present = {name: bytes(disk.read(name)) if disk.exists(name) else None for name in (index, data)}
        is_pair = present in (before, meant)
        assert is_pair or present[index] is None
        seen.add("pair" if is_pair else "no index")
    jobs.run_inline(config(10), disk)
    assert {name: bytes(disk.read(name)) for name in (index, data)} == meant
    assert seen == {"pair", "no index"}
