"""Records that lie beside the rows of a partition, committed with its stages: dead letters and traces."""

from __future__ import annotations

from collections.abc import Iterable

from data_juicer.storage.base import Store
from data_juicer.store.manifest import DataFile
from data_juicer.store.staging import read_lines, stage_file


class Sidecar:
    """Lines in the order in which they came; each checkpoint stages those that are new since the one before it."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._staged = 0
        self._files: tuple[DataFile, ...] = ()

    def load(self, store: Store, directory: str, files: tuple[DataFile, ...]) -> None:
        """Go on from what a checkpoint holds. Raises: CheckpointCorruptError."""
        self.lines = read_lines(store, directory, files)
        self._staged = len(self.lines)
        self._files = files

    def add(self, lines: Iterable[bytes]) -> None:
        self.lines += lines

    def take_new(self) -> list[bytes]:
        """The lines that no checkpoint has been given yet; they count as given now."""
        new = self.lines[self._staged :]
        self._staged = len(self.lines)
        return new

    def stage_new(self, store: Store, path: str, new: list[bytes]) -> tuple[DataFile, ...]:
        """Write what `take_new` gave, if it gave anything; all files so far."""
        if new:
            self._files = (*self._files, _stage(store, path, new))
        return self._files

    def stage_all(self, store: Store, path: str) -> tuple[DataFile, ...]:
        """Everything in one file, for the result; no file where there is nothing."""
        return (_stage(store, path, self.lines),) if self.lines else ()


def _stage(store: Store, path: str, lines: list[bytes]) -> DataFile:
    return stage_file(store, path, b"\n".join([*lines, b""]), len(lines))
