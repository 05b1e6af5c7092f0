"""The one way in which files of a job are removed in bulk; what cannot be removed is no reason for a job to fail.

A directory is held open while files in it are removed. Whatever was planted in a job's directories, a link to other
people's files say, is not followed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

import msgspec

from data_juicer.errors import StoreError
from data_juicer.job.layout import JobLayout
from data_juicer.storage.base import Store
from data_juicer.storage.capabilities import OwnDirectory


class Remover(msgspec.Struct):
    """Removes files of a job; what cannot be removed, such as a directory under the name of a file, is left and named."""

    store: Store
    layout: JobLayout
    is_dry: bool = False
    """Nothing is removed: `paths` says what would be."""
    removed: int = 0
    paths: list[str] = msgspec.field(default_factory=list)
    """Of the files that `remove` was given."""
    refused: list[str] = msgspec.field(default_factory=list)
    """A sentence for each file that is still there."""

    def remove(self, directory: str, names: Iterable[str], *, are_logs: bool = False) -> None:
        """Files of a directory of the job, by their names in it."""
        wanted = list(names)
        if not wanted:
            return
        with self.open(directory) as own:
            if own is None:
                self.refused.append(
                    f"{directory} is reached through a link or is not this user's alone: left there."
                )
            else:
                self.paths += [os.path.join(directory, name) for name in wanted]
                self.remove_from(own, wanted, are_logs=are_logs)

    def remove_from(self, own: OwnDirectory, names: Iterable[str], *, are_logs: bool = False) -> None:
        remove = own.remove_log if are_logs else own.remove
        for name in () if self.is_dry else names:
            try:
                remove(name)
                self.removed += 1
            except StoreError as error:
                self.refused.append(f"{error.finding} It is not needed and was left there.")

    @contextlib.contextmanager
    def open(self, directory: str) -> Iterator[OwnDirectory | None]:
        """A directory of the job; None where there is none, where a link leads to it, or where it is not this user's alone.

        Raises: ValueError: it is no directory of the job.
        """
        roots = self.layout.claimed_directories()
        root = next((above for above in roots if f"{directory}/".startswith(f"{above}/")), None)
        if root is None:
            raise ValueError(f"{directory} is no directory of job {self.layout.job_id}")
        inside = os.path.relpath(directory, root)
        with contextlib.ExitStack() as stack:
            found = stack.enter_context(self.store.open_own(root))
            for name in [] if inside == os.curdir else inside.split(os.sep):
                found = stack.enter_context(found.inside(name)) if found is not None else None
            yield found
