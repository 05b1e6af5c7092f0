"""The small job of the crash tests: three partitions, four operators, rows of every kind of fate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_juicer.config.schema import JobConfig
from data_juicer.testing import jobs

OPERATORS = Path(__file__).parent / "operators"
CUSTOM = str(OPERATORS / "poisoned_mapper.py")
JOINING = str(OPERATORS / "joining_aggregator.py")
PROCESS: list[Any] = [
    "clean_links_mapper",
    "poisoned_mapper",
    "whitespace_normalization_mapper",
    {"text_length_filter": {"min_len": 8}},
]
ROWS = [
    b'{"text":"see http://a.example/x for  more","n":1.0}',
    b'{"text":"plain words only","big":1180591620717411303424}',
    b"{not json",
    b'{"text":"short","n":2}',
    b'{"text":"a poison row","n":3}',
    b'{"text":"tabs\\tand  blanks https://b.example","n":null}',
    b'{"text":"the last partition holds this","n":[1,2]}',
    b'{"text":"and that one","n":{"a":1.0}}',
]


STRATEGIES: dict[str, dict[str, Any]] = {
    "every_op": {},
    "every_partition": {},
    "every_n_ops": {"checkpoint.n_ops": 2},
    "manual": {"checkpoint.op_names": ["poisoned_mapper"]},
    "disabled": {},
}


def configured(strategy: str, file_format: str) -> dict[str, Any]:
    """Settings of checkpoints."""
    return {
        "checkpoint.strategy": strategy,
        "intermediate_storage.format": file_format,
        **STRATEGIES[strategy],
    }


def lines(rows: Sequence[bytes]) -> bytes:
    return b"".join(row + b"\n" for row in rows)


def small_job(dataset: Sequence[Path], process: Sequence[Any] = PROCESS, **settings: Any) -> JobConfig:
    """Partitions of three rows on a disk in memory; settings in dotted form."""
    given = {"partition.size": 3, "custom_operator_paths": [CUSTOM], **settings}
    return jobs.recipe("/disk/jobs", [str(path) for path in dataset], process, given)
