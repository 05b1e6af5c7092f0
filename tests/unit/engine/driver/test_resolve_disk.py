"""A disk that refuses what a resolve cannot hold in memory is reported as any other."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from data_juicer.errors import StoreError
from data_juicer.ops.dataset.scratch import Scratch
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing import jobs


def test_a_resolve_on_a_full_disk_says_where_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"text":"one"}\n{"text":"one"}\n')
    config = jobs.recipe("/disk", [str(path)], ["key_value_grouper"])
    store = MemoryStore()

    def refused(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Scratch, "zeros", refused)
        with pytest.raises(StoreError, match=r"/disk/job/tmp: writing failed: No space left.*make room"):
            jobs.run_inline(config, store)
    jobs.run_inline(config, store)
    assert jobs.exported(config, store) == {"result.jsonl": b'{"text":["one","one"]}\n'}
