"""Versions of installed distributions, by the names of their folders of metadata.

`importlib.metadata` tells the same, and imports a parser of e-mails to do so, which takes longer than much of what a small
job does. It is asked only where a folder's name has no version.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Mapping
from typing import Final

_FOLDER: Final = re.compile(r"(?P<name>[^-]+)(?:-(?P<version>[^-]+).*)?\.(?:dist|egg)-info")
_SEPARATORS: Final = re.compile(r"[-_.]+")


def find_version(distribution: str) -> str | None:
    """The version of an installed distribution; None where it is not installed."""
    name = _normal(distribution)
    found = _installed(tuple(sys.path))
    if name not in found:
        return None
    return found[name] or _asked(distribution)


@functools.lru_cache(maxsize=1)
def _installed(search_path: tuple[str, ...]) -> Mapping[str, str]:
    """Normal name -> version, empty where the folder's name has none; the first one on the search path counts."""
    found: dict[str, str] = {}
    for folder in search_path:
        for match in filter(None, map(_FOLDER.fullmatch, _names(folder))):
            found.setdefault(_normal(match["name"]), match["version"] or "")
    return found


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder or os.curdir))
    except OSError:  # an archive, or nothing
        return []


def _normal(name: str) -> str:
    return _SEPARATORS.sub("-", name).lower()


def _asked(distribution: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
