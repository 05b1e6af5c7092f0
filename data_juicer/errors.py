"""Every exception of data_juicer.

    DataJuicerError                 exit 1
    ├── ConfigError                 a setting, recipe or command line is wrong: exit 2, nothing was created
    ├── InputError                  the dataset cannot be found or read
    │   └── UnreadableSourceError   no row of a source can be read: exit 2, nothing was created
    ├── JobError
    │   ├── JobNotFoundError
    │   ├── JobLockedError          another driver works on the job
    │   ├── ResumeRefusedError      what is on disk does not allow an honest resume
    │   ├── JobFailedError          partitions or the dead-letter budget gave out
    │   └── JobStoppedError         asked to stop by a signal: exit 128 + signal
    ├── StoreError                  a disk is full, a directory is gone or not writable
    ├── CheckpointError
    │   ├── CheckpointCorruptError  a document or its data is not what was written
    │   └── NewerFormatError        a newer data_juicer wrote the document; a ResumeRefusedError too
    ├── OperatorError               an operator raised where no row can be blamed
    └── BackendError
        ├── HeadLostError           the head of a Ray cluster does not answer any more
        └── WorkerLostError         transient: a worker was killed, crashed or hung

A message has up to four parts: where, what was found against what was expected, what is still safe, what to type.
Foreign errors (Arrow, OS, Ray) become one of these where they enter.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final, NamedTuple

COMMITTED_IS_SAFE: Final = "What was committed is safe"
"""Said of a job whose rows are under way; `correct_what_is_safe` puts it right where no row is."""


class FailedRun(NamedTuple):
    """The job of an error that a Python program caught: what of it is safe, and the call that goes on with it."""

    job_id: str
    partitions: int
    partitions_done: int
    rows: int
    rows_done: int
    rows_dead_letter: int
    resume: str
    """The call, such as `data_juicer.run('recipe.yaml', job_id='mine', resume='must')`."""

    def __str__(self) -> str:
        return (
            f"job {self.job_id}: {self.partitions_done:,} of {self.partitions:,} partitions "
            f"({self.rows_done:,} of {self.rows:,} rows) are committed and safe. To go on: {self.resume}"
        )


class DataJuicerError(Exception):
    """Base of all; `exit_code` is what a command ends with."""

    exit_code = 1
    job: FailedRun | None = None
    """Where `data_juicer.run` raised it after the job was opened."""
    exits_at_once = False
    """A library of the process cannot be ended in order any more: a command leaves right after its last words."""

    def correct_what_is_safe(self, *, has_committed: bool) -> None:
        """Make the message one of a refusal before the first row of a run.

        Args:
            has_committed: earlier runs of the job committed something.
        """
        safe = " and what was committed before is safe" if has_committed else ""
        self.args = tuple(
            part.replace(COMMITTED_IS_SAFE, f"No row was processed{safe}") if isinstance(part, str) else part
            for part in self.args
        )


@contextlib.contextmanager
def before_anything_is_begun() -> Iterator[None]:
    """Whatever refuses a run before its job is found does not say that what it committed is safe: it may be a new one."""
    try:
        yield
    except DataJuicerError as error:
        error.correct_what_is_safe(has_committed=False)
        raise


class ConfigError(DataJuicerError):
    exit_code = 2


class InputError(DataJuicerError):
    pass


class UnreadableSourceError(InputError):
    exit_code = 2


class JobError(DataJuicerError):
    pass


class JobNotFoundError(JobError):
    exit_code = 2


class JobLockedError(JobError):
    pass


class ResumeRefusedError(JobError):
    pass


class JobFailedError(JobError):
    pass


class JobStoppedError(JobError):
    """Carries the signal that asked: exit code 128 + its number."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


class StoreError(DataJuicerError):
    """`finding`: the message without what is safe and what to do; `reason`: what the system said, where it said something;
    `remedy`: the sentence that says what to do, where the store knows.
    """

    def __init__(self, finding: str, advice: str = "", *, reason: str = "", remedy: str = "") -> None:
        super().__init__(f"{finding} {advice}".rstrip())
        self.finding = finding
        self.reason = reason
        self.remedy = remedy


class CheckpointError(DataJuicerError):
    pass


class CheckpointCorruptError(CheckpointError):
    """`file`: the name of the data file that is not what was committed, where it is one."""

    def __init__(self, *parts: str, file: str = "") -> None:
        super().__init__(*parts)
        self.file = file


class NewerFormatError(ResumeRefusedError, CheckpointError):
    pass


class OperatorError(DataJuicerError):
    pass


class BackendError(DataJuicerError):
    pass


class HeadLostError(BackendError):
    """The head of a Ray cluster is gone or hangs; Ray's own shutdown would wait for it, or crash."""

    exits_at_once = True


class WorkerLostError(BackendError):
    pass
