"""Datasets of the Hugging Face hub that lie in the local cache, in the layouts of `huggingface_hub` and `datasets`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.config.config import load_recipe
from data_juicer.config.schema import JobConfig
from data_juicer.errors import ConfigError, InputError
from data_juicer.formats.hub.cache import find_hub_files
from data_juicer.formats.hub.readme import split_by_names
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_DATASETS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "hf"


def rows_of(*letters: str) -> bytes:
    return b"".join(json.dumps({"text": letter}).encode() + b"\n" for letter in letters)


def in_hub(home: Path, name: str, files: dict[str, bytes], readme: str = "") -> Path:
    """As `huggingface_hub` keeps a repository: files are links to blobs."""
    repository = home / "hub" / f"datasets--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text(COMMIT)
    (repository / "blobs").mkdir()
    whole = {**files, "README.md": f"---\n{readme}\n---\n# A card\n".encode(), ".gitattributes": b"*"}
    for number, (path, data) in enumerate(whole.items()):
        blob = repository / "blobs" / f"{number:040d}"
        blob.write_bytes(data)
        link = repository / "snapshots" / COMMIT / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return repository


def texts(given: Any, tmp_path: Path, **settings: Any) -> list[str]:
    recipe: dict[str, Any] = {"dataset": given} if isinstance(given, dict | list) else {"dataset_path": given}
    out = {
        "work_dir": str(tmp_path / "work"),
        "export_path": str(tmp_path / "out/rows.jsonl"),
        "job_id": "job",
    }
    config: JobConfig = load_recipe({**recipe, **out, "executor_type": "inline", **settings}, {}, {})
    jobs.run_inline(config, PosixStore())
    return [json.loads(line)["text"] for line in (tmp_path / "out/rows.jsonl").read_text().splitlines()]


def test_an_id_is_read_from_the_cache_as_datajuicer_takes_it_the_split_train(
    home: Path, tmp_path: Path
) -> None:
    in_hub(home, "org/name", {"data/train.jsonl": rows_of("a", "b"), "data/test.jsonl": rows_of("c")})
    assert texts("org/name", tmp_path) == ["a", "b"]
    assert "org/name: split train of " in (tmp_path / "work/job/event_logs/events.log").read_text()


def test_the_layout_is_that_of_the_library_of_the_hub(home: Path) -> None:
    library = pytest.importorskip("huggingface_hub")
    in_hub(home, "org/name", {"data/train.jsonl": rows_of("a")})
    found = find_hub_files(PosixStore(), "org/name")
    assert found is not None
    asked = {"repo_type": "dataset", "cache_dir": home / "hub"}
    assert found.paths == [library.try_to_load_from_cache("org/name", "data/train.jsonl", **asked)]


def test_what_the_library_of_datasets_prepares_is_found_by_its_splits(home: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    (tmp_path / "a.jsonl").write_bytes(rows_of("a", "b"))
    (tmp_path / "b.jsonl").write_bytes(rows_of("c"))
    files = {"train": str(tmp_path / "a.jsonl"), "test": str(tmp_path / "b.jsonl")}
    datasets.load_dataset("json", data_files=files, cache_dir=str(home / "datasets"))
    (home / "datasets/json").rename(home / "datasets/org___name")  # what it is called for a repository
    assert texts("org/name", tmp_path) == ["a", "b"]
    assert texts("hf://datasets/org/name?split=test", tmp_path) == ["c"]


def test_a_folder_of_that_name_goes_before_the_cache(home: Path, tmp_path: Path) -> None:
    in_hub(home, "org/name", {"train.jsonl": rows_of("a")})
    (tmp_path / "org/name").mkdir(parents=True)
    (tmp_path / "org/name/rows.jsonl").write_bytes(rows_of("here"))
    assert texts("org/name", tmp_path) == ["here"]


def test_shards_configurations_and_splits_are_those_that_the_readme_names(home: Path, tmp_path: Path) -> None:
    readme = """
configs:
- config_name: en
  data_files:
  - {split: train, path: "en/part-*.jsonl"}
  - {split: held_out, path: [en/last.jsonl]}
- config_name: de
  data_dir: de
"""
    files = {
        "en/part-1.jsonl": rows_of("a"), "en/part-0.jsonl": rows_of("b"), "en/last.jsonl": rows_of("c"), "de/x.jsonl": rows_of("d")
    }  # fmt: skip
    in_hub(home, "org/name", files, readme)

    def entry(**more: str) -> list[dict[str, Any]]:
        return [{"type": "remote", "source": "huggingface", "path": "org/name", **more}]

    assert texts(entry(name="en", split="train"), tmp_path) == ["b", "a"]
    assert texts(entry(name="en", split="held_out"), tmp_path) == ["c"]
    assert texts(entry(name="de"), tmp_path) == ["d"]
    assert texts("hf://datasets/org/name?name=en&split=held_out", tmp_path) == ["c"]
    assert texts("hf://datasets/org/name/en/part-*.jsonl", tmp_path) == ["b", "a"]
    assert texts(entry(data_files="en/last.jsonl"), tmp_path) == ["c"]
    for asked, message in (
        (entry(), "it has several configurations; name one of en, de: name"),
        (entry(name="fr"), "it has no configuration 'fr'; name one of en, de: name"),
        (entry(name="en"), "it has several splits; name one of train, held_out: split"),
        (entry(name="en", split="test"), "it has no split 'test'; name one of train, held_out: split"),
        (entry(data_files="fr/*.jsonl"), "has no file fr/"),
        (entry(revision="v2", name="en", split="train"), f"its revision v2 is not in .*; there is {COMMIT}"),
    ):
        with pytest.raises(InputError, match=message):
            texts(asked, tmp_path)


def test_a_download_that_lacks_a_file_is_refused(home: Path, tmp_path: Path) -> None:
    in_hub(home, "org/name", {f"train-0000{number}-of-00003.jsonl": rows_of("a") for number in (0, 2)})
    with pytest.raises(InputError, match=r"not complete: train-00001-of-00003\.jsonl is missing"):
        texts("org/name", tmp_path)


def test_what_datasets_made_of_it_is_read_where_the_repository_is_not_there(
    home: Path, tmp_path: Path
) -> None:
    """The newest of two preparations; caches of `map` beside it are no rows."""
    for age, (made, letter) in enumerate((("aaa", "new"), ("bbb", "old"))):
        folder = home / "datasets/org___name/default/0.0.0" / made
        folder.mkdir(parents=True)
        for name, text in (("test-train", letter), ("test-test-00000-of-00001", "t"), ("cache-0f", "no")):
            table = pa.table({"text": [text]})
            with (
                pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink,
                pa.ipc.new_stream(sink, table.schema) as writer,
            ):
                writer.write_table(table)
        (folder / "dataset_info.json").write_text("{}")
        os.utime(folder / "dataset_info.json", (1_000_000 - age, 1_000_000 - age))
    assert texts("org/name", tmp_path) == ["new"]
    assert texts("hf://datasets/org/name?split=test", tmp_path) == ["t"]


def test_what_is_not_there_is_refused_in_a_line_with_the_command_that_gets_it(
    home: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as refused:
        texts("hf://datasets/org/name?split=train", tmp_path)
    assert "\n" not in str(refused.value)
    assert "hf download --repo-type dataset org/name" in str(refused.value)
    assert f"{home}/hub" in str(refused.value)
    with pytest.raises(InputError, match="org/name: no such file or folder"):
        texts("org/name", tmp_path)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("hf://models/org/name", "is written hf://datasets/ORG/NAME"),
        ("hf://datasets/../../etc", "is written hf://datasets/ORG/NAME"),
        ("hf://datasets/org/name@a%2fb", "is no revision"),
        ("hf://datasets/org/name?split=train[:10]", "is no name of a split"),
        ("hf://datasets/org/name?token=x", "'token' is neither name nor split"),
        ([{"type": "remote", "source": "huggingface", "path": "../x"}], "is not the id of a dataset"),
        ([{"type": "remote", "source": "huggingface", "path": "a/b", "limit": 5}], "unknown setting"),
        ([{"type": "remote", "source": "arxiv", "path": "a"}], "the remote sources are s3 and huggingface"),
    ],
)
def test_names_that_mean_nothing_are_refused(home: Path, given: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        texts(given, tmp_path)


def test_an_export_to_the_hub_is_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"export_path: .*no store serves hf://"):
        texts("in.jsonl", tmp_path, export_path="hf://datasets/org/name/x.jsonl")


def test_a_hostile_repository_leads_nowhere_and_takes_no_memory(home: Path) -> None:
    bomb = "a: &a [x, x]\n" + "\n".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]" for n in range(20)
    )
    repository = in_hub(home, "org/name", {"train.jsonl": rows_of("a")}, bomb)
    found = find_hub_files(PosixStore(), "org/name")
    assert found is not None
    assert [os.path.basename(path) for path in found.paths] == ["train.jsonl"]
    (repository / "refs/main").write_text("../../../../etc")
    with pytest.raises(InputError, match="its revision main is not in"):
        find_hub_files(PosixStore(), "org/name")


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["data.csv"], {"train": ["data.csv"]}),
        (["train.csv", "test.csv", "README.md"], {"train": ["train.csv"], "test": ["test.csv"]}),
        (
            ["my-training_set.jsonl", "dev.jsonl"],
            {"train": ["my-training_set.jsonl"], "validation": ["dev.jsonl"]},
        ),
        (["train/a.parquet", "eval/b.parquet"], {"train": ["train/a.parquet"], "test": ["eval/b.parquet"]}),
        (
            ["data/forget-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"],
            {
                "train": ["data/train-00000-of-00001.parquet"],
                "forget": ["data/forget-00000-of-00001.parquet"],
            },
        ),
        (["constrained.csv"], {"train": ["constrained.csv"]}),
    ],
)
def test_splits_follow_from_names_as_datasets_looks_for_them(
    names: list[str], splits: dict[str, list[str]]
) -> None:
    assert split_by_names(names) == splits


def test_a_split_of_parquet_is_processed(home: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["p"]}), tmp_path / "p.parquet")
    in_hub(home, "name", {"data/train-00000-of-00001.parquet": (tmp_path / "p.parquet").read_bytes()})
    assert texts("name", tmp_path) == ["p"]
