"""The phases of a run: up to each dataset-wide operator, then to the results."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from data_juicer.engine.driver.driver import DriverOutcome
from data_juicer.engine.protocol.worker_setup import WorkerSetup
from data_juicer.engine.run_context import stopped_by
from data_juicer.errors import JobFailedError
from data_juicer.ops.base import Operator
from data_juicer.plan.keys import plan_resolve_keys
from data_juicer.plan.partitions import PartitionSpec


def dataset_operator_indices(operators: Sequence[Operator]) -> frozenset[int]:
    """The dataset-wide operators. Pure."""
    return frozenset(index for index, operator in enumerate(operators) if operator.scope == "dataset")


def with_resolve_keys(
    setup: WorkerSetup, operators: Sequence[Operator], partitions: Sequence[PartitionSpec]
) -> WorkerSetup:
    """The setup of workers, told what the keys behind dataset-wide operators depend on. Pure."""
    keys = plan_resolve_keys(
        setup.reader,
        setup.identities,
        dataset_operator_indices(operators),
        [partition.digest for partition in partitions],
    )
    return msgspec.structs.replace(setup, resolve_keys=keys)


def check_outcome(outcome: DriverOutcome, partitions: int, given_up_error: str | None) -> None:
    """Raises: JobStoppedError, JobFailedError: not every partition that was to be run is committed."""
    if outcome.stopped_by is not None:
        raise stopped_by(outcome.stopped_by)
    if outcome.given_up:
        some = ", ".join(str(partition_id) for partition_id in outcome.given_up[:3])
        count = len(outcome.given_up)
        raise JobFailedError(
            f"{count} of {partitions} partitions failed ({some}{', ...' if count > 3 else ''}): "
            f"{given_up_error or 'see the event log'}. What was committed is safe. Mend what it says, or allow more "
            "with --fault_tolerance.max_retries, and start the job again: it does what is left."
        )
