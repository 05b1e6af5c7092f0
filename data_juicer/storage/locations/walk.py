"""Files below a folder, and files that match a pattern. Links are followed, but never back to a folder on the way to them."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from data_juicer.storage.base import Store
from data_juicer.storage.files import Entry
from data_juicer.storage.locations.uri import parts_of, root_of

GLOB_MARKS: Final = frozenset("*?[")
_ANY_FOLDERS: Final = "**"


def walk_files(
    store: Store, folder: str, pass_over: Callable[[Entry], None] = lambda _: None
) -> Iterator[Entry]:
    """Every file below a folder, hidden ones and those in hidden folders left out.

    Args:
        pass_over: called with what is hidden, a folder once.
    Raises: StoreError.
    """
    for entry in _walk(store, folder, _Way(store, folder), pass_over):
        if entry.kind == "file":
            yield entry


def glob_files(store: Store, pattern: str) -> Iterator[str]:
    """The files that an absolute pattern matches, each once: `*`, `?`, `[...]`, and `**` for any folders, none included.

    A name that begins with a dot is matched only by a part that does. Raises: StoreError.
    """
    folder = head_of(pattern)
    seen: set[str] = set()
    for path in _matches(store, folder, parts_of(pattern)[len(parts_of(folder)) :], _Way(store, folder)):
        if path not in seen:
            seen.add(path)
            yield path


def head_of(pattern: str) -> str:
    """The folder of an absolute pattern above its first part that has a mark."""
    parts, root = parts_of(pattern), root_of(pattern)
    literal = next((at for at, part in enumerate(parts) if GLOB_MARKS & set(part)), len(parts))
    return "/".join([root.rstrip("/"), *parts[:literal]]) or root


def would_match(pattern: str, path: str) -> bool:
    """Whether `glob_files` would find a file of this path; both are absolute."""
    return root_of(pattern) == root_of(path) and () in _left(tuple(parts_of(pattern)), parts_of(path))


def may_match_below(pattern: str, folder: str) -> bool:
    """Whether `glob_files` would look for files in a folder of this path; both are absolute."""
    return root_of(pattern) == root_of(folder) and any(
        _left(tuple(parts_of(pattern)), parts_of(folder)) - {()}
    )


def _left(parts: tuple[str, ...], names: Sequence[str]) -> set[tuple[str, ...]]:
    """What may be left of the parts of a pattern when names, from the root on, took the parts before; () is a match."""
    left = {parts}
    for name in names:
        left = {further for each in left for further in _after(each, name)}
    return left


def _after(parts: tuple[str, ...], name: str) -> Iterator[tuple[str, ...]]:
    if not parts:
        return
    if parts[0] != _ANY_FOLDERS:
        if _fits(parts[0], name):
            yield parts[1:]
        return
    if not name.startswith("."):
        yield parts
        if not parts[1:]:
            yield ()
    yield from _after(parts[1:], name)


def _fits(part: str, name: str) -> bool:
    return fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))


class _Way:
    """The folders that lead to where a walk is, by identity; a link to one of them would be walked for ever."""

    def __init__(self, store: Store, folder: str, above: frozenset[str] | None = None) -> None:
        self._store = store
        self._identities = _identities_to(store, folder) if above is None else above

    def into(self, entry: Entry) -> _Way | None:
        """The way to a folder that this one holds; None where it was passed already."""
        if not self._store.at(entry.path).has_links:
            return self
        try:
            identity = self._store.stat(entry.path).identity
        except FileNotFoundError:  # gone since it was listed
            return None
        if identity in self._identities:
            return None
        return _Way(self._store, entry.path, self._identities | {identity})


def _identities_to(store: Store, folder: str) -> frozenset[str]:
    """Of a folder and of all above it, without links."""
    if not store.at(folder).has_links:
        return frozenset()
    path, found = store.resolve(folder), set()
    while True:
        try:
            found.add(store.stat(path).identity)
        except FileNotFoundError:
            return frozenset(found)
        if path == os.path.dirname(path):
            return frozenset(found)
        path = os.path.dirname(path)


def _walk(store: Store, folder: str, way: _Way, pass_over: Callable[[Entry], None]) -> Iterator[Entry]:
    """What is below a folder, folders before what they hold."""
    for entry in store.entries(folder):
        if entry.name.startswith("."):
            pass_over(entry)
            continue
        further = way.into(entry) if entry.kind == "directory" else None
        if entry.kind != "directory" or further is not None:
            yield entry
        if further is not None:
            yield from _walk(store, entry.path, further, pass_over)


def _matches(store: Store, folder: str, parts: list[str], way: _Way) -> Iterator[str]:
    part, *rest = parts
    if part == _ANY_FOLDERS:
        if rest:
            yield from _matches(store, folder, rest, way)
        for entry in store.entries(folder):
            if entry.name.startswith("."):
                continue
            if entry.kind == "directory" and (further := way.into(entry)) is not None:
                yield from _matches(store, entry.path, parts, further)
            elif entry.kind == "file" and not rest:
                yield entry.path
        return
    for entry in store.entries(folder):
        if not _fits(part, entry.name):
            continue
        if not rest and entry.kind == "file":
            yield entry.path
        elif rest and entry.kind == "directory" and (further := way.into(entry)) is not None:
            yield from _matches(store, entry.path, rest, further)
