"""Removing what nobody needs any more, which is no reason for a job to fail."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from data_juicer.errors import StoreError
from data_juicer.storage.base import Store


@dataclass(slots=True)
class Remover:
    """Removes files of a job; what cannot be removed, such as a directory under the name of a file, is left and named."""

    store: Store
    removed: int = 0
    refused: list[str] = field(default_factory=list)
    """A sentence for each file that is still there."""

    def remove(self, directory: str, names: Iterable[str]) -> None:
        for name in names:
            try:
                self.store.remove(os.path.join(directory, name))
                self.removed += 1
            except StoreError as error:
                self.refused.append(f"{error.finding} It is not needed and was left there.")
