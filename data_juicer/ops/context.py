"""What an operator may use of the outside while it runs in one worker: files by URI, the job's seed, folders."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from data_juicer.storage.base import Reader, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorContext:
    """Of one operator in one worker; handed to `prepare`, and kept by the operator where `process` needs it."""

    store: Store
    """Reads files that rows refer to, wherever they lie. Nothing is written through it."""
    seed: int = 42
    """Of the job."""
    text_keys: tuple[str, ...] = ("text",)
    """The text columns that every row of the job has."""
    cache_root: str = ""
    """Below it lies `cache_dir`."""
    cache_name: str = ""

    @property
    def cache_dir(self) -> str:
        """A folder of this machine, for this operator at this version, that outlives the job; created when it is asked for.

        What is there may be gone at any time, and several workers use it at once: put files there by renaming them.
        """
        path = os.path.join(self.cache_root, self.cache_name)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def open(self, reference: str) -> Reader:
        """A file that a row refers to, to be read by ranges. Raises: FileNotFoundError, StoreError."""
        return self.store.open_read(reference)

    def read(self, reference: str) -> bytes:
        """All bytes of a file that a row refers to. Raises: FileNotFoundError, StoreError."""
        return self.store.read(reference)


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
