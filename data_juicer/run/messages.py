"""What driver and workers tell each other. Pure; the same on every backend, encoded where it crosses a process."""

from __future__ import annotations

from typing import Final

import msgspec

from data_juicer.plan.partitions import PartitionSpec
from data_juicer.store.ledger import OperatorLedger
from data_juicer.store.manifest import Manifest


class Attempt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One try of one partition. `name` is unique in the job, such as r2a1: run 2, attempt 1."""

    partition: PartitionSpec
    name: str
    number: int
    base: Manifest | None
    """The checkpoint to go on from; None: from the source."""


class AttemptStarted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    partition_id: int
    attempt: str
    worker: str


class CheckpointLoaded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    partition_id: int
    attempt: str
    operator_index: int
    rows: int
    duration_s: float


class CheckpointDamaged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The checkpoint to go on from is not what was committed; the attempt ended without having done anything."""

    partition_id: int
    attempt: str
    operator_index: int
    reason: str


class OperatorStarted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    partition_id: int
    attempt: str
    operator_index: int


class OperatorDone(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    partition_id: int
    attempt: str
    ledger: OperatorLedger


class Staged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Files of a stage are written and synced; they count once the driver has committed the manifest."""

    partition_id: int
    attempt: str
    manifest: Manifest


class AttemptDone(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Everything of the attempt was staged, the result last."""

    partition_id: int
    attempt: str
    duration_s: float


class AttemptFailed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """`transient`: worth another attempt. `fatal`: no partition can go on (a disk is full)."""

    partition_id: int
    attempt: str
    error_type: str
    message: str
    operator_index: int | None = None
    transient: bool = False
    fatal: bool = False
    lost: bool = False
    """The worker is gone: killed, crashed or hung."""
    trace: str = ""


Message = (
    AttemptStarted
    | CheckpointLoaded
    | CheckpointDamaged
    | OperatorStarted
    | OperatorDone
    | Staged
    | AttemptDone
    | AttemptFailed
)

ENDS: Final = (AttemptDone, AttemptFailed, CheckpointDamaged)
"""The last message of an attempt is one of these, and no other is."""
