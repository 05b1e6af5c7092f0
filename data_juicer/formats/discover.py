"""Paths, folders and globs of a recipe -> the files to read, each with its format."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Final

import msgspec

from data_juicer.errors import InputError, StoreError
from data_juicer.formats.base import Compression, LeftOut, ReadOptions, SourceFile
from data_juicer.formats.hub.cache import HubFiles, find_hub_files, not_there
from data_juicer.formats.hub.location import SCHEME, is_hub_id
from data_juicer.formats.registry import FORMATS, LINES, SUFFIXES, TEXT, suffix_of
from data_juicer.formats.saved_datasets import find_saved
from data_juicer.storage.base import Store
from data_juicer.storage.locations.uri import absolute, root_of
from data_juicer.storage.locations.walk import GLOB_MARKS, glob_files, walk_files

_SUFFIXES_SHOWN_MAX: Final = 10
_REMEDY: Final = "Set right the file or dataset_path, and start the job again."
_AS_USUAL: Final = ReadOptions()
_HIDDEN: Final = "hidden"
"""Stands for the suffix of files and folders whose name begins with a dot."""


def discover(
    store: Store,
    inputs: Sequence[str],
    suffixes: Sequence[str] = (),
    tell: Callable[[str], None] = lambda _: None,
    leave_out: Callable[[LeftOut], None] = lambda _: None,
    options: Sequence[ReadOptions] = (),
) -> list[SourceFile]:
    """The files after inputs, in the order of the inputs; those of a folder or glob sorted by path.

    Folders are searched through. Hidden files and files of no known suffix in them are left out, and text and code where
    there are data too: a README is no document of a corpus. A file that has several names in the inputs (spellings, symbolic or hard links) is read once, under the first of them.

    Args:
        inputs: files, folders or globs.
        suffixes: take only these files, such as ".jsonl"; empty: all that can be read.
        tell: called for the files of a folder or glob that are left out, a sentence for each input, and of files that are named twice.
        leave_out: called with the same of each input, counted by suffix.
        options: how the files of each input are to be read; empty: as usual.
    Raises: InputError: an input is missing, holds nothing to read, or cannot be read.
    """
    wanted = tuple((suffix if suffix.startswith(".") else f".{suffix}").lower() for suffix in suffixes)
    first: dict[str, SourceFile] = {}
    again: list[tuple[str, str]] = []
    search = _Search(store, wanted, tell, leave_out)
    for number, (given, how) in enumerate(zip(inputs, options or repeat(_AS_USUAL), strict=False)):
        for path in search.files(given):
            source, identity = _source(store, len(first), path, how)
            source = msgspec.structs.replace(source, input=number)
            known = first.setdefault(identity, source)
            if known is not source:
                again.append((path, known.path))
    if again:
        tell(_named_twice(again))
    return list(first.values())


def _named_twice(again: Sequence[tuple[str, str]]) -> str:
    """The sentence about names that lead to a file that an earlier name leads to."""
    path, first = again[0]
    same = f"is {first}" if path != first else "is named before"
    more = f", and so are {len(again) - 1:,} further names" if len(again) > 1 else ""
    return f"{path}: {same}{more}; a file is read once"


class _Search:
    """Looks for the files that inputs name."""

    def __init__(
        self,
        store: Store,
        wanted: tuple[str, ...],
        tell: Callable[[str], None],
        leave_out: Callable[[LeftOut], None],
    ) -> None:
        self._store = store
        self._wanted = wanted
        self._tell = tell
        self._leave_out = leave_out

    def files(self, given: str) -> Sequence[str]:
        """Raises: InputError."""
        store, path = self._store, absolute(os.path.expanduser(given))
        if given.startswith(SCHEME):
            found_in_hub = find_hub_files(store, given)
            if found_in_hub is None:
                raise _refused(f"{given}: {not_there(given)}")
            return self._of_hub(given, found_in_hub)
        try:
            kind = _find_kind(store, path)
            if kind is not None:
                if kind == "file":
                    return [path]
                if kind == "other":
                    raise _refused(f"{given}: is neither a file nor a folder")
                hidden: list[str] = []
                found = [
                    entry.path for entry in walk_files(store, path, lambda each: hidden.append(each.path))
                ]
                return self._taken(given, sorted(found), "the folder", len(hidden))
            if GLOB_MARKS & set(given):
                matches = sorted(glob_files(store, path))
                if not matches:
                    raise _refused(f"{given}: no file matches this pattern{_nearest(store, path)}")
                return self._taken(given, matches, "the pattern")
        except StoreError as error:
            finding = error.finding.removeprefix(f"{given}: ").removesuffix(".")
            raise _refused(f"{given}: {finding}", error.remedy or _REMEDY) from error
        if is_hub_id(given) and (found_in_hub := find_hub_files(store, given)) is not None:
            return self._of_hub(given, found_in_hub)
        raise _refused(f"{given}: no such file or folder{_nearest(store, path)}")

    def _of_hub(self, given: str, found: HubFiles) -> list[str]:
        self._tell(found.note)
        return self._taken(given, found.paths, "the dataset")

    def _taken(self, given: str, paths: list[str], what: str, hidden: int = 0) -> list[str]:
        """Of all files of an input those that are read, in their order; the others are reported."""
        taken = self._choose(paths)
        if not taken:
            raise self._nothing(given, paths, what)
        read = set(taken)
        others = [path for path in paths if path not in read]
        if others or hidden:
            counts = Counter(_suffix_shown(path) for path in others)
            counts.update({_HIDDEN: hidden} if hidden else {})
            left_out = LeftOut(given=given, counts=dict(counts.most_common()))
            self._leave_out(left_out)
            self._tell(_sentence(left_out, what, [path for path in others if _is_document(path)]))
        return taken

    def _choose(self, paths: list[str]) -> list[str]:
        if self._wanted:
            return [path for path in paths if path.lower().endswith(self._wanted)]
        saved = find_saved(self._store, paths)
        known = [path for path in paths if kind_of_path(path) and path not in saved.left_out]
        data = [path for path in known if not _is_document(path)]
        return sorted(data, key=saved.key) if data else known

    def _nothing(self, given: str, paths: list[str], what: str) -> InputError:
        if not paths:
            return _refused(f"{given}: {what} holds no files")
        if self._wanted:
            return _refused(
                f"{given}: none of the {len(paths):,} files in {what} ends in {_either(self._wanted)}"
            )
        names = ", ".join(os.path.basename(path) for path in paths[:3])
        return _refused(
            f"{given}: none of the {len(paths):,} files in {what} can be read (found: {names}); {_readable()}"
        )


def _is_document(path: str) -> bool:
    """Whether a file is text or code, which is one row."""
    kind = kind_of_path(path)
    return kind is not None and kind[0] == TEXT


def _suffix_shown(path: str) -> str:
    return os.path.splitext(path)[1].lower() or "no suffix"


def _sentence(left_out: LeftOut, what: str, documents: Sequence[str]) -> str:
    """The sentence about files that are not read, counted by suffix, the most frequent first."""
    total = left_out.files
    files = "1 file" if total == 1 else f"{total:,} files"
    named = list(left_out.counts.items())[:_SUFFIXES_SHOWN_MAX]
    kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in named)
    more = ", ..." if len(left_out.counts) > _SUFFIXES_SHOWN_MAX else ""
    hint = ""
    if documents:
        suffixes = ", ".join(sorted({_suffix_shown(path) for path in documents})[:_SUFFIXES_SHOWN_MAX])
        hint = f"; text beside data is read only where suffixes names it, such as [{suffixes}]"
    return (
        f"{left_out.given}: {files} of {what} {'is' if total == 1 else 'are'} not read ({kinds}{more}){hint}"
    )


def _find_kind(store: Store, path: str) -> str | None:
    """File, directory or other; None where there is none of them."""
    try:
        return store.stat(path).kind
    except FileNotFoundError:
        return None


def _refused(finding: str, remedy: str = _REMEDY) -> InputError:
    """Before anything was created or changed."""
    end = "" if finding.endswith("?") else "."
    return InputError(f"{finding}{end} Nothing was changed. {remedy}")


def kind_of_path(path: str) -> tuple[str, Compression] | None:
    """Format and compression by suffix, the longest that fits."""
    return SUFFIXES.get(suffix_of(path))


def _source(store: Store, index: int, path: str, options: ReadOptions) -> tuple[SourceFile, str]:
    """The file at a path, and its identity."""
    kind = kind_of_path(path)
    if kind is None:
        raise _refused(f"{path}: unknown suffix; {_readable()}")
    try:
        status = store.look(path)
    except FileNotFoundError as error:
        raise _refused(f"{path}: cannot be read: {error.strerror}") from error
    except StoreError as error:
        raise _refused(
            f"{path}: cannot be read: {error.reason or error.finding}", error.remedy or _REMEDY
        ) from error
    source = SourceFile(
        index=index,
        path=path,
        format=kind[0],
        compression=kind[1],
        size_bytes=status.size_bytes,
        mtime_ns=status.modified_ns,
        options=FORMATS[kind[0]].taken(options),
    )
    return source, status.identity


def _nearest(store: Store, path: str) -> str:
    """The existing name most like the missing one, as the end of a message."""
    missing = path
    while os.path.dirname(missing) != root_of(path) and not store.exists(os.path.dirname(missing)):
        missing = os.path.dirname(missing)
    folder = os.path.dirname(missing)
    try:
        names = [entry.name for entry in store.entries(folder)]
    except StoreError:
        return ""
    near = difflib.get_close_matches(os.path.basename(missing), names, 1)
    return f"; did you mean {os.path.join(folder, near[0])}?" if near else ""


def _readable() -> str:
    data = [
        suffix
        for each in FORMATS.values()
        if each.name != TEXT
        for suffix, kind in each.suffixes.items()
        if kind == "none"
    ]
    packed = dict.fromkeys(
        os.path.splitext(suffix)[1] for suffix in FORMATS[LINES].suffixes if suffix not in data
    )
    return (
        f"a file must end in {', '.join(data)}, or a suffix of text or code such as .txt or .py; "
        f"text may have {_either(packed)} after that"
    )


def _either(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
