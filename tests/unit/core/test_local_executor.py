"""When the executor of one machine starts worker processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.backends.local import backend
from data_juicer.core.executor.local_executor import LocalExecutor
from data_juicer.testing import jobs


def test_a_complete_job_is_found_complete_without_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    start_worker = backend.start_worker
    monkeypatch.setattr(backend, "start_worker", lambda: started.append(1) or start_worker())
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    config = jobs.recipe(str(tmp_path), [str(tmp_path / "in.jsonl")], [], {"executor_type": "local", "np": 1})
    assert not LocalExecutor().run(config).already_complete
    assert started == [1]
    assert LocalExecutor().run(config).already_complete
    assert started == [1]
    Path(config.export_path).unlink()
    LocalExecutor().run(config)
    assert Path(config.export_path).read_text() == '{"text": "a"}\n'
