"""The groups of settings below a name of their own: partition, fault_tolerance, checkpoint, storage, events. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Final

from data_juicer.config import rules
from data_juicer.config.sources.plain import InvalidValueError
from data_juicer.config.spec import PATH, Choice, Flag, Integer, Names, Number, Spec, Text
from data_juicer.config.wording import one_line
from data_juicer.errors import ConfigError

MB_MAX: Final = 1 << 20
ROWS_MAX: Final = 2**31 - 1  # row numbers of a checkpoint are int32


def setting(default: Any, spec: Spec) -> Any:
    """A field with its description; a callable default is computed for each object."""
    if callable(default):
        return field(default_factory=default, metadata={"spec": spec})
    return field(default=default, metadata={"spec": spec})


def check_fields(part: Any, section: str) -> None:
    """Bring each field to its form. Raises: ConfigError: a value is not allowed."""
    for each in dataclasses.fields(part):
        if spec := each.metadata.get("spec"):
            try:
                object.__setattr__(part, each.name, spec.read(getattr(part, each.name)))
            except InvalidValueError as error:
                raise ConfigError(one_line(f"{section}{each.name}{error.below}: {error}")) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionConfig:
    """How the input is cut."""

    size: int = setting(
        1000,
        Integer(help="Rows of a partition.", minimum=1, maximum=ROWS_MAX, nullable=True, nothing=1000),
    )
    max_size_mb: int = setting(
        64, Integer(help="A partition ends early at so many MB of input.", minimum=1, maximum=MB_MAX)
    )
    auto_configure: bool = setting(
        False, Flag(help="Choose size from the data; size and max_size_mb give way.")
    )
    materialize: str = setting(
        "auto",
        Choice(
            help="Copy the input into partitions/: always, or only where it cannot be read by range.",
            choices=("auto", "always"),
        ),
    )
    join_files: str = setting(
        "auto",
        Choice(
            help="Read small files side by side as one partition: in inputs of many (auto), always or never.",
            choices=("auto", "always", "never"),
        ),
    )
    max_row_mb: int = setting(
        64,
        Integer(
            help="A longer row is a dead letter instead of being read.",
            minimum=1,
            maximum=MB_MAX,
            result=True,
        ),
    )

    def __post_init__(self) -> None:
        check_fields(self, "partition.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultToleranceConfig:
    """What happens when something fails."""

    enabled: bool = setting(True, Flag(help="Retry lost work; false: a first failure fails the partition."))
    max_retries: int = setting(
        3, Integer(help="Tries of a partition after the first, where a worker was lost.", maximum=1000)
    )
    retry_backoff: str = setting(
        "exponential",
        Choice(help="Growth of the wait before a retry.", choices=("exponential", "linear", "fixed")),
    )
    max_dead_letter_ratio: float = setting(
        0.01,
        Number(help="The job fails when more of its rows than this share are dead letters.", maximum=1.0),
    )
    on_bad_row: str = setting(
        "quarantine",
        Choice(
            help="A row that fails: set aside in dead_letter/, or the job fails.",
            choices=("quarantine", "fail"),
        ),
    )
    worker_memory_mb: int = setting(
        0, Integer(help="Memory limit of a worker, in MB; 0: none.", maximum=MB_MAX * 64)
    )
    op_timeout_s: float = setting(
        0.0, Number(help="Longest time of an operator over a batch, in seconds; 0: none.", maximum=1e7)
    )
    speculate: str = setting(
        "auto",
        Choice(
            help="A partition that runs 3 times longer than 95 % of the others is begun again on another worker, and what ends "
            "first counts; auto: with the ray executors.",
            choices=("auto", "always", "never"),
        ),
    )
    drain_s: float = setting(
        30.0, Number(help="Seconds to finish work in flight after SIGINT or SIGTERM.", maximum=1e7)
    )

    def __post_init__(self) -> None:
        check_fields(self, "fault_tolerance.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointConfig:
    """After which operators a partition is saved."""

    enabled: bool = setting(True, Flag(help="Save checkpoints; false is the strategy disabled."))
    strategy: str = setting(
        "every_op",
        Choice(
            help="When to save; auto: where the work that a failure would cost outweighs saving it.",
            choices=("every_op", "every_partition", "every_n_ops", "manual", "auto", "disabled"),
        ),
    )
    n_ops: int = setting(1, Integer(help="Operators between two checkpoints, with every_n_ops.", minimum=1))
    overhead_max: float = setting(
        0.03,
        Number(help="Share of the time of operators that saving may take, with auto.", maximum=1.0),
    )
    op_names: tuple[str, ...] = setting(
        (), Names(help="Operators after which to save, with manual.", what="an operator name")
    )

    def __post_init__(self) -> None:
        check_fields(self, "checkpoint.")


@dataclass(frozen=True, slots=True, kw_only=True)
class IntermediateStorageConfig:
    """Files of checkpoints and intermediate data."""

    format: str = setting(
        "parquet",
        Choice(help="Format of checkpoints and intermediate data.", choices=tuple(rules.COMPRESSIONS)),
    )
    compression: str = setting(
        "auto",
        Choice(
            help="Their compression; auto: snappy for parquet, none for arrow and jsonl.",
            choices=("auto", "snappy", "gzip", "zstd", "lz4", "none"),
        ),
    )
    use_arrow_batches: bool = setting(
        True, Flag(help="Give operators batches of rows; false: the whole partition at once.")
    )
    arrow_batch_size: int = setting(
        500, Integer(help="Rows of a batch that operators are given.", minimum=1, maximum=ROWS_MAX)
    )
    arrow_memory_mapping: bool = setting(
        False, Flag(help="Map checkpoints into memory instead of reading them.")
    )
    preserve_intermediate_data: bool = setting(
        False, Flag(help="Keep the rows after each operator under intermediate/, for people to open.")
    )
    cleanup_temp_files: bool = setting(True, Flag(help="Remove staged and temporary files when a run ends."))
    set_aside_max_mb: int = setting(
        4096,
        Integer(
            help="Work that changed settings made useless is kept up to this size, in MB, for when they are changed back.",
            maximum=MB_MAX * 64,
        ),
    )
    keep_results: str = setting(
        "auto",
        Choice(
            help="Whether rows of partitions stay in results/ beside an export that holds the same bytes; auto: only small ones do.",
            choices=("auto", "always", "never"),
        ),
    )
    cleanup_on_success: bool = setting(
        False, Flag(help="Remove checkpoints and intermediate data after success.")
    )
    retention_policy: str = setting(
        "keep_all",
        Choice(
            help="Checkpoints that stay: all; those of unfinished partitions; none once the job succeeded.",
            choices=("keep_all", "keep_failed_only", "cleanup_all"),
        ),
    )
    max_retention_days: int = setting(
        7,
        Integer(
            help="Checkpoints of jobs completed more days ago go when a job starts in the same work_dir.",
            maximum=36500,
        ),
    )

    def __post_init__(self) -> None:
        check_fields(self, "intermediate_storage.")
        if problem := rules.storage_conflict(self.format, self.compression):
            raise ConfigError(f"intermediate_storage.compression: {problem}")
        object.__setattr__(self, "compression", rules.compression_of(self.format, self.compression))


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLoggingConfig:
    """The event log."""

    enabled: bool = setting(True, Flag(help="Write the event log."))
    max_log_size_mb: int = setting(
        100, Integer(help="Size at which a log file is rotated, in MB.", minimum=1, maximum=MB_MAX)
    )
    backup_count: int = setting(5, Integer(help="Rotated files to keep.", maximum=10000))

    def __post_init__(self) -> None:
        check_fields(self, "event_logging.")


_ADDRESS: Final = r"https?://\S{1,2000}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsConfig:
    """Numbers of a run for Prometheus; off as they are."""

    port: int = setting(
        0,
        Integer(
            help="Port at which a run answers Prometheus; 0: none. Needs the extra metrics.", maximum=65535
        ),
    )
    host: str = setting(
        "127.0.0.1",
        Text(
            help="Address to listen at; 127.0.0.1 is this machine alone.",
            nullable=False,
            pattern=r"[A-Za-z0-9.:_-]{1,255}",
            what="an address",
        ),
    )
    file: str | None = setting(
        None, Text(help="File that a run writes them to, for node_exporter's textfile collector.", what=PATH)
    )

    def __post_init__(self) -> None:
        check_fields(self, "metrics.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingConfig:
    """Spans of a run for OpenTelemetry; off as they are."""

    endpoint: str | None = setting(
        None,
        Text(
            help="Address of a collector (OTLP over HTTP). Needs the extra tracing.",
            pattern=_ADDRESS,
            what="an http address",
        ),
    )

    def __post_init__(self) -> None:
        check_fields(self, "tracing.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageConfig:
    """Events of a run for OpenLineage; off as they are."""

    file: str | None = setting(None, Text(help="File that they are appended to, a line each.", what=PATH))
    endpoint: str | None = setting(
        None,
        Text(
            help="Address that they are posted to; OPENLINEAGE_API_KEY is its key.",
            pattern=_ADDRESS,
            what="an http address",
        ),
    )
    namespace: str = setting(
        "data_juicer",
        Text(
            help="Namespace of the jobs.", nullable=False, pattern=r"\S{1,256}", what="a name without spaces"
        ),
    )

    def __post_init__(self) -> None:
        check_fields(self, "lineage.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CostConfig:
    """Prices, in whatever currency; what a job costs is shown where one is set."""

    core_hour: float = setting(0.0, Number(help="Price of a core for an hour; 0: no amount is shown."))
    gb_read: float = setting(0.0, Number(help="Price of reading a GB of input."))
    gb_written: float = setting(0.0, Number(help="Price of writing a GB of checkpoints and results."))
    currency: str = setting(
        "", Text(help="Shown after amounts.", nullable=False, pattern=".{0,8}", what="at most 8 letters")
    )

    def __post_init__(self) -> None:
        check_fields(self, "cost.")
