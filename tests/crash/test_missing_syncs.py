"""Each sync of the core, taken out in turn: the power loss test must notice."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from data_juicer.config.schema import JobConfig
from data_juicer.errors import DataJuicerError
from tests.support.crash_recipes import configured
from tests.support.power_loss import LOSSES, undisturbed, visit

DATA = r"partition_\d+(_\d+)?\.r\d+a\d+\.[a-z.]+"
GZIP = {"name": "in.jsonl.gz"}
RESULTS_ONLY = {"checkpoint.strategy": "disabled"}

# what: (the sync that is left out, the change right before it, settings of the job)
SYNCS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "checkpoint data": (rf"sync .*/checkpoints/{DATA}", "", {}),
    "checkpoint data, name": (r"sync_dir .*/checkpoints", rf"sync .*{DATA}", {}),
    "checkpoint manifest": (r"sync .*/checkpoint_\d+_\d+\.json\..*", "", {}),
    "checkpoint manifest, name": (r"sync_dir .*/checkpoints", r"remove .*\.aside", {}),
    "result data": (rf"sync .*/results/{DATA}", "", {}),
    "result data, name": (r"sync_dir .*/results", rf"sync .*{DATA}", {}),
    "result manifest": (r"sync .*/results/partition_\d+\.json\..*", "", {}),
    "result manifest, name": (r"sync_dir .*/results", r"remove .*\.aside", RESULTS_ONLY),
    "dead letters": (rf"sync .*/dead_letter/{DATA}", "", {}),
    "dead letters, name": (r"sync_dir .*/dead_letter", rf"sync .*{DATA}", {}),
    "dead letters for people": (r"sync .*/dead_letter/partition_\d+\.jsonl\..*", "", {}),
    "dead letters for people, name": (r"sync_dir .*/dead_letter", r"replace .*", {}),
    "export": (r"sync .*/\.result\.jsonl\..*", "", {}),
    "export, name": (r"sync_dir /disk/jobs", "", {}),
    "shards": (r"sync .*/\.result\.jsonl\..*", "", {"export_shard_size": 60}),
    "results manifest": (r"sync .*/results\.json\..*", "", {}),
    "results manifest, name": (r"sync_dir .*/results", r"replace .*/results\.json", {}),
    "mapping report": (r"sync .*/final_mapping_report\.json\..*", "", {}),
    "mapping report, name": (r"sync_dir .*/metadata", r"replace .*/final_mapping_report\.json", {}),
    "summary": (r"sync .*/job_summary\.json\..*", "", {}),
    "summary, name": (r"sync_dir .*/job", r"replace .*/job_summary\.json", {}),
    "dataset mapping": (r"sync .*/dataset_mapping\.json\..*", "", {}),
    # the report is written right after the mapping, into the same folder
    "dataset mapping and resume report, names": (
        r"sync_dir .*/metadata",
        r"replace .*/(dataset_mapping|resume_report)\.json",
        {},
    ),
    "copies of the input": (r"sync .*/partitions/.*", "", GZIP),
    "copies of the input, name": (r"sync_dir .*/partitions", "", GZIP),
    "copies of Parquet": (r"sync .*/partitions/.*", "", {"name": "in.parquet"}),
    "copies of Parquet, name": (r"sync_dir .*/partitions", "", {"name": "in.parquet"}),
    "event log": (r"sync .*/events\.jsonl", "", {}),
    "event log, name": (r"sync_dir .*/event_logs", "", {}),
    "claim of the run, name": (r"sync_dir .*/runs", r"remove .*", {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", SYNCS)
def test_a_sync_that_is_left_out_is_noticed(make_config: Callable[..., JobConfig], what: str) -> None:
    left_out, after, settings = SYNCS[what]
    seen: list[str] = []

    def forgets(deed: str, path: str, before: str) -> bool:
        is_it = bool(re.fullmatch(left_out, f"{deed} {path}") and re.fullmatch(after or ".*", before))
        if is_it:
            seen.append(path)
        return is_it

    config = make_config(**{**configured("every_op", "parquet"), **settings})
    try:
        with pytest.raises((AssertionError, DataJuicerError)) as noticed:
            visit(config, LOSSES, forgets=forgets)
    finally:
        assert seen, "there is no such sync"
    where = " ".join(getattr(noticed.value, "__notes__", ["?"]))
    print(f"{what:40} noticed at {where}: {str(noticed.value).splitlines()[0]}")


@pytest.mark.parametrize("retention", ["keep_failed_only", "cleanup_all"])
def test_manifests_are_gone_for_good_before_the_files_that_they_name(
    make_config: Callable[..., JobConfig], retention: str
) -> None:
    """No resume looks at a checkpoint below a newer one or a result, so that the power loss tests do not miss this sync."""
    config = make_config(
        **configured("every_op", "parquet"), **{"intermediate_storage.retention_policy": retention}
    )
    unsynced, removed = 0, 0
    for deed, path in undisturbed(config).deeds:
        if deed == "remove" and re.fullmatch(r".*/checkpoints/checkpoint_\d+_\d+\.json", path):
            unsynced += 1
        elif deed == "sync_dir" and path.endswith("/checkpoints"):
            unsynced = 0
        elif deed == "remove" and re.fullmatch(rf".*/checkpoints/{DATA}", path):
            removed += 1
            assert unsynced == 0, path
    assert removed > 0
