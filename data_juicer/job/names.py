"""The names of files in the directories of a job, taken apart. Pure; `layout.py` makes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

_MANIFEST_NAME: Final = re.compile(r"(checkpoint|summary)_(\d{6,})_(\d{3,})\.json", re.ASCII)
_SUFFIX: Final = r"((?:summary\.|summary\.(?:rows|before|dead)\.|dead\.|trace\.|stats\.)?(?:parquet|arrow|jsonl|json|csv|tsv|txt|stats|megatron)(?:\.gz|\.zst)?)"
"""What a file of ours ends in; a file that somebody renamed, to `NAME.away` say, is not ours any more."""
_DATA_NAME: Final = re.compile(rf"partition_(\d{{6,}})_(\d{{3,}})\.(r\d+a\d+)\.{_SUFFIX}", re.ASCII)
_RESULT_NAME: Final = re.compile(rf"partition_(\d{{6,}})(?:\.(r\d+a\d+))?\.{_SUFFIX}", re.ASCII)
_ATTEMPT: Final = re.compile(r"r\d+a\d+", re.ASCII)
_SHOWN_LETTERS_NAME: Final = re.compile(r"partition_(\d{6,})\.jsonl", re.ASCII)
_RESOLVE_NAME: Final = re.compile(
    r"resolve_(\d{3,})\.(?:json|r\d+\.decisions|g\d{4,}\.r\d+a\d+\.decisions)", re.ASCII
)
_SHARD_NAME: Final = re.compile(
    r"resolve_(\d{3,})_(?:meet|compare|join|count|rank|choose|arrange|decide)_\d{4,}\.(?:json|r\d+a\d+\.shard)"
    r"|summaries_(\d{3,})|known_(\d{3,})_\d{4,}\.r\d+\.arrow",
    re.ASCII,
)
ROWS_SUFFIX: Final = "summary.rows.jsonl"
"""Of the files of whole rows that are beside summaries; see store/gathered_rows.py."""
_PRODUCED_NAME: Final = re.compile(
    r"partition_(\d{6,})_(\d{3,})\.(r\d+a\d+)\.([0-9a-f]{32})((?:\.[A-Za-z0-9]{1,16})?)", re.ASCII
)
_INTERMEDIATE_DIR: Final = re.compile(r"partition_(\d{6,})", re.ASCII)
_INTERMEDIATE_NAME: Final = re.compile(r"op_\d{3,}_[A-Za-z0-9_.-]+", re.ASCII)
_RUN_NAME: Final = re.compile(r"run_(\d{6,})\.json", re.ASCII)


def is_attempt(text: str) -> bool:
    """Whether it is how attempts are called in the names of their files, such as r1a1."""
    return _ATTEMPT.fullmatch(text) is not None


class CheckpointName(msgspec.Struct, frozen=True, kw_only=True):
    """What the name of a manifest or of a data file in the checkpoint directory says."""

    partition_id: int
    operation_idx: int
    attempt: str | None
    """None for a manifest."""
    suffix: str
    is_summary: bool = False
    """Whether it is of a summary, which a dataset operator made of the rows before it."""


class ResultName(msgspec.Struct, frozen=True, kw_only=True):
    """What the name of a manifest or of a data file in the result directory says."""

    partition_id: int
    attempt: str | None
    """None for a manifest."""
    suffix: str


def parse_checkpoint_name(name: str) -> CheckpointName | None:
    """The parts of a file name in the checkpoint directory; None for a file that is not ours."""
    if match := _MANIFEST_NAME.fullmatch(name):
        return CheckpointName(
            partition_id=int(match[2]),
            operation_idx=int(match[3]),
            attempt=None,
            suffix="json",
            is_summary=match[1] == "summary",
        )
    if match := _DATA_NAME.fullmatch(name):
        return CheckpointName(
            partition_id=int(match[1]),
            operation_idx=int(match[2]),
            attempt=match[3],
            suffix=match[4],
            is_summary=match[4].startswith("summary."),
        )
    return None


def result_manifest_name(partition_id: int) -> str:
    """The name of the manifest of a partition's result."""
    return f"partition_{partition_id:06d}.json"


def parse_result_name(name: str) -> ResultName | None:
    """The parts of a file name in the result directory; None for a file that is not a partition's."""
    match = _RESULT_NAME.fullmatch(name)
    if match is None or (match[2] is None and match[3] != "json"):
        return None
    return ResultName(partition_id=int(match[1]), attempt=match[2], suffix=match[3])


def committed_results(names: Iterable[str]) -> set[int]:
    """The partitions with a committed result.

    Args:
        names: of the files in the directory of results; most of them are no manifests.
    """
    return {
        int(match[1])
        for name in names
        if name.endswith(".json") and (match := _RESULT_NAME.fullmatch(name)) and match[2] is None
    }


class ProducedName(msgspec.Struct, frozen=True, kw_only=True):
    """What the name of a file that an operator made says."""

    partition_id: int
    operation_idx: int
    attempt: str
    digest: str
    suffix: str
    """With its dot, or empty."""


def parse_produced_name(name: str) -> ProducedName | None:
    """The parts of a file name in the directory of produced files; None for a file that is not ours."""
    match = _PRODUCED_NAME.fullmatch(name)
    if match is None:
        return None
    return ProducedName(
        partition_id=int(match[1]),
        operation_idx=int(match[2]),
        attempt=match[3],
        digest=match[4],
        suffix=match[5],
    )


def parse_shown_letters_name(name: str) -> int | None:
    """The partition whose dead letters a file shows to people; None for another file."""
    match = _SHOWN_LETTERS_NAME.fullmatch(name)
    return int(match[1]) if match else None


def parse_resolve_name(name: str) -> int | None:
    """The operator that a file in the checkpoint directory holds the decisions of; None for another file."""
    match = _RESOLVE_NAME.fullmatch(name)
    return int(match[1]) if match else None


def parse_shard_name(name: str) -> int | None:
    """The operator that a file in the directory of shards is of; None for another file."""
    match = _SHARD_NAME.fullmatch(name)
    return int(match[1] or match[2] or match[3]) if match else None


def parse_intermediate_dir(name: str) -> int | None:
    """The partition whose rows after each operator a directory holds; None for another directory."""
    match = _INTERMEDIATE_DIR.fullmatch(name)
    return int(match[1]) if match else None


def is_intermediate_name(name: str) -> bool:
    """Whether a file holds rows after one operator, for people to open."""
    return _INTERMEDIATE_NAME.fullmatch(name) is not None


def parse_run_name(name: str) -> int | None:
    """The number of the run that a file in the runs directory stands for; None for another file."""
    match = _RUN_NAME.fullmatch(name)
    return int(match[1]) if match else None
