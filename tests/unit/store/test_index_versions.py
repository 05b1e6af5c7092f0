"""Versions of an index: of two who commit at once none is lost, and what is no version is refused by name."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from data_juicer.errors import CheckpointCorruptError, CheckpointError
from data_juicer.storage.files import Data
from data_juicer.storage.memory import MemoryStore
from data_juicer.store.index.versions import (
    Addition,
    IndexKeys,
    Segment,
    commit_addition,
    find_newest,
    find_unnamed,
    read_version,
    segments_dir,
    version_numbers,
)

PATH = "/disk/x.index"
KEYS = IndexKeys(operator="document_deduplicator", version="1", parameters={"lowercase": True})


def addition(job: str, key: str = "k") -> Addition:
    segment = Segment(file=f"{job}.parquet", size_bytes=1, digest=job, rows=3)
    return Addition(
        job=job, job_uuid=job, operator_index=0, key=key, rows_in=5, rows=3, segments=(segment,), created=""
    )


class BusyStore(MemoryStore):
    """Somebody else does something right before a version is committed."""

    def __init__(self) -> None:
        super().__init__()
        self.make_dirs(PATH)
        self.before: list[Callable[[], object]] = []

    def put_if_absent(self, path: str, data: Data) -> bool:
        if self.before:
            self.before.pop()()
        return super().put_if_absent(path, data)


def test_who_comes_second_adds_to_the_version_of_who_came_first() -> None:
    store = BusyStore()
    store.before = [
        lambda: commit_addition(store, PATH, KEYS, addition("b")),
        lambda: commit_addition(store, PATH, KEYS, addition("a")),
    ]
    made = commit_addition(store, PATH, KEYS, addition("c"))
    assert version_numbers(store, PATH) == [1, 2, 3]
    assert [each.job for each in made.additions] == ["b", "a", "c"]
    assert [each.job for each in read_version(store, PATH, 1).additions] == ["b"]


def test_an_addition_that_is_there_is_not_made_again() -> None:
    store = BusyStore()
    first = commit_addition(store, PATH, KEYS, addition("a"))
    commit_addition(store, PATH, KEYS, addition("b"))
    again = commit_addition(store, PATH, KEYS, addition("a"))
    assert (first.version, again.version) == (1, 2)
    assert commit_addition(store, PATH, KEYS, addition("a", "other rows")).version == 3
    newest = find_newest(store, PATH)
    assert newest is not None
    assert [(each.job, each.key) for each in newest.additions] == [("b", "k"), ("a", "other rows")]


def test_an_index_of_other_keys_is_not_added_to() -> None:
    store = BusyStore()
    commit_addition(store, PATH, KEYS, addition("a"))
    other = msgspec.structs.replace(KEYS, parameters={"lowercase": False})
    with pytest.raises(CheckpointError, match="lowercase is True there and False here"):
        commit_addition(store, PATH, other, addition("b"))
    newer = msgspec.structs.replace(KEYS, version="2")
    assert newer.difference(KEYS) == "it holds keys of version 1 of document_deduplicator, this is 2"


def test_what_is_no_version_is_refused_by_name() -> None:
    store = BusyStore()
    commit_addition(store, PATH, KEYS, addition("a"))
    path = f"{PATH}/version_000002.json"
    store.write(path, store.read(f"{PATH}/version_000001.json"))
    with pytest.raises(CheckpointCorruptError, match="it says that it is version 1"):
        find_newest(store, PATH)
    store.write(path, b'{"format_version":2,"checksum":"0000000000000000","version":2}')
    with pytest.raises(CheckpointCorruptError, match=path):
        find_newest(store, PATH)
    with pytest.raises(CheckpointCorruptError, match="there is no version 7"):
        read_version(store, PATH, 7)


def test_a_name_that_leads_elsewhere_is_no_segment() -> None:
    store = BusyStore()
    made = addition("a")
    outside = msgspec.structs.replace(made.segments[0], file="../../etc/passwd")
    commit_addition(store, PATH, KEYS, msgspec.structs.replace(made, segments=(outside,)))
    with pytest.raises(CheckpointCorruptError, match=r"version_000001.json: damaged"):
        find_newest(store, PATH)


def test_files_that_no_version_names_are_found() -> None:
    store = BusyStore()
    store.make_dirs(segments_dir(PATH))
    commit_addition(store, PATH, KEYS, addition("a"))
    for name in ("a.parquet", "b.parquet", "a2.parquet", "notes.txt"):
        store.write(f"{segments_dir(PATH)}/{name}", b"x")
    assert find_unnamed(store, PATH) == ["a2.parquet", "b.parquet"]
    assert find_unnamed(store, PATH, "a") == ["a2.parquet"]
