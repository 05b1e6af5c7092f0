"""What a run reuses of earlier ones, operator by operator, and the cause of what it does not. Pure."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate

import msgspec

from data_juicer.plan.resume.report import ResumeReport


class OperatorReuse(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    partitions_reused: int
    partitions_computed: int
    """Of which the operator is applied (again)."""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Why committed files are not used."""

    text: str
    files: int
    partitions: int
    changed_from: int | None
    """The first operator that is another one, where that is the cause: from it on everything is computed again."""


def operator_reuse(report: ResumeReport) -> list[OperatorReuse]:
    """Of every operator of the recipe, in its order; empty for a report of an earlier version, which has no names."""
    count = len(report.operators)
    ends = [0] * (count + 1)
    for index in report.continued.values():
        if index < count:
            ends[index] += 1
    reached = list(accumulate(reversed(ends)))[::-1]
    whole = report.partitions_done + report.partitions_pending
    return [
        OperatorReuse(
            name=name,
            partitions_reused=report.partitions_done + reached[index],
            partitions_computed=whole - report.partitions_done - reached[index],
        )
        for index, name in enumerate(report.operators)
    ]


def causes(report: ResumeReport) -> list[Cause]:
    """The most frequent first."""
    files = Counter((refused.reason, refused.changed_from) for refused in report.refused)
    partitions: dict[tuple[str, int | None], set[int]] = {}
    for refused in report.refused:
        if refused.partition is not None:
            partitions.setdefault((refused.reason, refused.changed_from), set()).add(refused.partition)
    return [
        Cause(text=key[0], files=count, partitions=len(partitions.get(key, ())), changed_from=key[1])
        for key, count in files.most_common()
    ]


def format_cause(cause: Cause, operators: tuple[str, ...]) -> str:
    """`words_num_filter: min_num 20 -> 50; operators 7 and 8 of 240 partitions are computed again`."""
    of = f"{cause.partitions:,} partition{'' if cause.partitions == 1 else 's'}"
    first, last = cause.changed_from, len(operators)
    if first is None or first >= last:
        files = "1 committed file is" if cause.files == 1 else f"{cause.files:,} committed files are"
        return f"{cause.text}; {files} not used"
    if first + 1 == last:
        which, are = f"operator {last}", "is"
    else:
        which, are = f"operators {first + 1} {'and' if first + 2 == last else 'to'} {last}", "are"
    return f"{cause.text}; {which} of {of} {are} computed again"
