"""Custom operators, word lists and models that are in an object store: copied to this machine, again when they change."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from data_juicer.errors import ConfigError
from data_juicer.ops.resources.calibration import Calibration
from data_juicer.storage import open_store
from data_juicer.storage.locations.local_copies import local_copy
from tests.support import cloud_jobs

_NUMBERS = itertools.count()
SHOUTING = """
from data_juicer.ops.base_op import OPERATORS, Mapper


@OPERATORS.register_module("shouting_mapper")
class ShoutingMapper(Mapper):
    def process_single(self, sample):
        sample["text"] = sample["text"].upper() + "{end}"
        return sample
"""


@pytest.fixture
def at() -> str:
    return f"memory://copies-{next(_NUMBERS)}"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_JUICER_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_file_and_a_folder_are_copied_once_and_again_when_they_change(at: str, tmp_path: Path) -> None:
    store, cache = open_store(at), str(tmp_path / "copies")
    store.put(f"{at}/lists/a.json", b"1")
    store.put(f"{at}/lists/deep/b.json", b"2")
    first = Path(local_copy(f"{at}/lists", cache))
    assert {str(path.relative_to(first)): path.read_bytes() for path in first.rglob("*.json")} == {
        "a.json": b"1",
        "deep/b.json": b"2",
    }
    assert local_copy(f"{at}/lists", cache) == str(first)
    (first / "a.json").unlink()
    assert Path(local_copy(f"{at}/lists", cache), "a.json").read_bytes() == b"1", "made whole again"
    store.put(f"{at}/lists/a.json", b"3")
    assert Path(local_copy(f"{at}/lists", cache), "a.json").read_bytes() == b"3"
    assert (first / "a.json").read_bytes() == b"1", "who still reads it is not disturbed"
    assert Path(local_copy(f"{at}/lists/a.json", cache)).name == "a.json"
    assert local_copy(f"{at}/missing", cache) == f"{at}/missing"
    assert local_copy("/a/path", cache) == "/a/path"


def test_copies_that_others_may_change_are_refused(at: str, tmp_path: Path) -> None:
    store, cache = open_store(at), str(tmp_path / "copies")
    store.put(f"{at}/a.py", b"1")
    Path(local_copy(f"{at}/a.py", cache)).parent.chmod(0o777)
    with pytest.raises(ConfigError, match="cannot be trusted there"):
        local_copy(f"{at}/a.py", cache)


def job(at: str, process: list[Any], **settings: Any) -> bytes:
    places = {"dataset_path": f"{at}/in.jsonl", "export_path": f"{at}/out.jsonl", "work_dir": f"{at}/work"}
    cloud_jobs.run(places, process, **settings)
    return open_store(at).read(f"{at}/out.jsonl")


def test_an_operator_in_a_store_is_used_and_a_changed_one_is_noticed(at: str) -> None:
    store = open_store(at)
    store.put(f"{at}/in.jsonl", b'{"text":"quiet"}\n')
    store.put(f"{at}/ops/shout.py", SHOUTING.replace("{end}", "!").encode())
    settings = {"custom_operator_paths": [f"{at}/ops/shout.py"]}
    assert job(at, ["shouting_mapper"], **settings) == b'{"text":"QUIET!"}\n'
    store.put(f"{at}/ops/shout.py", SHOUTING.replace("{end}", "?").encode())
    assert job(at, ["shouting_mapper"], **settings) == b'{"text":"QUIET?"}\n'
    with pytest.raises(ConfigError, match="no such file or folder"):
        job(at, ["shouting_mapper"], custom_operator_paths=[f"{at}/ops/none.py"])


def test_word_lists_in_a_store_are_used(at: str) -> None:
    store = open_store(at)
    store.put(f"{at}/in.jsonl", b'{"text":"a foul word"}\n{"text":"fair words"}\n')
    store.put(f"{at}/lists/flagged_words.json", json.dumps({"en": ["foul"]}).encode())
    process = [{"flagged_words_filter": {"lang": "en", "max_ratio": 0.1, "flagged_words_dir": f"{at}/lists"}}]
    assert job(at, process) == b'{"text":"fair words"}\n'


def test_a_python_file_and_a_calibration_may_be_in_a_store(at: str) -> None:
    store, code = open_store(at), "def process_single(row):\n    return {'text': row['text'] + 'MARK'}\n"
    store.put(f"{at}/in.jsonl", b'{"text":"quiet"}\n')
    process = [{"python_file_mapper": {"file_path": f"{at}/code/mark.py"}}]
    with pytest.raises(ConfigError, match="must be a Python file that exists; found 'memory://"):
        job(at, process)
    store.put(f"{at}/code/mark.py", code.replace("MARK", "!").encode())
    assert job(at, process) == b'{"text":"quiet!"}\n'
    store.put(f"{at}/code/mark.py", code.replace("MARK", "?").encode())
    assert job(at, process) == b'{"text":"quiet?"}\n', "the code is part of the key"
    store.put(f"{at}/thresholds.json", b'{"default": {"p95": 3}}')
    assert Calibration.load(f"{at}/thresholds.json", operator="x").threshold("p95", None) == 3.0
