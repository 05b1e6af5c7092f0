"""Files of a job that are not what was committed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from data_juicer.store.export.exported_rows import KEPT_ALONE
from data_juicer.store.manifest import DataFile, Manifest

if TYPE_CHECKING:
    from data_juicer.storage.base import Store
    from data_juicer.store.export.exported_rows import ExportedRows

BROKEN_LINK: Final = "it is a link to a file that is not there"
_NAMED_MAX: Final = 3
"""More damaged manifests than these are counted."""


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest that cannot be read or trusted, and why."""

    path: str
    reason: str


def describe_damages(damages: Iterable[Damage]) -> list[str]:
    """A sentence for each damaged manifest that was set aside; one for all that are damaged for the same reason, as those are that
    are made from one file.
    """
    paths: dict[str, list[str]] = {}
    for damage in damages:
        reason = damage.reason.removeprefix(f"{damage.path}: damaged: ").removesuffix(".")
        paths.setdefault(reason, []).append(damage.path)
    messages = []
    for reason, (first, *others) in paths.items():
        if reason.startswith(KEPT_ALONE):
            count, rest = len(others) + 1, reason.removeprefix(KEPT_ALONE)
            messages.append(
                f"the results of {count:,} partitions are made again: rows were kept in the export{rest}."
            )
        elif not others:
            messages.append(f"{first} is damaged and was set aside: {reason}.")
        elif len(others) + 1 > _NAMED_MAX:
            messages.append(f"{first} and {len(others):,} more are damaged and were set aside: {reason}.")
        else:
            names = " and ".join(os.path.basename(other) for other in others)
            messages.append(f"{first} and {names} are damaged and were set aside: {reason}.")
    return messages


def wrong_files(store: Store, directory: str, files: Sequence[DataFile]) -> str | None:
    """What is wrong with committed files as far as their sizes tell; None where nothing is."""
    for file in files:
        try:
            size_bytes = store.stat(os.path.join(directory, file.name)).size_bytes
        except FileNotFoundError:
            return f"{file.name} is missing"
        if size_bytes != file.size_bytes:
            return f"{file.name} holds {size_bytes:,} bytes, its manifest says {file.size_bytes:,}"
    return None


def wrong_files_of(
    store: Store, directory: str, manifest: Manifest, exported: ExportedRows | None = None
) -> str | None:
    """The same of the files of a manifest.

    Args:
        exported: where the rows of a result, its first file, may be instead; None for a manifest of another kind.
    """
    files = manifest.files
    if exported is not None and files and not store.exists(os.path.join(directory, files[0].name)):
        if exported.find(manifest.partition, files[0].size_bytes) is None:
            return exported.find_loss() or f"{files[0].name} is missing"
        files = files[1:]
    return wrong_files(store, directory, files)
