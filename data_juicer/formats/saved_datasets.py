"""Folders that `datasets.Dataset.save_to_disk` wrote: which of their files hold rows, and in which order the splits come."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from data_juicer.errors import InputError

if TYPE_CHECKING:
    from data_juicer.storage.base import Store

STATE: Final = "state.json"
_INFO: Final = "dataset_info.json"
_SPLITS: Final = "dataset_dict.json"
_BYTES_MAX: Final = 16 << 20
"""Of a description; a longer file is something else."""


class SavedDatasets(NamedTuple):
    """What the descriptions among some files say."""

    left_out: frozenset[str]
    """Descriptions, and Arrow files that are no part of a dataset, such as caches."""
    order: dict[str, int]
    """Folder of a split -> its place among the splits of its dataset."""

    def key(self, path: str) -> tuple[str, int, str]:
        """Sorts files by path, but the splits of a dataset as it names them."""
        folder = os.path.dirname(path)
        if folder in self.order:
            return os.path.dirname(folder), self.order[folder], path
        return path, -1, path


def find_saved(store: Store, paths: Collection[str]) -> SavedDatasets:
    """
    Args:
        paths: all files below a folder.
    Raises: InputError: a dataset lacks one of its files, or its rows are not all of those in its files.
    """
    by_folder: dict[str, set[str]] = {}
    for path in paths:
        by_folder.setdefault(os.path.dirname(path), set()).add(os.path.basename(path))
    left_out: set[str] = set()
    saved: set[str] = set()
    for folder, names in by_folder.items():
        state = _read(store, os.path.join(folder, STATE)) if STATE in names else None
        files = _data_files(state)
        if files is None:
            continue
        if state is not None and state.get("_indices_data_files"):
            raise _refused(
                folder, "its rows are chosen by a file of indices; save it once more: flatten_indices()"
            )
        if missing := next((name for name in files if name not in names), None):
            raise _refused(folder, f"{missing!r}, which {STATE} names, is missing")
        saved.add(folder)
        described = {STATE, _INFO} & names
        caches = {name for name in names if name.endswith(".arrow")} - set(files)
        left_out |= {os.path.join(folder, name) for name in described | caches}
    order = _order(store, by_folder, saved, left_out)
    return SavedDatasets(frozenset(left_out), order)


def _order(
    store: Store, by_folder: dict[str, set[str]], saved: set[str], left_out: set[str]
) -> dict[str, int]:
    order: dict[str, int] = {}
    for folder in {os.path.dirname(each) for each in saved}:
        if _SPLITS not in by_folder.get(folder, ()):
            continue
        path = os.path.join(folder, _SPLITS)
        left_out.add(path)
        found = _read(store, path) or {}
        for number, name in enumerate(_names(found.get("splits"))):
            order[os.path.join(folder, name)] = number
    return order


def _data_files(state: dict[str, Any] | None) -> list[str] | None:
    """The Arrow files that a description names; None where it is no description."""
    files = None if state is None else state.get("_data_files")
    if not isinstance(files, list):
        return None
    return _names(each.get("filename") if isinstance(each, dict) else None for each in files)


def _names(values: Any) -> list[str]:
    """Names of files, none of which leads elsewhere."""
    listed = values if isinstance(values, Iterable) and not isinstance(values, str | dict) else ()
    return [name for name in listed if isinstance(name, str) and name == os.path.basename(name)]


def _read(store: Store, path: str) -> dict[str, Any] | None:
    if store.stat(path).size_bytes > _BYTES_MAX:
        return None
    try:
        found = json.loads(store.read(path))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _refused(folder: str, finding: str) -> InputError:
    return InputError(f"{folder}: a dataset that was saved, but {finding}. Nothing was changed.")
