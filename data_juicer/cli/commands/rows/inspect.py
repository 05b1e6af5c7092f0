"""dj-jobs inspect."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.errors import JobError
from data_juicer.monitor.handle import JobHandle
from data_juicer.printable import printable

if TYPE_CHECKING:
    from data_juicer.engine.replay.replay import JobReplay, Step
    from data_juicer.plan.partitions import PartitionSpec
    from data_juicer.rows.batch import Batch

NAME: Final = "inspect"
HELP: Final = "Show rows of a partition after an operator, and with --diff what the operator changed."

_ROWS: Final = 10
_DIFF_CHARACTERS_MAX: Final = 4000
_CONTEXT: Final = 30
"""Characters that are shown before and after a change."""
_TOKEN: Final = re.compile(r"\w+|\s+|[^\w\s]")
_RED, _GREEN, _BOLD, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"
REMOVED: Final = ("[-", "-]")
ADDED: Final = ("{+", "+}")
"""Around what was removed and added, as `wdiff` marks it; on a terminal in red and green."""


Part = tuple[str, str]
"""A colour, or nothing, and a text without control characters."""
_INDENT: Final = "  "
_MORE_INDENT: Final = "    "


class InspectedRow(msgspec.Struct, frozen=True, kw_only=True):
    place: str
    """In the source; empty for a row that an operator made."""
    what: str
    """`kept`, `changed`, `dropped` or `made`."""
    after: dict[str, msgspec.Raw] | None
    """Fields as JSON; None for a row that was dropped."""
    before: dict[str, msgspec.Raw] | None = None
    """The fields that the operator changed, as they were; with `--diff`."""


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives."""

    job_id: str
    partition: int
    source: str
    operator: str
    rows_before: int
    rows_after: int
    rows: tuple[InspectedRow, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="id of the job, or the path of its folder")
    parser.add_argument("--partition", type=int, default=0, metavar="P", help="(default: %(default)s)")
    parser.add_argument(
        "--op",
        metavar="NAME",
        help="after which operator: its name, or its number from 1 on (default: the last)",
    )
    parser.add_argument(
        "--diff", action="store_true", help="show what the operator changed, dropped and made"
    )
    parser.add_argument(
        "--rows", type=int, default=_ROWS, metavar="N", help="how many rows are shown (default: %(default)s)"
    )
    parser.add_argument(
        "--run_custom",
        action="store_true",
        help="run operators of the job's own code where their rows are not saved",
    )


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> None:
    from data_juicer.engine.replay.dropped import check_operator
    from data_juicer.engine.replay.replay import JobReplay

    job = JobHandle.open(arguments.work_dir, arguments.job)
    replay = JobReplay(job.store, job.layout, job.summary, run_custom=arguments.run_custom)
    spec = replay.partition(arguments.partition)
    last = len(replay.operators) - 1
    index = last if arguments.op is None else check_operator(replay, arguments.op)
    step = _step_at(replay, arguments.partition, index)
    rows = _diff(step, spec) if arguments.diff else _after(step, spec)
    inspection = Inspection(
        job_id=job.job_id,
        partition=arguments.partition,
        source=spec.source_path if not spec.more else f"{spec.source_path} and {len(spec.more)} more",
        operator=step.name,
        rows_before=len(step.before),
        rows_after=len(step.after),
        rows=tuple(row for row, _ in zip(rows, range(max(0, arguments.rows)), strict=False)),
    )
    is_coloured = arguments.output == "text" and sys.stdout.isatty()
    if is_coloured:  # what is shown is escaped already; the marks of colour are ours
        for line in _lines(inspection, _columns(), is_coloured=True):
            sys.stdout.write(f"{line}\n")
        return
    output.emit(inspection, lambda columns: _lines(inspection, columns, is_coloured=False))


def _step_at(replay: JobReplay, partition: int, index: int) -> Step:
    """Raises: JobError: the partition is not so far."""
    last = None
    for step in replay.steps(partition):
        if step.last >= index:
            return step
        last = step
    names = replay.names()
    so_far = f"operator {last.last + 1} ({names[last.last]})" if last else "its source"
    raise JobError(
        f"partition {partition} is committed up to {so_far}, not up to operator {index + 1} ({names[index]}). "
        f"Nothing was changed. To see its rows so far: --op {last.last + 1 if last else 1}"
    )


def _columns() -> int:
    from data_juicer.monitor.streams import columns_of

    return columns_of(sys.stdout)


def _after(step: Step, spec: PartitionSpec) -> Iterator[InspectedRow]:
    for row in range(len(step.after)):
        what = "made" if step.after.base is not None and step.after.base[row] < 0 else "kept"
        yield InspectedRow(place=_place(step.after, row, spec), what=what, after=_fields(step.after, row))


def _diff(step: Step, spec: PartitionSpec) -> Iterator[InspectedRow]:
    """Rows that are not as they were, in their order; rows that the operator left alone are passed over."""
    dropped = set(step.dropped.tolist())
    base = range(len(step.after)) if step.after.base is None else step.after.base.tolist()
    shown = 0
    for row, was in enumerate(base):
        for gone in range(shown, max(shown, was)):
            if gone in dropped:
                yield _dropped(step.before, gone, spec)
        shown = max(shown, was)
        after = _fields(step.after, row)
        if was < 0:
            yield InspectedRow(place="", what="made", after=after)
            continue
        before = _fields(step.before, was)
        changed = {
            name: before[name] for name in before if bytes(before[name]) != bytes(after.get(name, b""))
        }
        if changed or after.keys() - before.keys():
            yield InspectedRow(
                place=_place(step.after, row, spec), what="changed", after=after, before=changed
            )
    for gone in range(shown, len(step.before)):
        if gone in dropped:
            yield _dropped(step.before, gone, spec)


def _dropped(before: Batch, row: int, spec: PartitionSpec) -> InspectedRow:
    return InspectedRow(
        place=_place(before, row, spec), what="dropped", after=None, before=_fields(before, row)
    )


def _fields(batch: Batch, row: int) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(value) for name, value in batch.raw_row(row).items()}


def _place(batch: Batch, row: int, spec: PartitionSpec) -> str:
    """Where a row is in its source, and in which where the partition has several."""
    from data_juicer.formats.places import locate

    origin = int(batch.origin[row])
    if origin < 0:
        return ""
    source, place = locate(batch.source.place(origin), spec)
    return f"{source.rpartition('/')[2]}, {place}" if spec.more else str(place)


# ---- for people


def _lines(inspection: Inspection, columns: int, *, is_coloured: bool) -> list[str]:
    counts = f"{inspection.rows_before:,} -> {inspection.rows_after:,} rows"
    lines = [printable(f"partition {inspection.partition} after {inspection.operator}: {counts}")]
    for row in inspection.rows:
        head = printable(f"{row.what} {row.place or 'a row of its own'}")
        lines += ["", f"{_BOLD}{head}{_PLAIN}" if is_coloured else head]
        lines += _row_lines(row, columns, is_coloured=is_coloured)
    if not inspection.rows:
        lines.append(
            "nothing was changed" if inspection.rows_before == inspection.rows_after else "no row is left"
        )
    return lines


def _row_lines(row: InspectedRow, columns: int, *, is_coloured: bool) -> Iterator[str]:
    if row.after is None:
        fields, before = row.before or {}, {}
    else:
        fields, before = row.after, row.before or {}
    for name, value in fields.items():
        old = before.get(name)
        if row.before is not None and row.after is not None and old is None and name in before:
            continue
        if row.what == "changed" and old is None:
            continue  # a field that stayed
        shown = _shown(value)
        if old is not None:
            parts = [("", f"{printable(name)}: "), *find_changes(_shown(old), shown, is_coloured=is_coloured)]
            yield from in_lines(parts, columns)
        else:
            text = printable(f"{name}: {shown}")
            room = max(20, columns - 2)
            yield f"  {text if len(text) <= room else text[: room - 1] + '…'}"


def _shown(value: msgspec.Raw) -> str:
    """A text as it is, another value as JSON."""
    data = bytes(value)
    if data[:1] == b'"':
        try:
            return str(msgspec.json.decode(data, type=str))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            pass
    return data.decode(errors="backslashreplace")


def find_changes(before: str, after: str, *, is_coloured: bool) -> list[Part]:
    """What became of a text, word by word, with a little of what stayed around each change; controls escaped."""
    old = _TOKEN.findall(before[:_DIFF_CHARACTERS_MAX])
    new = _TOKEN.findall(after[:_DIFF_CHARACTERS_MAX])
    parts: list[Part] = []
    for kind, old_start, old_stop, new_start, new_stop in difflib.SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            kept = _kept("".join(new[new_start:new_stop]), is_first=not parts, is_last=new_stop == len(new))
            parts.append(("", kept))
            continue
        parts += _marked("".join(old[old_start:old_stop]), REMOVED, _RED, is_coloured=is_coloured)
        parts += _marked("".join(new[new_start:new_stop]), ADDED, _GREEN, is_coloured=is_coloured)
    if max(len(before), len(after)) > _DIFF_CHARACTERS_MAX:
        parts.append(("", "…"))
    return parts


def in_lines(parts: Sequence[Part], columns: int) -> Iterator[str]:
    """One after the other, as many characters a line as fit; a change is shown whole, so that no line is cut."""
    room = max(20, columns - len(_MORE_INDENT))
    line, used, indent = "", 0, _INDENT
    for colour, whole in parts:
        rest = whole
        while rest:
            if used == room:
                yield f"{indent}{line}".rstrip()
                line, used, indent = "", 0, _MORE_INDENT
            shown, rest = rest[: room - used], rest[room - used :]
            line += f"{colour}{shown}{_PLAIN}" if colour else shown
            used += len(shown)
    yield f"{indent}{line}"


def _kept(text: str, *, is_first: bool, is_last: bool) -> str:
    shown = _escaped(text)
    if (is_first and is_last) or len(shown) <= 2 * _CONTEXT:
        return shown
    if is_first:
        return f"…{shown[-_CONTEXT:]}"
    return f"{shown[:_CONTEXT]}…" if is_last else f"{shown[:_CONTEXT]}…{shown[-_CONTEXT:]}"


def _marked(text: str, marks: Sequence[str], colour: str, *, is_coloured: bool) -> list[Part]:
    if not text:
        return []
    shown = _escaped(text)
    return [(colour, shown)] if is_coloured else [("", f"{marks[0]}{shown}{marks[1]}")]


def _escaped(text: str) -> str:
    r"""Line ends and tabs are what an operator may have changed: they are shown as `\n` and `\t`."""
    whole = text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
    return printable(whole)
