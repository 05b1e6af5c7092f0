"""Jobs whose places are in object stores, in this process or as commands, and what they give."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from data_juicer.config.config import load_recipe
from data_juicer.core.executor.factory import make_executor
from data_juicer.storage import open_store

DEDUPLICATED: list[Any] = [
    "clean_links_mapper",
    {"document_deduplicator": {"lowercase": True}},
    "whitespace_normalization_mapper",
    {"text_length_filter": {"min_len": 8}},
]
TWO_BARRIERS: list[Any] = [*DEDUPLICATED, {"document_deduplicator": {"ignore_non_character": True}}]
FILES = {"a.jsonl": 300, "deep/b.jsonl": 40}
DRIVE = "import sys; from data_juicer.cli.process import main; sys.exit(main())"


def rows(count: int) -> bytes:
    texts = (f"row {n % (count - 7)} see http://a.example/{n}  for\tmore" for n in range(count))
    return b"".join(json.dumps({"text": text, "n": n}).encode() + b"\n" for n, text in enumerate(texts))


def put_input(bucket: str, scale: int = 1) -> str:
    """The input in a folder of a bucket."""
    store, folder = open_store(bucket), f"{bucket}/in"
    for name, count in FILES.items():
        store.put(f"{folder}/{name}", rows(scale * count))
    return folder


def local_result(
    tmp_path: Path, process: list[Any] = DEDUPLICATED, scale: int = 1, **settings: Any
) -> dict[str, bytes]:
    """The export of the same job with everything on this machine's disk."""
    for name, count in FILES.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rows(scale * count))
    places = {"dataset_path": str(tmp_path / "in"), "export_path": str(tmp_path / "local/r.jsonl")}
    run(places, process, **settings)
    return {path.name: path.read_bytes() for path in (tmp_path / "local").iterdir() if path.is_file()}


def recipe(places: dict[str, str], process: list[Any] = DEDUPLICATED, **settings: Any) -> dict[str, Any]:
    return {**places, "job_id": "job", "process": process, "partition": {"size": 100}, **settings}


def run(places: dict[str, str], process: list[Any] = DEDUPLICATED, **settings: Any) -> Any:
    """In this process."""
    config = load_recipe(recipe(places, process, **{"executor_type": "inline", **settings}), {}, {})
    return make_executor(config).run(config)


def exported(location: str) -> dict[str, bytes]:
    store = open_store(location)
    return {each.name: store.read(each.path) for each in store.entries(location) if each.kind == "file"}


def everything(location: str) -> dict[str, bytes]:
    """Every file below a location, hidden ones too."""
    store, found, folders = open_store(location), {}, [location]
    while folders:
        for each in store.entries(folders.pop()):
            if each.kind == "directory":
                folders.append(each.path)
            else:
                found[each.path] = store.read(each.path)
    return found


def start(folder: Path, settings: dict[str, Any], *words: str) -> subprocess.Popen[bytes]:
    """A driver as the command line starts it, in a process group of its own."""
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(settings))
    return subprocess.Popen(
        [sys.executable, "-c", DRIVE, "--config", str(path), *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1"},
        start_new_session=True,
    )


def kill_until_done(
    folder: Path, settings: dict[str, Any], kills: int, rng: random.Random, run_s: float
) -> int:
    """Kill the driver of a job at random moments, start it again each time, and let the last run end.

    Returns: how many drivers were killed before they had ended.
    """
    killed = 0
    for _ in range(kills):
        driver = start(folder, settings)
        try:
            driver.communicate(timeout=rng.uniform(0.2, 1.0) * run_s)
        except subprocess.TimeoutExpired:
            driver.kill()
            driver.communicate()
            killed += 1
    driver = start(folder, settings)
    _, said = driver.communicate(timeout=300)
    assert driver.returncode == 0, said.decode()
    return killed


def run_to_end(folder: Path, settings: dict[str, Any], *words: str) -> float:
    """Seconds that an undisturbed run takes."""
    begun_s = time.monotonic()
    driver = start(folder, settings, *words)
    _, said = driver.communicate(timeout=300)
    assert driver.returncode == 0, said.decode()
    return time.monotonic() - begun_s
