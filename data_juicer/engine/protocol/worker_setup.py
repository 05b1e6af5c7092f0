"""What every worker of a job receives once, before its first attempt. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from data_juicer.formats import base as formats
from data_juicer.formats.registry import file_suffix
from data_juicer.job.layout import JobLayout
from data_juicer.store.codec import Compression, Format
from data_juicer.store.manifest import OperatorIdentity


class OperatorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An operator as the recipe has it."""

    name: str
    parameters: dict[str, object]


class WorkerSetup(msgspec.Struct, frozen=True, kw_only=True):
    job_id: str
    run: int
    job_dir: str
    event_logs_dir: str
    checkpoints_dir: str
    store_uri: str = "file:///"
    """What every worker opens; it serves all locations of the job."""
    operators: tuple[OperatorSpec, ...]
    identities: tuple[OperatorIdentity, ...]
    """Of each operator, as the driver found it: version, parameters with defaults, digests of assets."""
    resolve_keys: dict[int, str] = {}
    """Of the dataset operators, by their index; see plan/keys.py."""
    custom_operator_paths: tuple[str, ...] = ()
    text_key: str = "text"
    text_keys: tuple[str, ...]
    """The text columns that a row must have, of all operators together."""
    reader: str
    """The reader settings that enter the keys."""
    export: str
    """The export settings that enter the key of a result."""
    row_bytes_max: int
    null_text: Literal["dead_letter", "drop", "empty"] = "dead_letter"
    """What becomes of a row whose text is null or missing."""
    checkpoint_after: frozenset[int]
    checkpoint_format: Format
    checkpoint_compression: Compression
    batch_bytes_max: int = 64_000_000
    """Of what an operator is given at once, if it is more than one row."""
    batch_rows_max: int
    """Rows that an operator is given at once."""
    memory_map: bool = False
    preserve_intermediate: bool = False
    result_format: str
    export_options: formats.ExportOptions = formats.ExportOptions()
    result_compression: formats.Compression
    keep_stats: bool
    keep_hashes: bool = False
    row_stats: bool = False
    """Stats and tags of the rows of a result are written beside it, for the export."""
    analyze: bool = False
    """Filters measure only, and a result holds nothing but what they measured."""
    traced: frozenset[int] = frozenset()
    """Operators of which `trace_num` changed and as many dropped rows are sampled."""
    trace_num: int = 0
    seed: int = 0
    op_timeout_s: float = 0.0
    """Of an operator over what it is given at once, which is then announced each time; 0: no limit."""
    memory_bytes_max: int = 0
    """Of a worker; 0: no limit."""
    is_split: bool = False
    """Stages end where resources change; a worker may then never run some of the operators."""
    quarantine: bool = True
    """Bad rows become dead letters; False: the first one fails the job."""

    @property
    def layout(self) -> JobLayout:
        return JobLayout(
            job_id=self.job_id,
            job_dir=self.job_dir,
            event_logs_dir=self.event_logs_dir,
            checkpoints_dir=self.checkpoints_dir,
        )

    @property
    def checkpoint_suffix(self) -> str:
        """The extension of checkpoint files without its first dot."""
        return file_suffix(self.checkpoint_format, self.checkpoint_compression)

    @property
    def result_suffix(self) -> str:
        """The extension of result files without its first dot."""
        return file_suffix(self.result_format, self.result_compression)
