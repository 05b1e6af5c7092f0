"""Files that a running job left and that are not what they were: the result is right all the same, and the log says why."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.errors import DataJuicerError, ResumeRefusedError
from data_juicer.events import types as t
from data_juicer.job.summary import JobCounts
from data_juicer.monitor.facts import counts_of
from data_juicer.storage.memory import Loss, MemoryStore
from data_juicer.store.manifest import decode_manifest, encode_manifest
from data_juicer.testing import jobs
from data_juicer.testing.crashing_store import CrashingStore, PowerLoss
from data_juicer.testing.jobs import Watch
from tests.support.crash_recipes import PROCESS, ROWS, lines, small_job

JOB = "/disk/jobs/job"
CHECKPOINTS = f"{JOB}/checkpoints"
RESULTS = f"{JOB}/results"
MAPPING = f"{JOB}/metadata/dataset_mapping.json"
EVENTS = f"{JOB}/event_logs/events.jsonl"
SUMMARY = f"{JOB}/job_summary.json"
EXPORT = "/disk/jobs/result.jsonl"

CHECKPOINT_COMMITTED = r"sync_dir .*/checkpoints"
ALL_COMMITTED = r"create .*"


@dataclass(slots=True)
class Case:
    """A job that stopped somewhere, and the disk that it left."""

    config: JobConfig
    store: MemoryStore
    expected: dict[str, bytes]
    expected_ledgers: object
    expected_counts: JobCounts

    def resume(self) -> Watch:
        """Go on; the result must be the undisturbed one."""
        watch = Watch()
        jobs.run_inline(self.config, self.store, watch)
        assert jobs.exported(self.config, self.store) == self.expected
        assert jobs.ledgers(self.config, self.store) == self.expected_ledgers
        assert jobs.counts(self.config, self.store) == self.expected_counts
        assert counts_of(watch.view) == self.expected_counts
        return watch

    def overwrite(self, path: str, change: Callable[[bytes], bytes]) -> bytes:
        data = change(self.store.read(path))
        self.store.write(path, data)
        return data

    def rewrite(self, source: str, target: str, **fields: object) -> None:
        """Write a whole manifest that says something else than that in `source`."""
        manifest = decode_manifest(self.store.read(source), source)
        self.store.write(target, encode_manifest(msgspec.structs.replace(manifest, **fields)))

    def still_holds(self, data: bytes) -> bool:
        return data in self.store.contents().values()


@pytest.fixture
def stopped(tmp_path: Path) -> Callable[[str], Case]:
    """A job that stopped right after the last change like this; `finished` for one that did not stop."""

    def stop(after: str, **settings: object) -> Case:
        path = tmp_path / "in.jsonl"
        path.write_bytes(lines(ROWS))
        config = small_job([path], **settings)
        whole = CrashingStore(MemoryStore(), None)
        jobs.run_inline(config, whole)
        disk = MemoryStore()
        crash_at = _last_like(whole.deeds, after)
        try:
            jobs.run_inline(config, CrashingStore(disk, crash_at))
        except PowerLoss:
            assert crash_at is not None
        return Case(
            config,
            disk.after_power_loss(Loss.NOTHING),
            jobs.exported(config, whole),
            jobs.ledgers(config, whole),
            jobs.counts(config, whole),
        )

    return stop


def _last_like(deeds: list[tuple[str, str]], like: str) -> int | None:
    if like == "finished":
        return None
    return max(number for number, deed in enumerate(deeds, 1) if re.fullmatch(like, " ".join(deed))) + 1


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def empty(data: bytes) -> bytes:
    return b""


# ---- checkpoints: partition 2 has four of them and no result yet


CHECKPOINT = f"{CHECKPOINTS}/checkpoint_000002_003.json"
CHECKPOINT_DATA = f"{CHECKPOINTS}/partition_000002_003.r1a1.parquet"
LOWEST_DATA = f"{CHECKPOINTS}/partition_000002_000.r1a1.parquet"


@pytest.mark.parametrize("how", [cut, flip, empty])
@pytest.mark.parametrize(
    ("path", "first_again"), [(CHECKPOINT_DATA, 3), (LOWEST_DATA, 0)], ids=["newest delta", "lowest delta"]
)
def test_damaged_checkpoint_data_costs_the_operators_since_the_one_below(
    stopped: Callable[..., Case], path: str, first_again: int, how: Callable[[bytes], bytes]
) -> None:
    case = stopped(CHECKPOINT_COMMITTED)
    damaged = case.overwrite(path, how)
    watch = case.resume()
    assert watch.started == [(2, index) for index in range(first_again, 4)]
    assert any(os.path.basename(path) in warning for warning in watch.warnings)
    assert case.still_holds(damaged)
    assert case.store.exists(f"{CHECKPOINTS}/set_aside/checkpoint_000002_003.json")


def test_missing_checkpoint_data_costs_the_same(stopped: Callable[..., Case]) -> None:
    case = stopped(CHECKPOINT_COMMITTED)
    case.store.remove(CHECKPOINT_DATA)
    watch = case.resume()
    assert watch.started == [(2, 3)]
    assert any("partition_000002_003.r1a1.parquet is missing" in warning for warning in watch.warnings)


def test_a_damaged_file_of_dead_letters_counts_as_a_damaged_checkpoint(stopped: Callable[..., Case]) -> None:
    case = stopped(r"sync_dir .*/checkpoints", **{"partition.size": 100})
    damaged = case.overwrite(f"{CHECKPOINTS}/partition_000000_001.r1a1.dead.jsonl", flip)
    watch = case.resume()
    assert watch.started == [(0, index) for index in (1, 2, 3)]
    assert any("dead.jsonl" in warning for warning in watch.warnings)
    assert case.still_holds(damaged)


@pytest.mark.parametrize(
    "how", [cut, empty, lambda _: b"[]", lambda _: b'{"format_version":1}', lambda _: b"\xff\0"]
)
def test_a_manifest_that_is_none_is_set_aside(
    stopped: Callable[..., Case], how: Callable[[bytes], bytes]
) -> None:
    case = stopped(CHECKPOINT_COMMITTED)
    damaged = case.overwrite(CHECKPOINT, how)
    watch = case.resume()
    assert watch.started == [(2, 3)]
    assert any(f"{CHECKPOINT} is damaged" in warning for warning in watch.warnings)
    assert case.store.read(f"{CHECKPOINTS}/set_aside/checkpoint_000002_003.json") == damaged


@pytest.mark.parametrize(
    ("field", "value", "reported"),
    [
        ("key", "0" * 32, "a secret among the parameters changed, or its manifest was changed by hand"),
        ("job", "another", "it belongs to job another"),
        ("fragment", "0" * 32, None),
        ("partition", 1, "it is the manifest of partition 1, operator 3"),
        ("operator_index", 2, "it is the manifest of partition 2, operator 2"),
    ],
)
def test_a_manifest_of_something_else_is_not_used(
    stopped: Callable[..., Case], field: str, value: object, reported: str | None
) -> None:
    case = stopped(CHECKPOINT_COMMITTED)
    case.rewrite(CHECKPOINT, CHECKPOINT, **{field: value})
    watch = case.resume()
    if reported is None:  # the key tells what it was made from; this is what it says about itself
        assert watch.started == []
        return
    assert watch.started == [(2, 3)]
    assert any(reported in event.message for event in watch.events(t.InfoNotice, t.WarningNotice))
    assert case.store.exists(f"{CHECKPOINTS}/set_aside/checkpoint_000002_003.json")


def test_the_manifest_of_another_partition_copied_in_is_not_used(stopped: Callable[..., Case]) -> None:
    case = stopped(CHECKPOINT_COMMITTED)
    case.store.write(CHECKPOINT, case.store.read(f"{CHECKPOINTS}/checkpoint_000000_003.json"))
    watch = case.resume()
    assert watch.started == [(2, 3)]
    assert any("it is the manifest of partition 0" in warning for warning in watch.warnings)


def test_another_partitions_manifest_made_to_fit_is_known_by_its_key(stopped: Callable[..., Case]) -> None:
    case = stopped(CHECKPOINT_COMMITTED)
    case.rewrite(f"{CHECKPOINTS}/checkpoint_000000_003.json", CHECKPOINT, partition=2)
    watch = case.resume()
    assert watch.started == [(2, 3)]
    assert any("the input changed" in event.message for event in watch.events(t.InfoNotice))


# ---- results: all partitions are committed, the export is not


RESULT = f"{RESULTS}/partition_000001.json"
RESULT_DATA = f"{RESULTS}/partition_000001.r1a1.jsonl"


@pytest.mark.parametrize("how", [cut, flip, empty])
@pytest.mark.parametrize(
    "path", [RESULT_DATA, f"{JOB}/dead_letter/partition_000001.r1a1.jsonl"], ids=["rows", "dead letters"]
)
def test_a_damaged_result_is_made_again_from_the_newest_checkpoint(
    stopped: Callable[..., Case], path: str, how: Callable[[bytes], bytes]
) -> None:
    case = stopped(ALL_COMMITTED)
    damaged = case.overwrite(path, how)
    watch = case.resume()
    assert watch.started == []
    assert any(os.path.basename(path) in warning for warning in watch.warnings)
    assert case.still_holds(damaged)


def test_a_missing_result_is_made_again(stopped: Callable[..., Case]) -> None:
    case = stopped(ALL_COMMITTED)
    case.store.remove(RESULT_DATA)
    assert any("is missing" in warning for warning in case.resume().warnings)


@pytest.mark.parametrize("how", [cut, empty])
def test_a_damaged_manifest_of_a_result_is_set_aside(
    stopped: Callable[..., Case], how: Callable[[bytes], bytes]
) -> None:
    case = stopped(ALL_COMMITTED)
    damaged = case.overwrite(RESULT, how)
    watch = case.resume()
    assert any(RESULT in warning for warning in watch.warnings)
    assert case.store.read(f"{RESULTS}/set_aside/partition_000001.json") == damaged


# ---- the job's own files


@pytest.mark.parametrize("after", [CHECKPOINT_COMMITTED, ALL_COMMITTED, "finished"])
@pytest.mark.parametrize("how", [cut, empty, lambda _: b"garbage", lambda _: b"[" * 100_000])
@pytest.mark.parametrize("path", [MAPPING, SUMMARY])
def test_a_garbled_file_of_the_job_is_set_aside_and_costs_no_work(
    stopped: Callable[..., Case], path: str, how: Callable[[bytes], bytes], after: str
) -> None:
    case = stopped(after)
    damaged = case.overwrite(path, how)
    watch = case.resume()
    assert watch.started == []
    assert any(f"{path} is damaged and was set aside" in warning for warning in watch.warnings)
    assert case.still_holds(damaged)


@pytest.mark.parametrize("after", [CHECKPOINT_COMMITTED, ALL_COMMITTED, "finished"])
def test_a_deleted_mapping_is_scanned_again_and_reported(stopped: Callable[..., Case], after: str) -> None:
    case = stopped(after)
    case.store.remove(MAPPING)
    watch = case.resume()
    assert watch.started == []
    assert watch.warnings == [f"{MAPPING} is missing; the input is scanned again."]


def test_a_deleted_summary_is_written_again(stopped: Callable[..., Case]) -> None:
    case = stopped("finished")
    case.store.remove(SUMMARY)
    assert case.resume().started == []
    assert json.loads(case.store.read(SUMMARY))["status"] == "completed"


def test_a_torn_last_event_is_cut_off_and_reported(stopped: Callable[..., Case]) -> None:
    case = stopped(CHECKPOINT_COMMITTED)
    case.overwrite(EVENTS, lambda data: data + b'{"v":1,"seq":99,"ts":"2026-0')
    watch = case.resume()
    assert any("a torn end of 28 bytes was cut off" in warning for warning in watch.warnings)
    numbers = [record.seq for record in jobs.logged(case.config, case.store)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_job_goes_on_without_its_event_log(stopped: Callable[..., Case]) -> None:
    case = stopped(CHECKPOINT_COMMITTED)
    for name in case.store.list(os.path.dirname(EVENTS)):
        case.store.remove(os.path.join(os.path.dirname(EVENTS), name))
    watch = case.resume()
    assert watch.started == []
    assert any("holds no event of the runs before this one" in warning for warning in watch.warnings)


def test_a_damaged_copy_of_the_input_is_made_again_by_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress(lines(ROWS)))
    store = MemoryStore()
    jobs.run_inline(small_job([path], PROCESS[:1]), store)
    copy = next(present for present in store.contents() if "/partitions/rows_" in present)
    store.write(copy, flip(store.read(copy)))
    longer = small_job([path])
    with pytest.raises(DataJuicerError, match="the copy is made again"):
        jobs.run_inline(longer, store)
    jobs.run_inline(longer, store)
    exported = jobs.exported(longer, store)
    fresh = MemoryStore()
    jobs.run_inline(longer, fresh)
    assert exported == jobs.exported(longer, fresh)


# ---- what was published


@pytest.mark.parametrize("how", [cut, flip, empty, lambda data: data + b"{}\n", None])
def test_an_export_that_is_not_what_was_written_is_published_again(
    stopped: Callable[..., Case], how: Callable[[bytes], bytes] | None
) -> None:
    case = stopped("finished")
    if how is None:
        case.store.remove(EXPORT)
    else:
        case.overwrite(EXPORT, how)
    watch = case.resume()
    assert watch.started == []
    assert any(EXPORT in warning and "is published again" in warning for warning in watch.warnings)


def test_dead_letters_for_people_that_are_not_what_was_written_are_written_again(
    stopped: Callable[..., Case],
) -> None:
    case = stopped("finished")
    path = f"{JOB}/dead_letter/partition_000000.jsonl"
    written = case.store.read(path)
    case.overwrite(path, flip)
    watch = case.resume()
    assert watch.started == []
    assert watch.warnings == [f"{path} was changed since it was written; the result is published again."]
    assert case.store.read(path) == written


@pytest.mark.parametrize("how", [cut, empty, None])
def test_a_lost_manifest_of_all_results_is_made_again(
    stopped: Callable[..., Case], how: Callable[[bytes], bytes] | None
) -> None:
    case = stopped("finished")
    path = f"{RESULTS}/results.json"
    if how is None:
        case.store.remove(path)
    else:
        case.overwrite(path, how)
    watch = case.resume()
    assert watch.started == []
    assert any(path in warning for warning in watch.warnings)


def test_files_of_a_newer_version_are_refused_and_left_alone(stopped: Callable[..., Case]) -> None:
    for path in (SUMMARY, MAPPING):
        case = stopped(CHECKPOINT_COMMITTED)
        newer = case.overwrite(
            path,
            lambda data: data.replace(b'"format_version": 2', b'"format_version": 4'),
        )
        with pytest.raises(ResumeRefusedError, match="newer"):
            case.resume()
        assert case.store.read(path) == newer
