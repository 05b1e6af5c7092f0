from types import SimpleNamespace
from typing import cast

import pytest

from data_juicer.engine.lifecycle.disk_space import (
    BLOCK_BYTES,
    CheckpointNeeds,
    Room,
    check_room,
    checkpoint_needs,
    find_refusal,
    least_bytes,
    warnings,
)
from data_juicer.errors import StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.ops.catalog.registry import make
from data_juicer.plan.partitions import PartitionSpec
from data_juicer.storage.memory import MemoryStore


def room(free: int | None, least: int = 100, likely: int = 1000) -> Room:
    return Room(path="/disk", free_bytes=free, least_bytes=least, likely_bytes=likely)


def test_a_run_is_refused_only_where_even_empty_results_do_not_fit() -> None:
    assert find_refusal([room(100), room(None)]) is None
    assert find_refusal([room(5000), room(99)]) == (
        "/disk: 99 bytes are free, at least 100 are needed. "
        "What was committed is safe. Make room and start the job again."
    )


def test_a_disk_that_may_become_full_is_warned_of() -> None:
    assert warnings([room(1000), room(None), room(99)]) == []
    assert len(warnings([room(999)])) == 1


def test_each_stage_takes_a_data_file_and_a_manifest() -> None:
    assert least_bytes(partitions=10, stages=1) == 20 * BLOCK_BYTES
    assert least_bytes(partitions=10, stages=0) == 0


class OneDisk(MemoryStore):
    """Every path is on one disk but those below /other."""

    def free_bytes(self, path: str) -> int | None:
        return 35_000

    def volume(self, path: str) -> int | None:
        return 2 if path.startswith("/other") else 1


@pytest.mark.parametrize(
    ("checkpoint_dir", "export_path", "disks"),
    [
        (None, "/disk/x.jsonl", ["/disk/J/results, /disk, /disk/J/checkpoints"]),
        ("/other", "/disk/x.jsonl", ["/disk/J/results, /disk", "/other/J"]),
        ("/other", "/other/x.jsonl", ["/disk/J/results", "/other, /other/J"]),
    ],
)
def test_one_disk_is_warned_of_once_with_all_that_it_will_hold(
    checkpoint_dir: str | None, export_path: str, disks: list[str]
) -> None:
    layout = JobLayout.of("/disk", "J", None, checkpoint_dir)
    reported: list[str] = []
    needs = CheckpointNeeds(stages=1, copies=1)
    check_room(OneDisk(), layout, export_path, [spec(20_000), spec(20_000)], needs, reported.append)
    assert [line.partition(":")[0] for line in reported] == disks
    for disk, line in zip(disks, reported, strict=True):
        assert f"about {40_000 * (disk.count(',') + 1):,} may be needed" in line


def test_summaries_and_the_rows_that_groupers_gather_need_room() -> None:
    """Twice as many files do not fit where a summary of each partition is there until the end."""
    operators = [make("document_deduplicator", {}), make("naive_grouper", {})]
    needs = checkpoint_needs(operators, has_checkpoints=False)
    assert needs == CheckpointNeeds(stages=3, copies=2)
    assert checkpoint_needs([], has_checkpoints=False).stages == 0
    layout = JobLayout.of("/disk", "J", None, None)
    reported: list[str] = []
    one = [spec(20_000)]
    check_room(OneDisk(), layout, "/disk/x.jsonl", one, needs, reported.append)
    assert f"about {20_000 * 4:,} may be needed" in reported[0]
    with pytest.raises(StoreError, match=f"at least {4 * 2 * 2 * BLOCK_BYTES:,} are needed"):
        check_room(OneDisk(), layout, "/disk/x.jsonl", one * 2, needs, reported.append)


def spec(size_bytes: int) -> PartitionSpec:
    return cast("PartitionSpec", SimpleNamespace(size_bytes=size_bytes))


def test_a_run_is_refused_where_no_file_can_be_made_whatever_is_free():
    full = Room(path="/disk", full="no inodes are left", free_bytes=1 << 40, least_bytes=1, likely_bytes=1)
    refused = find_refusal([full])
    assert refused is not None
    assert refused.startswith("/disk: no inodes are left. What was committed is safe. Remove files")
    nothing_to_do = Room(path="/disk", full="no inodes are left", free_bytes=0, least_bytes=0, likely_bytes=0)
    assert find_refusal([nothing_to_do]) is None
