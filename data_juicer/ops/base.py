"""What an operator is.

    Operator        name, version, parameters, what it reads; partition-local or a dataset operator
    ├── Mapper      rows -> rows, field values change, rows may be generated
    │   └── TextMapper   one text column -> one text column
    ├── Filter      stats for each row, then a decision from the stats alone
    └── DatasetOperator   summaries of all rows, then a decision about each (docs/design/0004-dataset-operators.md)

An operator is made from the parameters of its recipe entry alone and holds nothing that a run changes, so that any
worker on any machine computes the same. Heavy modules and models are loaded in `prepare`, not in `__init__`: the driver
makes every operator to check its parameters and never runs one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from data_juicer.errors import ConfigError
from data_juicer.ops.operator_resources import OperatorResources

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from data_juicer.kernels.arrays import Mask
    from data_juicer.ops.context import OperatorContext
    from data_juicer.ops.dataset.scratch import Scratch
    from data_juicer.ops.dataset.summaries import Summaries
    from data_juicer.rows.batch import Batch

Kind = Literal["mapper", "filter", "deduplicator", "selector", "grouper", "aggregator"]
Scope = Literal["partition", "dataset"]
LedgerOutcome = Literal["duplicate", "filtered", "grouped"]


class Operator(ABC):
    """Base of all operators. Parameters are keyword arguments of `__init__`, with DataJuicer's names and defaults."""

    name: ClassVar[str]
    kind: ClassVar[Kind]
    scope: ClassVar[Scope] = "partition"
    version: ClassVar[int | str] = 1
    """Raised whenever the output of a built-in operator changes; for a custom one the digest of its source file."""

    draws: ClassVar[bool] = False
    """Draws at random: the job's seed decides the result, and is part of the key of a checkpoint."""

    batch_bytes_max: ClassVar[int] = 0
    """Of what it is given at once, if more than one row; 0: what the job allows. `row_bytes` says how rows count."""

    hash_field: ClassVar[str] = ""
    """Where it can leave what it compared rows by; empty: it leaves nothing."""
    keeps_hashes: bool = False
    """Whether it does (`keep_hashes_in_res_ds`); its checkpoints are others then."""

    text_key: str = "text"
    seed: int = 42
    """Of the job; set by the registry for an operator that draws."""
    canonical: bytes = b"{}"
    """The parameters that decide the result, as JSON; set by the registry, part of the key of a checkpoint."""
    resources: OperatorResources = OperatorResources()
    """What a worker must have to run this operator; set by the registry from the recipe's entry, or from what the class
    declares (`num_cpus`, `num_gpus`, `memory`, `num_proc`). Decides no result, and is in no key."""

    def text_keys_read(self) -> tuple[str, ...]:
        """The text columns that every row must have for this operator; rows without are dead letters."""
        return (self.text_key,)

    def text_keys_made(self) -> tuple[str, ...]:
        """Text columns that this operator gives to every row; operators after it read them though the source has none."""
        return ()

    def reads_suffix(self) -> bool:
        """Whether this operator reads the field `__dj__suffix__`, which readers then give to rows without it."""
        return False

    def measures(self) -> bool:
        """Whether rows may get stats or tags of this operator, which `NAME_stats.jsonl` beside the export holds."""
        return False

    def assets(self) -> tuple[str, ...]:
        """Files that decide the result beside the parameters (word lists, models); their digests enter the key."""
        return ()

    assets_are_many: ClassVar[bool] = False
    """They have one digest together, so that a manifest need not name each."""

    def notices(self) -> tuple[str, ...]:
        """What the author of the recipe is told about this operator before the job begins, a sentence each."""
        return ()

    def row_bytes(self, batch: Batch) -> npt.NDArray[np.int64]:
        """How much of `batch_bytes_max` each row takes, shape (rows,): its own bytes, or those of files that it refers to."""
        return batch.row_bytes()

    def references_read(self) -> tuple[str, ...]:
        """Fields whose values are paths of files that decide the result, a path or a list of them a row.

        The files count as part of the input: a partition one of whose files changed is processed again.
        """
        return ()

    def prepare(self, context: OperatorContext | None = None) -> None:  # noqa: B027 - most operators have nothing to load
        """Load what `process` needs; called once in each worker process, before the first batch.

        Args:
            context: what the operator may use of the outside; None where it is tried out without a job. An operator whose
                `prepare` takes no argument is called without.
        """


class Mapper(Operator):
    kind: ClassVar[Kind] = "mapper"

    @abstractmethod
    def process(self, batch: Batch) -> Batch:
        """The rows after this operator. May raise: the rows are then isolated by halving."""


class TextMapper(Mapper):
    """A mapper of one text column."""

    def process(self, batch: Batch) -> Batch:
        return batch.with_text(self.text_key, self.map_text(batch.text(self.text_key)))

    @abstractmethod
    def map_text(self, text: pa.Array) -> pa.Array:
        """large_string, shape (rows,), no nulls -> the same."""


class Filter(Operator):
    kind: ClassVar[Kind] = "filter"
    keep_attributes: ClassVar[frozenset[str]] = frozenset()
    """Attributes that decide in `keep` alone: with another value of theirs the stats of a row stay what they are."""
    measures_only: bool = False
    """Every row is kept, and `keep` is not asked; see `as_measuring`."""

    def measures(self) -> bool:
        return True

    @abstractmethod
    def compute_stats(self, batch: Batch) -> Mapping[str, pa.Array]:
        """The stats of this filter by name, each shape (rows,)."""

    @abstractmethod
    def keep(self, stats: Mapping[str, pa.Array]) -> Mask:
        """From the stats alone: which rows stay, shape (rows,)."""

    def explain(self, row_stats: Mapping[str, Any]) -> str:
        """Why a row with these stats was dropped, for people."""
        return ", ".join(f"{name} = {value}" for name, value in row_stats.items())


def as_asked(operator: Operator, *, measures_only: bool = False, keeps_hashes: bool = False) -> Operator:
    """The operator as the settings of the job want it. Raises: ConfigError: it cannot be so."""
    if keeps_hashes and operator.hash_field:
        operator.keeps_hashes = True
        operator.version = f"{operator.version}-hashes"  # type: ignore[misc] # of this one, not of its class
    return as_measuring(operator) if measures_only else operator


def as_measuring(operator: Operator) -> Operator:
    """A filter that measures every row and drops none; its checkpoints are others than those of one that drops.

    Raises: ConfigError: it is no filter.
    """
    if not isinstance(operator, Filter):
        raise ConfigError(f"analyze: {operator.name} is a {operator.kind}; only filters measure")
    operator.measures_only = True
    operator.version = f"{operator.version}-measures"  # type: ignore[misc] # of this one, not of its class
    return operator


class DatasetOperator(Operator):
    """Decides about a row from all rows. Each of its steps is committed; none may depend on how rows are partitioned."""

    scope: ClassVar[Scope] = "dataset"
    ledger_outcome: ClassVar[LedgerOutcome]
    """How the ledger names rows that it removes."""
    collects_rows: ClassVar[bool] = False
    """Makes rows of whole rows from all partitions: those are beside the summaries (ops/dataset/grouping/)."""

    @abstractmethod
    def summarise(self, batch: Batch) -> pa.Table:
        """What `resolve` has to know of each row, shape (rows,), in the order of the batch."""

    @abstractmethod
    def resolve(self, summaries: Summaries, scratch: Scratch) -> Iterator[pa.Table]:
        """One decision table a partition, in the order of the input: with one row a row, or, of an operator that
        collects, with one row for each that goes into the rows of this partition.

        Runs in the memory that `scratch` names, out of core where the summaries do not fit.
        """

    @abstractmethod
    def apply(self, batch: Batch, decision: pa.Table) -> Batch:
        """The rows after this operator; `decision` has one row for each of the batch.

        An operator that collects rows is given the whole partition, and the rows that go into those that it makes.
        """


class RowRemover(DatasetOperator):
    """A dataset operator that keeps rows or removes them; its decisions say so in a column `keep`."""

    def apply(self, batch: Batch, decision: pa.Table) -> Batch:
        return batch.select(decision.column("keep").to_numpy())


def parameters_of(recipe_entry: str | Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """A recipe entry, `name` or `{name: {parameter: value}}`, as name and parameters.

    Raises: ValueError: the entry has another form.
    """
    if isinstance(recipe_entry, str):
        return recipe_entry, {}
    if len(recipe_entry) == 1:
        ((name, parameters),) = recipe_entry.items()
        if parameters is None:
            return name, {}
        if isinstance(parameters, Mapping):
            return name, dict(parameters)
    raise ValueError("an operator is written as `name` or as `name: {parameter: value}`")
