"""data_juicer: fault-tolerant processing of training data.

import data_juicer
data_juicer.run("recipe.yaml", np=2)
data_juicer.load_job("20260313_180911_demo_b71c", work_dir="outputs")
"""

from data_juicer import safe_path

safe_path.begin_command()  # before anything else is imported

from data_juicer import version
from data_juicer.api import load_job, run
from data_juicer.errors import (
    BackendError,
    CheckpointError,
    ConfigError,
    DataJuicerError,
    InputError,
    JobError,
    JobFailedError,
    JobLockedError,
    JobNotFoundError,
    JobStoppedError,
    OperatorError,
    ResumeRefusedError,
    StoreError,
)

__all__ = [
    "BackendError",
    "CheckpointError",
    "ConfigError",
    "DataJuicerError",
    "InputError",
    "JobError",
    "JobFailedError",
    "JobLockedError",
    "JobNotFoundError",
    "JobResult",
    "JobStoppedError",
    "LoadedJob",
    "OperatorError",
    "ResumeRefusedError",
    "StoreError",
    "__version__",
    "load_job",
    "run",
]

__version__ = version.VERSION


def __getattr__(name: str) -> object:
    """`JobResult` and `LoadedJob` are imported when they are asked for: the engine is heavy, and `--help` must be fast."""
    if name in {"JobResult", "LoadedJob"}:
        from data_juicer.api import job

        return getattr(job, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
