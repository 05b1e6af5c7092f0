"""What a file that is no JSON Lines is, from its first bytes, and what to do about it. Pure.

People name things `.jsonl` that are not: one line says what was found and a command that converts it.
"""

from __future__ import annotations

import re
import shlex
from typing import Final, NamedTuple

HEAD_BYTES: Final = 1 << 16
"""As much of a file is looked at."""

_MAGIC: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"\x1f\x8b", "gzip data", "Rename it to end in .gz: mv {file} {file}.gz"),
    (b"\x28\xb5\x2f\xfd", "zstd data", "Rename it to end in .zst: mv {file} {file}.zst"),
    (b"BZh", "bzip2 data", "Rename it to end in .bz2: mv {file} {file}.bz2"),
    (b"\xfd7zXZ\0", "xz data", "Rename it to end in .xz: mv {file} {file}.xz"),
    (b"\x04\x22\x4d\x18", "lz4 data", "Rename it to end in .lz4: mv {file} {file}.lz4"),
    (b"PK\x03\x04", "a zip archive", "Unpack it: unzip {file}"),
    (b"PAR1", "Parquet", "Rename it to end in .parquet: mv {file} {stem}.parquet"),
    (b"ARROW1", "an Arrow file", "Rename it to end in .arrow: mv {file} {stem}.arrow"),
    (b"%PDF-", "a PDF document", "Extract its text first"),
    (b"SQLite format 3\0", "an SQLite database", "Export a table of it as JSON Lines"),
    (b"version https://git-lfs", "a Git LFS pointer, not the data", "Fetch the data: git lfs pull"),
)
_MEMBER_LIST: Final = re.compile(rb'\{\s*"((?:[^"\\]|\\.){1,100})"\s*:\s*\[')
_PYTHON_DICT: Final = re.compile(rb"\{\s*'")
_PYTHON: Final = (
    "python -c 'import ast, json, sys; [print(json.dumps(ast.literal_eval(line))) for line in sys.stdin]'"
)
_TABLES: Final = ((b"\t", "TSV", ".tsv"), (b",", "CSV", ".csv"), (b";", "CSV with semicolons", ".csv"))


class Finding(NamedTuple):
    """What a file is."""

    what: str
    advice: str
    """What to do; `{file}`, `{stem}` and `{out}` are the file's name, that without its suffix, and a new name."""

    def describe(self, path: str) -> str:
        """One line: what it is instead of JSON Lines, and what to type."""
        stem = re.sub(r"\.[A-Za-z0-9]+$", "", path)
        names = {
            "file": shlex.quote(path),
            "stem": shlex.quote(stem),
            "out": shlex.quote(f"{stem}.converted.jsonl"),
        }
        advice = self.advice
        for name, value in names.items():
            advice = advice.replace("{" + name + "}", value)
        return f"{path}: holds {self.what}, expected JSON Lines (one object a line). {advice}"


def recognise_surely(head: bytes) -> Finding | None:
    """What the text is where its first bytes leave no doubt, though single lines of it may be rows."""
    for magic, what, advice in _MAGIC:
        if head.startswith(magic):
            return Finding(what, advice)
    found = _wide(head)
    if found is not None:
        return found
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        return Finding("one JSON array", "Rename it to end in .json: mv {file} {stem}.json")
    return _one_object(start)


def _wide(head: bytes) -> Finding | None:
    """UTF-16 and UTF-32 without a mark: every other byte, or more of them, is zero."""
    if not head.strip(b"\0"):
        return Finding("zero bytes only", "Fetch the file again") if head else None
    for unit, name in ((4, "UTF-32"), (2, "UTF-16")):
        some = head[: 64 * unit]
        for order, first in (("LE", 0), ("BE", unit - 1)):
            letters = some[first::unit]
            others = len(some) - len(letters)
            if others and len(some) >= 2 * unit and some.count(0) == others and 0 not in letters:
                return Finding(
                    f"text in {name}", f"Convert it: iconv -f {name}{order} -t UTF-8 {{file}} > {{out}}"
                )
    return None


def _one_object(start: bytes) -> Finding | None:
    """An object that goes on over lines, or holds its rows as a list."""
    line, _, rest = start.partition(b"\n")
    member = _MEMBER_LIST.match(start)
    if line.strip() != b"{" and not (member and member.end() > len(line)):
        return None
    if member is None:
        return (
            Finding("one JSON object over several lines", "Convert it: jq -c . {file} > {out}")
            if rest
            else None
        )
    return rows_under(member[1].decode(errors="replace"))


def rows_under(name: str) -> Finding:
    """An object whose member holds the rows as a list."""
    return Finding(
        f"one JSON object with its rows under {name!r}",
        f"Convert it: jq -c {shlex.quote(f'.[{_quoted(name)}][]')} {{file}} > {{out}}",
    )


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def recognise(head: bytes) -> Finding | None:
    """What the text probably is, of which no row can be read."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lower = start[:200].lower()
    if lower.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return Finding("an HTML page", "It may be the answer of a server that refused; fetch the file again")
    if lower.startswith((b"<?xml", b"<error")):
        return Finding("XML", "It may be the answer of a server that refused; fetch the file again")
    if b"\n" not in head.rstrip() and start.count(b"\r") > 1:
        return Finding("lines that end in CR alone", r"Convert it: tr '\r' '\n' < {file} > {out}")
    if _PYTHON_DICT.match(start):
        return Finding("Python dicts", f"Convert it: {_PYTHON} < {{file}} > {{out}}")
    if start.startswith(b"\x80") and start[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return Finding("a Python pickle", "It is not opened, since a pickle can run any code")
    return _table(start)


def _table(start: bytes) -> Finding | None:
    lines = [line for line in start.split(b"\n")[:20] if line.strip()]
    if not lines or lines[0].lstrip().startswith((b"{", b"[")):
        return None
    for separator, name, suffix in _TABLES:
        columns = lines[0].count(separator)
        if columns and (len(lines) == 1 or any(line.count(separator) >= columns for line in lines[1:])):
            return Finding(name, f"Rename it to end in {suffix}: mv {{file}} {{stem}}{suffix}")
    return None
