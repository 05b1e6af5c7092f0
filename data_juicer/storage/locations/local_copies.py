"""Files of object stores as files of this machine, for libraries that open nothing else: code, word lists, models.

A copy has the version of its object in its path, so that a changed object is copied again and two versions stay apart.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import xxhash

from data_juicer.errors import ConfigError, StoreError
from data_juicer.storage import open_store
from data_juicer.storage.base import Store
from data_juicer.storage.files import Stat
from data_juicer.storage.locations.uri import is_cloud
from data_juicer.storage.locations.walk import walk_files
from data_juicer.storage.posix import PosixStore


def local_copy(location: str, cache: str) -> str:
    """The path of a copy of a file, or of a folder with everything below it; the location itself where it is a path.

    Args:
        cache: the folder of copies, which only this user may write into.
    Returns: the location where nothing is there, as a path that is not there.
    Raises: ConfigError: the store refuses it, or others can change the copies.
    """
    if not is_cloud(location):
        return location
    try:
        store = open_store(location)
        files = _files(store, location)
        return _copied(store, location, files, cache) if files else location
    except StoreError as error:
        raise ConfigError(f"{error} Nothing was changed.") from error


def _files(store: Store, location: str) -> Mapping[str, Stat]:
    """Each object by its name below the location; empty for the location itself."""
    try:
        stat = store.stat(location)
    except FileNotFoundError:
        return {}
    if not stat.is_directory:
        return {"": stat}
    return {
        entry.path[len(location) :]: entry.stat or store.stat(entry.path)
        for entry in walk_files(store, location)
    }


def _copied(store: Store, location: str, files: Mapping[str, Stat], cache: str) -> str:
    digest = xxhash.xxh3_128(location.encode())
    for name, stat in sorted(files.items()):
        digest.update(f"\0{name}\0{stat.version}\0{stat.size_bytes}".encode())
    disk, folder = PosixStore(), os.path.join(os.path.abspath(cache), digest.hexdigest())
    disk.make_own_dir(folder)
    if (reason := disk.find_foreign(folder)) is not None:
        raise ConfigError(
            f"{folder} {reason}: a copy of {location} cannot be trusted there. Nothing was changed."
        )
    target = os.path.join(folder, os.path.basename(location))
    for name, stat in files.items():
        path = target + name
        if not disk.exists(path) or disk.stat(path).size_bytes != stat.size_bytes:
            disk.make_own_dir(os.path.dirname(path))
            disk.put(path, store.read(location + name))
    return target
