"""Paths, folders and globs of a recipe -> the files to read, each with its format."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from data_juicer.errors import InputError
from data_juicer.formats.base import Compression, SourceFile
from data_juicer.formats.registry import SUFFIXES, suffix_of

_GLOB_MARKS: Final = frozenset("*?[")


def discover(inputs: Sequence[str], suffixes: Sequence[str] = ()) -> list[SourceFile]:
    """The files behind inputs, in the order of the inputs; those of a folder or glob sorted by path.

    Folders are searched through, hidden files and files of no known suffix in them are left out; a file that is named
    twice is read twice.

    Args:
        inputs: files, folders or globs.
        suffixes: take only these files, such as ".jsonl"; empty: all that can be read.
    Raises: InputError: an input is missing, holds nothing to read, or cannot be read.
    """
    wanted = tuple(suffix if suffix.startswith(".") else f".{suffix}" for suffix in suffixes)
    paths = [path for given in inputs for path in _files(given, wanted)]
    return [_source(index, path) for index, path in enumerate(paths)]


def _files(given: str, wanted: tuple[str, ...]) -> list[str]:
    path = os.path.abspath(os.path.expanduser(given))
    if os.path.isdir(path):
        return _taken(given, sorted(_walk(given, path)), wanted, "the folder")
    if os.path.exists(path):
        return [path]
    if _GLOB_MARKS & set(given):
        matches = sorted(match for match in glob.iglob(path, recursive=True) if os.path.isfile(match))
        if not matches:
            raise _refused(f"{given}: no file matches this pattern{_nearest(path)}")
        return _taken(given, matches, wanted, "the pattern")
    raise _refused(f"{given}: no such file or folder{_nearest(path)}")


def _walk(given: str, folder: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise _refused(f"{given}: the folder {error.filename} cannot be read: {error.strerror}") from error

    for parent, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        folders[:] = [
            name for name in folders if not name.startswith(".") and not _leads_back(folder, parent, name)
        ]
        yield from (os.path.join(parent, name) for name in files if not name.startswith("."))


def _leads_back(folder: str, parent: str, name: str) -> bool:
    """Whether it is a link to where the way to it began or passed: its files would be read again and again."""
    link = os.path.join(parent, name)
    if not os.path.islink(link):
        return False
    target, above = os.path.realpath(link), parent
    while os.path.commonpath([target, os.path.realpath(above)]) != target:
        if above == folder:
            return False
        above = os.path.dirname(above)
    return True


def _taken(given: str, paths: list[str], wanted: tuple[str, ...], what: str) -> list[str]:
    taken = [path for path in paths if (path.endswith(wanted) if wanted else kind_of_path(path))]
    if taken:
        return taken
    if not paths:
        raise _refused(f"{given}: {what} holds no files")
    if wanted:
        raise _refused(f"{given}: none of the {len(paths):,} files in {what} ends in {_either(wanted)}")
    names = ", ".join(os.path.basename(path) for path in paths[:3])
    raise _refused(
        f"{given}: none of the {len(paths):,} files in {what} can be read (found: {names}); {_readable()}"
    )


def _refused(finding: str) -> InputError:
    """Before anything was created or changed."""
    end = "" if finding.endswith("?") else "."
    return InputError(
        f"{finding}{end} Nothing was changed. Set right the file or dataset_path, and start the job again."
    )


def kind_of_path(path: str) -> tuple[str, Compression] | None:
    """Format and compression by suffix, the longest that fits."""
    return SUFFIXES.get(suffix_of(path))


def _source(index: int, path: str) -> SourceFile:
    kind = kind_of_path(path)
    if kind is None:
        raise _refused(f"{path}: unknown suffix; {_readable()}")
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            head = file.read(4096) if kind == ("jsonl", "none") else b""
    except OSError as error:
        raise _refused(f"{path}: cannot be read: {error.strerror}") from error
    if path.lower().endswith(".json"):
        _refuse_json_document(path, head)
    return SourceFile(
        index=index,
        path=path,
        format=kind[0],
        compression=kind[1],
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
    )


def _refuse_json_document(path: str, head: bytes) -> None:
    """A .json file is read as JSON Lines; one array or one indented object over many lines is not that."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        what = "one JSON array"
    elif start.split(b"\n", 1)[0].strip() == b"{":
        what = "one JSON object over several lines"
    else:
        return
    raise InputError(
        f"{path}: holds {what}, expected JSON Lines (one object a line). Convert it: jq -c '.[]'"
    )


def _nearest(path: str) -> str:
    """The existing name most like the missing one, as the end of a message."""
    missing = path
    while not os.path.isdir(os.path.dirname(missing)):
        missing = os.path.dirname(missing)
    folder = os.path.dirname(missing)
    try:
        names = os.listdir(folder)
    except OSError:
        return ""
    near = difflib.get_close_matches(os.path.basename(missing), names, 1)
    return f"; did you mean {os.path.join(folder, near[0])}?" if near else ""


def _readable() -> str:
    return f"a file must end in {_either(SUFFIXES)}"


def _either(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
