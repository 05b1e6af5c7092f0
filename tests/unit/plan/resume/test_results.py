"""Results of earlier runs, packed while a run goes on, come out as they went in."""

from __future__ import annotations

from data_juicer.plan.resume.done_results import DoneResults
from data_juicer.plan.resume.results import CommittedResult, SparseLedger
from data_juicer.store.ledger import SUMMED
from data_juicer.store.manifest import DataFile


def test_every_number_of_a_ledger_survives_the_packing() -> None:
    ledgers = tuple(
        SparseLedger(
            index=index,
            name=f"op_{index}",
            **{name: 100 * index + number for number, name in enumerate(SUMMED)},
        )
        for index in (1, 2)
    )
    file = DataFile(name="partition_000003.r1a1.jsonl", size_bytes=1, digest="d", rows=2)
    result = CommittedResult(
        format_version=2, kind="result", job="job", partition=3, operator_index=2, key="", fragment="", reader="jsonl",
        files=(file,), rows=2, ledgers=ledgers, attempt="r1a1", run=1, created="2026-03-13T18:09:11.000000Z",
    )  # fmt: skip
    done = DoneResults(job="job", reader="jsonl")
    done.add(result)
    assert done.find(3) == result
