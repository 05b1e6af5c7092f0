"""What an operator may use of the outside while it runs in one worker: files by URI, the job's seed, folders."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from data_juicer.storage.base import Store
    from data_juicer.storage.files import Reader


Rows = Iterator[tuple[str, int, Mapping[str, Any]]]


class ProducedFiles(Protocol):
    """The files of the attempt under way."""

    def make(self, data: bytes, suffix: str) -> str:
        """The reference to a new file. Raises: ValueError."""

    def find(self, reference: str) -> str | None:
        """The path of a file that an operator before made; None for any other reference."""


class OperatorContext(msgspec.Struct, frozen=True, kw_only=True):
    """Of one operator in one worker; handed to `prepare`, and kept by the operator where `process` needs it."""

    store: Store
    """Reads files that rows refer to, wherever they lie. Nothing is written through it."""
    seed: int = 42
    """Of the job."""
    text_keys: tuple[str, ...] = ("text",)
    """The text columns that every row of the job has."""
    cache_root: str = ""
    """`cache_dir` is below it."""
    cache_name: str = ""

    read_rows: Callable[[Sequence[str]], Rows] | None = None
    """The rows of whole files, folders or patterns of any format, each with its file and its number there from 0."""
    identity: str = ""
    """Digest of all of the operator that decides its output, assets included; empty where it is not known."""
    is_changed: Callable[[], bool] = lambda: False
    """Whether an asset is not what it was when the job began."""
    produced: ProducedFiles | None = None
    """Where `produce` puts files; None where an operator is tried out without a job."""

    def produce(self, data: bytes, suffix: str = "") -> str:
        """Make a file of these bytes, with a suffix such as `.png`.

        Returns: the reference that a row is to hold: a path beside the export, the same for the same bytes in every attempt and run. The
            file is durable once the stage is committed, and is there once the job is complete; `open` and `read` find it before.
        Raises: ValueError: the suffix is no short one, or there is no job.
        """
        if self.produced is None:
            raise ValueError("a file can be made in a job alone")
        return self.produced.make(data, suffix)

    @property
    def cache_dir(self) -> str:
        """A folder of this machine, for this operator at this version, that outlives the job; created when it is asked for.

        What is there may be gone at any time, and several workers use it at once: put files there by renaming them.
        """
        path = os.path.join(self.cache_root, self.cache_name)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def _path(self, reference: str) -> str:
        return (self.produced and self.produced.find(reference)) or reference

    def open(self, reference: str) -> Reader:
        """A file that a row refers to, to be read by ranges. Raises: FileNotFoundError, StoreError."""
        return self.store.open_read(self._path(reference))

    def read(self, reference: str) -> bytes:
        """All bytes of a file that a row refers to. Raises: FileNotFoundError, StoreError."""
        return self.store.read(self._path(reference))


class Preparable(Protocol):
    """An operator of either interface."""

    @property
    def prepare(self) -> Callable[..., None]: ...


def prepare_operator(operator: Preparable, context: OperatorContext) -> None:
    """Call `prepare` with the context, or without where an operator was written before there was one."""
    if inspect.signature(operator.prepare).parameters:
        operator.prepare(context)
    else:
        operator.prepare()
