"""Every key of intermediate_storage has an effect on disk, and a cleanup that was killed is finished by the next start."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from data_juicer.config.schema import SPECS
from data_juicer.storage.memory import Loss
from data_juicer.storage.posix import PosixStore
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from tests.support.crash_recipes import small_job
from tests.support.small_job import SmallJob

ROWS = [{"text": f"row  {number} of b{number}@c.example"} for number in range(20)]
PROCESS = ["whitespace_normalization_mapper", "clean_email_mapper"]
KEYS = {
    key.rpartition(".")[2]: spec for key, spec in SPECS.items() if key.startswith("intermediate_storage.")
}
BATCHES = """
from data_juicer.ops.base_op import OPERATORS, Mapper

@OPERATORS.register_module("batch_noting_mapper")
class Noting(Mapper):
    _batched_op = True

    def process_batched(self, samples):
        with open({path!r}, "a") as file:
            file.write(f"{{len(samples['text'])}}\\n")
        return samples
"""


def run(folder: Path, process: list[Any] | None = None, **storage: Any) -> SmallJob:
    job = SmallJob(folder, process or PROCESS, {"partition.size": 10}, name=f"work{len(os.listdir(folder))}")
    job.write(ROWS)
    job.run(intermediate_storage=storage)
    return job


def checkpoints(job: SmallJob) -> list[str]:
    return sorted(name for name in os.listdir(job.layout.checkpoints_dir) if name.startswith("partition_"))


def manifests(job: SmallJob) -> int:
    return len([n for n in os.listdir(job.layout.checkpoints_dir) if n.startswith("checkpoint_")])


def intermediates(job: SmallJob) -> list[str]:
    folder = Path(job.layout.intermediate_dir)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("op_*")) if folder.exists() else []


def batch_sizes(folder: Path, **storage: Any) -> list[int]:
    notes = folder / "notes"
    notes.unlink(missing_ok=True)
    (folder / "own.py").write_text(BATCHES.format(path=str(notes)))
    job = SmallJob(
        folder, ["batch_noting_mapper"], {"partition.size": 10}, name=f"work{len(os.listdir(folder))}"
    )
    job.write(ROWS)
    job.run(intermediate_storage=storage, custom_operator_paths=[str(folder / "own.py")])
    return [int(line) for line in notes.read_text().split()]


def effects(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, object, object]]:
    """Key, what is seen with one value, and with another one; the two must differ."""
    default = run(folder)
    yield "format", checkpoints(default), checkpoints(run(folder, format="arrow"))
    zstd = run(folder, compression="zstd")
    packed = [
        pq.ParquetFile(Path(job.layout.checkpoints_dir) / checkpoints(job)[0])
        .metadata.row_group(0)
        .column(0)
        .compression
        for job in (default, zstd)
    ]
    yield "compression", *packed
    yield "preserve_intermediate_data", [], intermediates(run(folder, preserve_intermediate_data=True))
    small = batch_sizes(folder, arrow_batch_size=4)
    yield "arrow_batch_size", batch_sizes(folder, arrow_batch_size=5), small
    yield "use_arrow_batches", batch_sizes(folder, arrow_batch_size=4, use_arrow_batches=False), small
    yield (
        "arrow_memory_mapping",
        maps(folder, monkeypatch, mapped=False),
        maps(folder, monkeypatch, mapped=True),
    )
    litter = [litter_left(folder, clean) for clean in (True, False)]
    yield "cleanup_temp_files", *litter
    yield "cleanup_on_success", manifests(default), manifests(run(folder, cleanup_on_success=True))
    yield "retention_policy", manifests(default), manifests(run(folder, retention_policy="cleanup_all"))
    yield "max_retention_days", expired(folder, 36500), expired(folder, 0)
    yield "keep_results", kept_results(run(folder)), kept_results(run(folder, keep_results="never"))
    yield "set_aside_max_mb", kept_aside(folder, 100), kept_aside(folder, 0)


def maps(folder: Path, monkeypatch: pytest.MonkeyPatch, *, mapped: bool) -> bool:
    """Whether a resume maps the file of a checkpoint into memory."""
    job = run(folder, format="arrow", compression="none")
    for name in os.listdir(job.layout.results_dir):
        path = Path(job.layout.results_dir) / name
        if path.is_file():
            path.unlink()
    seen: list[str] = []
    whole = PosixStore.map
    with monkeypatch.context() as patch:
        patch.setattr(PosixStore, "map", lambda self, path: (seen.append(path), whole(self, path))[1])
        storage = {"format": "arrow", "compression": "none", "arrow_memory_mapping": mapped}
        job.run(intermediate_storage=storage)
    return bool(seen)


def litter_left(folder: Path, clean: bool) -> bool:
    """Whether a file that an attempt left is there after the next run."""
    job = run(folder, cleanup_temp_files=clean)
    litter = Path(job.layout.checkpoints_dir) / "partition_000000_001.r1a9.parquet"
    litter.write_bytes(b"")
    job.run(process=[*PROCESS, "clean_ip_mapper"], intermediate_storage={"cleanup_temp_files": clean})
    return litter.exists()


def expired(folder: Path, days: int) -> int:
    """Checkpoints of a completed job once another one began in its work_dir."""
    job = run(folder)
    path = Path(job.layout.summary)
    summary = json.loads(path.read_text())
    del summary["checksum"]
    path.write_text(json.dumps({**summary, "format_version": 1, "updated": "2020-01-01T00:00:00.000Z"}))
    job.run(job_id="next", intermediate_storage={"max_retention_days": days})
    return manifests(job)


def kept_results(job: Any) -> int:
    return sum(name.endswith(".jsonl") for name in os.listdir(job.layout.results_dir))


def kept_aside(folder: Path, size_mb: int) -> int:
    job = run(folder, set_aside_max_mb=size_mb)
    job.run(process=PROCESS[1:], intermediate_storage={"set_aside_max_mb": size_mb})
    return len(os.listdir(Path(job.layout.results_dir) / "set_aside"))


def test_every_key_of_intermediate_storage_shows_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}
    for key, one, other in effects(tmp_path, monkeypatch):
        assert one != other, key
        seen[key] = other
    assert set(seen) == set(KEYS)
    assert seen["preserve_intermediate_data"] == [
        f"partition_{partition:06d}/op_{index:03d}_{name}.parquet"
        for partition in range(2)
        for index, name in enumerate(PROCESS)
    ]


def test_a_cleanup_that_was_killed_is_finished_by_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    config = small_job(
        [tmp_path / "in.jsonl"], PROCESS, **{"intermediate_storage.retention_policy": "cleanup_all"}
    )
    whole = CrashingStore(jobs.memory_with_input(config), None)
    jobs.run_inline(config, whole)
    removals = [
        n for n, (deed, path) in enumerate(whole.deeds, 1) if deed == "remove" and "checkpoint" in path
    ]
    assert len(removals) > 4
    for crash_at in (removals[0], removals[len(removals) // 2], removals[-1]):
        disk = jobs.memory_with_input(config)
        with pytest.raises(PowerLoss):
            jobs.run_inline(config, CrashingStore(disk, crash_at))
        after = disk.after_power_loss(Loss.NOTHING)
        folder = jobs.layout_of(config).checkpoints_dir
        jobs.run_inline(config, after)
        assert [name for name in after.list(folder) if name.startswith(("partition", "checkpoint"))] == []
        assert jobs.exported(config, after) == jobs.exported(config, whole)
