"""Paths, folders and globs of a recipe -> the files to read, each with its format."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from data_juicer.errors import InputError, StoreError
from data_juicer.formats.base import Compression, SourceFile
from data_juicer.formats.registry import SUFFIXES, suffix_of
from data_juicer.storage.base import Store
from data_juicer.storage.locations.uri import absolute, root_of
from data_juicer.storage.walk import GLOB_MARKS, glob_files, walk_files

_SUFFIXES_TOLD_MAX: Final = 5


def discover(
    store: Store,
    inputs: Sequence[str],
    suffixes: Sequence[str] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> list[SourceFile]:
    """The files after inputs, in the order of the inputs; those of a folder or glob sorted by path.

    Folders are searched through, hidden files and files of no known suffix in them are left out. A file that has several
    names in the inputs (spellings, symbolic or hard links) is read once, under the first of them.

    Args:
        inputs: files, folders or globs.
        suffixes: take only these files, such as ".jsonl"; empty: all that can be read.
        tell: called for the files of a folder or glob that are left out, a sentence for each input, and of files that are named twice.
    Raises: InputError: an input is missing, holds nothing to read, or cannot be read.
    """
    wanted = tuple(suffix if suffix.startswith(".") else f".{suffix}" for suffix in suffixes)
    first: dict[str, SourceFile] = {}
    again: list[tuple[str, str]] = []
    for path in (path for given in inputs for path in _files(store, given, wanted, tell)):
        source, identity = _source(store, len(first), path)
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


def _files(store: Store, given: str, wanted: tuple[str, ...], tell: Callable[[str], None]) -> list[str]:
    path = absolute(os.path.expanduser(given))
    try:
        if store.exists(path):
            kind = store.stat(path).kind
            if kind == "file":
                return [path]
            if kind == "other":
                raise _refused(f"{given}: is neither a file nor a folder")
            return _taken(
                given, sorted(entry.path for entry in walk_files(store, path)), wanted, "the folder", tell
            )
        if GLOB_MARKS & set(given):
            matches = sorted(glob_files(store, path))
            if not matches:
                raise _refused(f"{given}: no file matches this pattern{_nearest(store, path)}")
            return _taken(given, matches, wanted, "the pattern", tell)
    except StoreError as error:
        raise _refused(f"{given}: {error.finding.removeprefix(f'{given}: ').removesuffix('.')}") from error
    raise _refused(f"{given}: no such file or folder{_nearest(store, path)}")


def _taken(
    given: str, paths: list[str], wanted: tuple[str, ...], what: str, tell: Callable[[str], None]
) -> list[str]:
    saved = {os.path.dirname(path) for path in paths if path.endswith(".arrow")}
    taken = [
        path
        for path in paths
        if (path.endswith(wanted) if wanted else kind_of_path(path) and not _is_description(path, saved))
    ]
    if taken:
        if len(taken) < len(paths):
            tell(_left_out(given, set(paths) - set(taken), what))
        return taken
    if not paths:
        raise _refused(f"{given}: {what} holds no files")
    if wanted:
        raise _refused(f"{given}: none of the {len(paths):,} files in {what} ends in {_either(wanted)}")
    names = ", ".join(os.path.basename(path) for path in paths[:3])
    raise _refused(
        f"{given}: none of the {len(paths):,} files in {what} can be read (found: {names}); {_readable()}"
    )


def _left_out(given: str, paths: Iterable[str], what: str) -> str:
    """The sentence about files that are not read, counted by suffix, the most frequent first."""
    counts = Counter(os.path.splitext(path)[1].lower() or "no suffix" for path in paths)
    total = sum(counts.values())
    files = "1 file" if total == 1 else f"{total:,} files"
    kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in counts.most_common(_SUFFIXES_TOLD_MAX))
    more = ", ..." if len(counts) > _SUFFIXES_TOLD_MAX else ""
    return f"{given}: {files} of {what} {'is' if total == 1 else 'are'} not read ({kinds}{more})"


def _is_description(path: str, saved: set[str]) -> bool:
    """Whether a file describes what `datasets` saved beside it or below it: `saved` are folders of Arrow files."""
    folder, name = os.path.split(path)
    if name in {"dataset_info.json", "state.json"}:
        return folder in saved
    return name == "dataset_dict.json" and any(os.path.dirname(each) == folder for each in saved)


def _refused(finding: str) -> InputError:
    """Before anything was created or changed."""
    end = "" if finding.endswith("?") else "."
    return InputError(
        f"{finding}{end} Nothing was changed. Set right the file or dataset_path, and start the job again."
    )


def kind_of_path(path: str) -> tuple[str, Compression] | None:
    """Format and compression by suffix, the longest that fits."""
    return SUFFIXES.get(suffix_of(path))


def _source(store: Store, index: int, path: str) -> tuple[SourceFile, str]:
    """The file at a path, and its identity."""
    kind = kind_of_path(path)
    if kind is None:
        raise _refused(f"{path}: unknown suffix; {_readable()}")
    try:
        with store.open_read(path) as reader:
            status = reader.stat()
    except FileNotFoundError as error:
        raise _refused(f"{path}: cannot be read: {error.strerror}") from error
    except StoreError as error:
        raise _refused(f"{path}: cannot be read: {error.reason or error.finding}") from error
    source = SourceFile(
        index=index,
        path=path,
        format=kind[0],
        compression=kind[1],
        size_bytes=status.size_bytes,
        mtime_ns=status.modified_ns,
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
    plain = [suffix for suffix, (_, compression) in SUFFIXES.items() if compression == "none"]
    packed = dict.fromkeys(os.path.splitext(suffix)[1] for suffix in SUFFIXES if suffix not in plain)
    return f"a file must end in {_either(plain)}, and text may have {_either(packed)} behind that"


def _either(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
