"""A job whose directories were moved, or mounted elsewhere, goes on as if they had not been."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from data_juicer.testing.jobs import Watch
from tests.support.crash_recipes import CUSTOM, PROCESS, ROWS, lines

STORE = PosixStore()
TOGETHER: dict[str, str] = {}
APART = {"checkpoint_dir": "checkpoints", "event_log_dir": "logs"}


def job(home: Path, data: Path, directories: dict[str, str]) -> JobConfig:
    """Its input cannot be read by range, so that `partitions/` holds copies."""
    settings: dict[str, Any] = {
        "partition.size": 3,
        "custom_operator_paths": [CUSTOM],
        "export_path": str(data.parent / "result.jsonl"),
        "intermediate_storage.retention_policy": "keep_all",
        **{name: str(home / path) for name, path in directories.items()},
    }
    return jobs.recipe(str(home / "work"), [str(data)], [*PROCESS, "document_deduplicator"], settings)


def begin(config: JobConfig, after: str | None) -> None:
    """Run the job; with `after`, up to the last change of the disk that is like it."""
    whole = CrashingStore(STORE, None)
    jobs.run_inline(config, whole)
    if after is None:
        return
    crash_at = max(n for n, deed in enumerate(whole.deeds, 1) if re.search(after, " ".join(deed)))
    for directory in (config.work_dir, config.checkpoint_dir, config.event_log_dir):
        if directory and os.path.exists(directory):
            os.rename(directory, f"{directory}.whole")
    with pytest.raises(PowerLoss):
        jobs.run_inline(config, CrashingStore(STORE, crash_at + 1))


@pytest.mark.parametrize("directories", [TOGETHER, APART], ids=["together", "apart"])
@pytest.mark.parametrize(
    "after",
    [None, r"sync_dir .*/results", r"sync_dir .*/checkpoints"],
    ids=["complete", "results committed", "checkpoints committed"],
)
def test_a_moved_job_goes_on_and_computes_nothing_twice(
    tmp_path: Path, directories: dict[str, str], after: str | None
) -> None:
    data = tmp_path / "in.jsonl.gz"
    data.write_bytes(gzip.compress(lines(ROWS)))
    config = job(tmp_path / "here", data, directories)
    begin(config, after)
    result = Path(config.export_path)
    expected = result.read_bytes()
    unmoved = jobs.logged(config, STORE)

    os.rename(tmp_path / "here", tmp_path / "there")
    moved = job(tmp_path / "there", data, directories)
    watch = Watch()
    outcome = jobs.run_inline(moved, STORE, watch)
    assert outcome.already_complete == (after is None)
    assert result.read_bytes() == expected
    begun = {(event.partition_id, event.operation_idx) for event in watch.events(jobs.t.OpStart)}
    committed = {
        (record.event.partition_id, record.event.operation_idx)
        for record in unmoved
        if isinstance(record.event, jobs.t.CheckpointSave)
    }
    assert begun & committed == set(), "what was committed before the move is used after it"
    expected_warnings = (
        "torn end",
        "is not known to be of this job",
    )  # the export is there, its manifest is not
    assert [
        reported for reported in watch.warnings if not any(words in reported for words in expected_warnings)
    ] == []


def test_no_document_of_a_job_names_a_directory_of_the_job(tmp_path: Path) -> None:
    """The summary does, for people, and the claim, to tell a copy from its original; readers look where the job is now."""
    data = tmp_path / "in.jsonl.gz"
    data.write_bytes(gzip.compress(lines(ROWS)))
    config = job(tmp_path / "here", data, TOGETHER)
    begin(config, None)
    job_dir = jobs.layout_of(config).job_dir
    documents = [
        path
        for path in Path(job_dir).rglob("*.json")
        if path.name not in {"job_summary.json", "job_claim.json", "recipe.json"}
    ]
    assert len(documents) > 10
    assert [path for path in documents if job_dir in path.read_text()] == []


def test_documents_of_format_1_are_still_read(tmp_path: Path) -> None:
    """They had no checksum, and absolute paths."""
    data = tmp_path / "in.jsonl.gz"
    data.write_bytes(gzip.compress(lines(ROWS)))
    config = job(tmp_path / "here", data, TOGETHER)
    begin(config, None)
    layout = jobs.layout_of(config)
    for folder, _, names in os.walk(layout.job_dir):
        for name in names:
            if name.endswith(".json") and name != "recipe.json":  # what the resume command names, for people
                _write_as_format_1(Path(folder, name), layout.partitions_dir, str(data), layout.job_dir)
    assert jobs.run_inline(config, STORE).already_complete
    os.remove(layout.result_manifest(0))
    watch = Watch()
    jobs.run_inline(config, STORE, watch)
    assert {partition for partition, _ in watch.started} <= {0}
    assert watch.warnings == []


def _write_as_format_1(path: Path, copies_dir: str, source: str, job_dir: str) -> None:
    document = json.loads(path.read_text())
    assert document["format_version"] == 2
    document["format_version"] = 1
    document.pop("checksum", None)  # the mapping report has none
    if path.name == "dataset_mapping.json":
        for spec in document["partitions"]:
            spec |= {"source_path": source, "copy_path": os.path.join(copies_dir, spec["copy_path"])}
    if path.name == "results.json":
        dead_letters = [file for file in document["shown"] if os.path.basename(file["path"]).count(".") == 1]
        document["shown"] = [file for file in dead_letters if file["path"].startswith("dead_letter/")]
        for file in document["shown"]:  # reports were not among them
            file["path"] = os.path.join(job_dir, file["path"])
    path.write_text(json.dumps(document))
