"""What tasks that are not about one partition are to do, and their answers. Pure."""

from __future__ import annotations

import msgspec

from data_juicer.formats.base import Compression
from data_juicer.ops.dataset.grouping.cut import GroupCut
from data_juicer.ops.dataset.ranks.bound import Bound
from data_juicer.plan.scan.shared import Scanned, ScanWork
from data_juicer.store.decisions import Decision
from data_juicer.store.export.line_shards import LineRange
from data_juicer.store.manifest import FileName
from data_juicer.store.resolve.shards import Section, Step


class KeyRange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One of a row's keys, and one of so many shares of its values."""

    key: int
    share: int
    shares: int


class ResolveWork(msgspec.Struct, frozen=True, kw_only=True, tag="resolve"):
    """One shard of a step of a resolve; see `engine/driver/shard_plans/`."""

    operator_index: int
    operator_name: str
    step: Step
    number: int
    catalogue: str
    """Path of the manifests of all summaries."""
    memory_bytes: int
    groups: tuple[int, ...]
    """Where groups of partitions begin: positions in the input and, last, the number of partitions."""
    partitions: tuple[int, int] | None = None
    """From which position on and up to which one (exclusive) partitions are looked at; None: those of the group `number`."""
    keys: tuple[KeyRange, ...] = ()
    bounds: tuple[Bound, ...] = ()
    """Of ranks: the digits that are known so far."""
    cut: GroupCut | None = None
    """Of groups of rows."""
    sections: tuple[Section, ...] = ()
    """Of the step before."""

    def __str__(self) -> str:
        return f"the resolve of {self.operator_name}, step {self.step}, shard {self.number}"


class ShardStaged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The files of a shard are written and synced; they count once the driver has committed a manifest."""

    file: FileName
    size_bytes: int
    sections: tuple[Section, ...] = ()
    decisions: tuple[Decision, ...] = ()


class SummariesChecked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Summaries of a group were read whole."""

    damaged: tuple[tuple[int, str], ...] = ()
    """Partitions whose summary is not what was committed, each with what is wrong."""


class ExportWork(msgspec.Struct, frozen=True, kw_only=True, tag="export"):
    """One shard of an export of lines; see `store/export/line_shards.py`."""

    number: int
    lines: tuple[LineRange, ...]
    path: str
    """The export path, beside which shards are published."""
    compression: Compression

    def __str__(self) -> str:
        return f"shard {self.number} of the export {self.path}"


class ShardSealed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A shard of an export is written and durable; it gets its name together with all others."""

    ticket: str
    size_bytes: int
    digest: str


Work = ScanWork | ResolveWork | ExportWork
Found = Scanned | ShardStaged | SummariesChecked | ShardSealed
