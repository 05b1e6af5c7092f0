"""Files that are written beside their place, by machines that share a disk."""

import os
from pathlib import Path

import pytest

from data_juicer.storage import disk
from data_juicer.storage.posix import PosixStore


def test_two_containers_with_equal_process_ids_never_write_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    monkeypatch.setattr(PosixStore, "write_durably", lambda _self, path, data: written.append(path))
    monkeypatch.setattr(PosixStore, "replace", lambda _self, source, target: None)
    monkeypatch.setattr(os, "getpid", lambda: 7)
    for _container in range(2):
        disk._token.cache_clear()
        PosixStore().put(str(tmp_path / "run_000001.json"), b"{}")
        PosixStore().put(str(tmp_path / "run_000001.json"), b"{}")
    assert len(set(written)) == 4
