"""Files of a job that are not what was committed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.store.manifest import DataFile

if TYPE_CHECKING:
    from data_juicer.storage.base import Store

BROKEN_LINK: Final = "it is a link to a file that is not there"


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest that cannot be read or trusted, and why."""

    path: str
    reason: str


def wrong_files(store: Store, directory: str, files: Sequence[DataFile]) -> str | None:
    """What is wrong with committed files as far as their sizes tell; None where nothing is."""
    for file in files:
        try:
            size_bytes = store.stat(os.path.join(directory, file.name)).size_bytes
        except FileNotFoundError:
            return f"{file.name} is missing"
        if size_bytes != file.size_bytes:
            return f"{file.name} holds {size_bytes} bytes, its manifest says {file.size_bytes}"
    return None
