"""Outputs that lie among the inputs: the next run would read them as rows. Pure: links were resolved by the caller."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from data_juicer.errors import ConfigError
from data_juicer.storage.locations.walk import GLOB_MARKS, head_of, may_match_below, would_match


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One path of a recipe."""

    given: str
    """As the recipe spells it, for people."""
    path: str
    """Absolute; a file, a folder or a pattern."""
    is_pattern: bool


def find_folders(
    inputs: Iterable[Input], sources: Iterable[str], resolve: Callable[[str], str]
) -> dict[str, str]:
    """The folders that the inputs lead through, as they are spelled -> without links.

    Args:
        sources: paths of the files that were found.
        resolve: the path without links.
    """
    found: dict[str, str] = {}
    for each in inputs:
        folder = head_of(each.path) if each.is_pattern else each.path
        found[folder] = resolve(folder)
    heads = set(found)
    for folder in {os.path.dirname(source) for source in sources}:
        below = folder
        while below not in found and below != os.path.dirname(below):
            found[below] = resolve(below)
            below = os.path.dirname(below)
    return {folder: path for folder, path in found.items() if _is_within(folder, heads)}


def refuse_overlap(
    inputs: Sequence[Input],
    sources: Iterable[str],
    folders: Mapping[str, str],
    export: tuple[str, str],
    job_dir: tuple[str, str],
    setting: str = "export_path",
    remedy: str = "put it elsewhere",
) -> None:
    """Whether the next run would find what this one writes, under whatever name the input leads to it.

    Args:
        sources: paths of the files that were found, without links.
        folders: what `find_folders` gave.
        export: the path as it is named, and without links.
        job_dir: likewise.
        setting, remedy: which one says that the export is written, and what to do about it.
    Raises: ConfigError: the export would replace a source, or export or job are where the input is looked for.
    """
    if export[1] in set(sources):
        raise ConfigError(
            f"{setting}: {export[0]} is an input of this job. Nothing was changed; export to another file."
        )
    for name, (spelling, path), is_folder in ((setting, export, False), ("work_dir", job_dir, True)):
        do = "put it elsewhere" if is_folder else remedy
        spelled = {spelling, path, *_names_in(folders, path)}
        for each in inputs:
            if any(_leads_to(each, output, is_folder=is_folder) for output in spelled):
                raise ConfigError(
                    f"{name}: {spelling} lies in the input {each.given}, so that the next run would read it as rows. "
                    f"Nothing was changed; {do}."
                )


def _names_in(folders: Mapping[str, str], path: str) -> Iterator[str]:
    """The names by which the folders of the input lead to a path."""
    for folder, real in folders.items():
        if path.startswith(real.rstrip("/") + "/"):
            yield folder.rstrip("/") + path[len(real.rstrip("/")) :]


def _leads_to(each: Input, output: str, *, is_folder: bool) -> bool:
    if not each.is_pattern:
        return output.startswith(each.path.rstrip("/") + "/")
    if is_folder:
        last = each.path.rpartition("/")[2]
        return bool(GLOB_MARKS & set(last)) and may_match_below(each.path, output)
    return would_match(each.path, output)


def _is_within(folder: str, heads: set[str]) -> bool:
    return any(folder == head or folder.startswith(head.rstrip("/") + "/") for head in heads)
