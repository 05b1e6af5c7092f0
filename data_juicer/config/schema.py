"""Every setting: name, type, default, bounds, one line of help. Pure; the one source of flags, checks and reference.

An object that exists is valid and complete: values are checked and brought to their form on construction, and what
follows from other settings (`compression: auto`, the export type, the work directory) is filled in.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from data_juicer.config import paths, rules
from data_juicer.config.secrets import Secret
from data_juicer.config.sections import (
    MB_MAX,
    CheckpointConfig,
    CostConfig,
    EventLoggingConfig,
    FaultToleranceConfig,
    IntermediateStorageConfig,
    LineageConfig,
    MetricsConfig,
    PartitionConfig,
    TracingConfig,
    check_fields,
    setting,
)
from data_juicer.config.sources.arguments import Arguments, read_options
from data_juicer.config.sources.entries import Dataset, DatasetConfig, DatasetSource, OperatorEntry, Process
from data_juicer.config.sources.validators import RequiredFields, Validators
from data_juicer.config.spec import PATH, Choice, Flag, Integer, Names, Spec, Text
from data_juicer.config.wording import one_line
from data_juicer.errors import ConfigError
from data_juicer.formats.base import ReadOptions
from data_juicer.formats.hub import location as hub_location
from data_juicer.formats.registry import EXPORTS

__all__ = [
    "CheckpointConfig",
    "DatasetConfig",
    "DatasetSource",
    "EventLoggingConfig",
    "FaultToleranceConfig",
    "IntermediateStorageConfig",
    "JobConfig",
    "OperatorEntry",
    "PartitionConfig",
]

_JOB_ID: Final = r"(?![.-])[A-Za-z0-9._-]{1,128}"
_JOB_ID_WORDS: Final = (
    "a name of 1 to 128 characters from A-Z a-z 0-9 . _ - that does not begin with a dot or a dash"
)

_EITHER_TYPE: Final = " or ".join(", ".join(EXPORTS).rsplit(", ", 1))
"""Values of `export_type`, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """How much of each input is taken."""

    weights: tuple[float, ...]
    """Of the inputs, in their order."""
    max_sample_num: int | None


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JobConfig:
    """A job as it was asked for."""

    SECTIONS: ClassVar[Mapping[str, type]] = {
        "partition": PartitionConfig,
        "fault_tolerance": FaultToleranceConfig,
        "checkpoint": CheckpointConfig,
        "intermediate_storage": IntermediateStorageConfig,
        "event_logging": EventLoggingConfig,
        "metrics": MetricsConfig,
        "tracing": TracingConfig,
        "lineage": LineageConfig,
        "cost": CostConfig,
    }

    project_name: str = setting(
        "hello_world",
        Text(
            help="Name of the project.", nullable=False, pattern=".{1,256}", what="a text of 1 to 256 letters"
        ),
    )
    dataset_path: tuple[str, ...] = setting(
        (),
        Names(
            help="Input: a file, a folder, a glob, or a list of them.",
            what=PATH,
            comma=False,
            result=True,
        ),
    )
    dataset: DatasetConfig | None = setting(  # noqa: RUF009 - setting() declares a field
        None,
        Dataset(help="Input in DataJuicer's long form, `configs: [{type: local, path: ...}]`.", result=True),
    )
    load_dataset_kwargs: Mapping[str, Any] = setting(
        dict,
        Arguments(
            help="How the input is read: encoding (text), delimiter, quotechar, column_names (CSV), field (JSON), "
            "columns (Parquet, Arrow).",
            result=True,
        ),
    )
    validators: tuple[RequiredFields, ...] = setting(
        (),
        Validators(
            help="What the first rows of each file must have, `[{type: required_fields, required_fields: [...]}]`."
        ),
    )
    suffixes: tuple[str, ...] = setting(
        (),
        Names(
            help="Suffixes of the files to read in a folder; empty: all known.", what="a suffix", result=True
        ),
    )
    add_suffix: bool = setting(
        False,
        Flag(
            help="Operators find the suffix of a row's file in the field __dj__suffix__; always so for those that need it.",
            result=True,
        ),
    )
    text_keys: tuple[str, ...] = setting(
        ("text",),
        Names(
            help="Fields that hold the text; operators take the first.",
            what="a field name",
            least=1,
            result=True,
        ),
    )
    null_text: str = setting(
        "drop",
        Choice(
            help="A row whose text is null or missing: left out and counted, a dead letter, or an empty text.",
            choices=("drop", "dead_letter", "empty"),
            result=True,
        ),
    )
    process: tuple[OperatorEntry, ...] = setting((), Process(help="The operators, in order.", result=True))
    custom_operator_paths: tuple[str, ...] = setting(
        (), Names(help="Files or folders with operators of your own.", what=PATH)
    )
    export_path: str = setting(
        "./outputs/hello_world/hello_world.jsonl",
        Text(help="Where the result goes.", nullable=False, what=PATH),
    )
    export_type: str = setting(
        "",
        Text(
            nothing="",
            help=f"{_EITHER_TYPE}.",
            pattern="|".join(EXPORTS).replace(".", r"\."),
            what=f"one of {', '.join(EXPORTS)}",
            default_note="from the suffix of export_path",
            result=True,
        ),
    )
    export_extra_args: Mapping[str, Any] = setting(
        dict,
        Arguments(
            help="How the result is written: row_group_size, compression, compression_level (Parquet, Arrow), "
            "delimiter, header (CSV), export_stats (all), tokenizer, text_key, append_eod, eod_token (megatron).",
            result=True,
        ),
    )
    export_shard_size: int = setting(
        0, Integer(help="Bytes at which the result goes on in another file; 0: one file.", result=True)
    )
    overwrite_export: bool = setting(
        True,
        Flag(
            help="Replace files at export_path that the job did not write, with a warning that names their job; "
            "false: refuse to begin."
        ),
    )
    analyze: bool = setting(
        False,
        Flag(
            help="Filters measure every row and drop none; the result is what they measured. dj-analyze sets it.",
            result=True,
        ),
    )
    keep_stats_in_res_ds: bool = setting(
        False, Flag(help="Keep the stats of filters in the result, as __dj__stats__.", result=True)
    )
    keep_hashes_in_res_ds: bool = setting(
        False,
        Flag(
            help="Keep what deduplicators of whole texts compare rows by in the result, as __dj__hash (md5) or "
            "__dj__simhash.",
            result=True,
        ),
    )
    work_dir: str = setting(
        "",
        Text(
            nothing="",
            help="Where jobs have their directories.",
            what=PATH,
            default_note="the folder of export_path",
        ),
    )
    job_id: str | None = setting(
        None,
        Text(
            help="Name of the job; that of an existing one resumes it.",
            pattern=_JOB_ID,
            what=_JOB_ID_WORDS,
            default_note="time, recipe and a random suffix",
        ),
    )
    resume: str | None = setting(
        None,
        Text(
            help="Id of a job to go on with; as job_id, but refused where there is no such job.",
            pattern=_JOB_ID,
            what=_JOB_ID_WORDS,
        ),
    )
    new: bool = setting(False, Flag(help="Begin a job; refused where one of this id exists."))
    event_log_dir: str | None = setting(
        None,
        Text(help="Directory for event logs, on fast storage.", what=PATH, default_note="the job's own"),
    )
    checkpoint_dir: str | None = setting(
        None,
        Text(help="Directory for checkpoints, on large storage.", what=PATH, default_note="the job's own"),
    )
    executor_type: str = setting(
        "default",
        Choice(
            help="Who does the work; default: worker processes here (local); inline: this process; "
            "ray_partitioned (ray): workers on a Ray cluster.",
            choices=("default", "inline", "local", "ray_partitioned", "ray"),
        ),
    )
    np: int | None = setting(
        None,
        Integer(
            help="Worker processes.",
            minimum=1,
            maximum=4096,
            nullable=True,
            default_note="as many as cores; with the ray executors as many as the cluster has place for",
        ),
    )
    ray_address: str = setting(
        "auto",
        Text(
            help="Ray cluster, with the ray executors: an address; local starts one here; auto takes one that "
            "runs, or else starts one.",
            nullable=False,
            what="an address",
        ),
    )
    seed: int = setting(42, Integer(help="Seed of operators that draw at random.", result=True))
    verify_input: bool = setting(
        False, Flag(help="On a resume, read sources again even if size and time are the same.")
    )
    resolve_memory_mb: int = setting(
        1024, Integer(help="Memory for dataset-wide operators, in MB.", minimum=1, maximum=MB_MAX * 64)
    )
    open_tracer: bool = setting(False, Flag(help="Record samples of what operators changed and dropped."))
    op_list_to_trace: tuple[str, ...] = setting(
        (), Names(help="Operators to trace; empty: all.", what="an operator name")
    )
    trace_num: int = setting(10, Integer(help="Samples of each traced operator."))

    partition: PartitionConfig = field(default_factory=PartitionConfig)
    fault_tolerance: FaultToleranceConfig = field(default_factory=FaultToleranceConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    intermediate_storage: IntermediateStorageConfig = field(default_factory=IntermediateStorageConfig)
    event_logging: EventLoggingConfig = field(default_factory=EventLoggingConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    tracing: TracingConfig = field(default_factory=TracingConfig)
    lineage: LineageConfig = field(default_factory=LineageConfig)
    cost: CostConfig = field(default_factory=CostConfig)

    recipe_path: str | None = field(default=None, compare=False)
    """The file the recipe came from, for the resume command; None where it came from a caller."""
    arguments: tuple[str, ...] = field(default=(), compare=False)
    """Words after `dj-process` that ask for the same; empty where a program gave the recipe."""
    secrets: tuple[Secret, ...] = field(default=(), compare=False, repr=False)
    """Secrets among the parameters of operators, and the variables that stand for them where settings are stored."""
    notices: tuple[str, ...] = field(default=(), compare=False)
    """Lines to show at the start: settings that have no effect here."""

    def __post_init__(self) -> None:
        check_fields(self, "")
        if problem := find_problem(self.flat()):
            raise ConfigError(one_line(": ".join(problem)))
        if self.np is None and not self.executor_type.startswith("ray"):
            object.__setattr__(self, "np", usable_cores())
        object.__setattr__(self, "job_id", self.job_id or self.resume)
        object.__setattr__(self, "export_type", rules.export_type_of(self.export_path, self.export_type))
        object.__setattr__(self, "work_dir", paths.work_dir_of(self.export_path, self.work_dir))

    def flat(self) -> dict[str, Any]:
        """Dotted key -> value, of all settings."""
        values = {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self)
            if "spec" in each.metadata
        }
        for section, kind in self.SECTIONS.items():
            part = getattr(self, section)
            values |= {
                f"{section}.{each.name}": getattr(part, each.name) for each in dataclasses.fields(kind)
            }
        return values

    def sources(self) -> tuple[str, ...]:
        """The inputs, in order, whichever of dataset_path and dataset named them."""
        if self.dataset is not None:
            return tuple(source.path for source in self.dataset.configs)
        return self.dataset_path

    def locations(self) -> tuple[str, ...]:
        """Everything that a run reads or writes beside the recipe, as far as settings name it."""
        directories = (self.work_dir, self.event_log_dir or "", self.checkpoint_dir or "")
        sources = (path for path in self.sources() if not path.startswith(hub_location.SCHEME))
        indexes = [path for entry in self.process for path in entry.index_locations()]
        return (*sources, self.export_path, *directories, *self.custom_operator_paths, *indexes)

    def mixture(self) -> Mixture | None:
        """How much of each input is taken; None: every row once."""
        dataset = self.dataset
        if dataset is None:
            return None
        weights = tuple(source.weight for source in dataset.configs)
        if dataset.max_sample_num is None and all(weight == 1.0 for weight in weights):
            return None
        return Mixture(weights=weights, max_sample_num=dataset.max_sample_num)

    def read_options(self) -> tuple[ReadOptions, ...]:
        """How each of the inputs is read."""
        own: list[Mapping[str, Any]] = (
            [{} for _ in self.dataset_path]
            if self.dataset is None
            else [source.load_dataset_kwargs for source in self.dataset.configs]
        )
        return tuple(read_options({**self.load_dataset_kwargs, **each}) for each in own)


def _specs() -> dict[str, Spec]:
    kinds = {"": JobConfig, **{section + ".": kind for section, kind in JobConfig.SECTIONS.items()}}
    return {
        prefix + each.name: each.metadata["spec"]
        for prefix, kind in kinds.items()
        for each in dataclasses.fields(kind)
        if "spec" in each.metadata
    }


SPECS: Final[Mapping[str, Spec]] = _specs()
"""Dotted key -> description, of every setting there is."""


def _default(key: str) -> Any:
    section, _, name = key.rpartition(".")
    kind = JobConfig.SECTIONS[section] if section else JobConfig
    each = next(each for each in dataclasses.fields(kind) if each.name == name)
    if each.default_factory is not dataclasses.MISSING:
        return each.default_factory()
    return each.default


DEFAULTS: Final[Mapping[str, Any]] = {key: _default(key) for key in SPECS}
"""Dotted key -> default; those that follow from other settings are not filled in."""


def find_problem(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first setting, of values by dotted key, that does not go with the others."""
    return rules.find_conflict(values)
