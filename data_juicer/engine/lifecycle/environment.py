"""What a run is given from outside, and what it gives back."""

from __future__ import annotations

import msgspec

from data_juicer.clock import Clock
from data_juicer.engine.protocol.backend import Backend
from data_juicer.engine.run_context import RunControl
from data_juicer.events.view import JobView
from data_juicer.job.summary import JobSummary
from data_juicer.storage.base import Store
from data_juicer.storage.capabilities import AdvisoryLock


class JobOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended well."""

    summary: JobSummary
    view: JobView
    already_complete: bool = False
    """Nothing was done: an earlier run had completed the same job."""


class RunEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job writes, which time it reads, who executes its tasks, who watches it and may stop it."""

    store: Store
    clock: Clock
    backend: Backend
    """`run_job` closes it."""
    control: RunControl = msgspec.field(default_factory=RunControl)
    advisory: AdvisoryLock | None = None
    """The lock of this machine; the operating system's unless a test gives its own."""
