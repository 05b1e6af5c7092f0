"""Paths as people write them: `~`, `$HOME`, `file://`, `{work_dir}` and `{job_id}`, the same in every path. Pure.

`expand` reads the first three where a setting is loaded, `place.py` the last two once the id of the job is known. `s3://`, `gs://`
and `az://` are locations of object stores. A path of another scheme is refused by name, since it would otherwise be a folder
called `ftp:`.
"""

from __future__ import annotations

import dataclasses
import os.path
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from data_juicer.config.sources.entries import DatasetConfig, OperatorEntry
from data_juicer.config.sources.plain import InvalidValueError
from data_juicer.config.wording import show
from data_juicer.formats.hub import location as hub_location
from data_juicer.storage.locations.uri import CLOUD_SCHEMES, normal_uri

WORK_DIR: Final = "{work_dir}"
JOB_ID: Final = "{job_id}"
DIRECTORIES: Final = ("work_dir", "event_log_dir", "checkpoint_dir")
"""Settings below which a job has a folder of its own name."""
INPUTS: Final = ("dataset_path", "dataset")
PATHS: Final = (*INPUTS, "custom_operator_paths", "export_path", *DIRECTORIES, "process")
"""Settings that are paths or hold some."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)
_VARIABLE: Final = re.compile(r"\$(?:\$|([A-Za-z_]\w*)|\{([^{}]*)\})", re.ASCII)
_IN_BRACES: Final = re.compile(r"([A-Za-z_]\w*)(?::-(.*))?", re.ASCII | re.DOTALL)
_PATH_PARAMETER: Final = re.compile(r"(?:.*_)?(?:dir|path|file)")
"""Names of operators' parameters that are paths."""


class PathContext(msgspec.Struct, frozen=True, kw_only=True):
    """What paths refer to outside of the recipe."""

    environ: Mapping[str, str]
    expand_user: Callable[[str], str]
    """`~` and `~name` at the start of a path -> the home directory; the path itself where there is no such user."""


def expand(path: str, context: PathContext, *, is_input: bool = False) -> str:
    """The path with `~`, `$NAME`, `${NAME}` and `${NAME:-default}` filled in, and without `file://`; `$$` is a dollar sign.

    The default is used where the variable is not set or empty, as in a shell.

    Args:
        is_input: it may be a dataset of the Hugging Face hub too, `hf://datasets/ORG/NAME`.
    Raises: InvalidValueError: a variable is not set, a user is unknown, or no store serves the scheme.
    """

    def value_of(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        parts = _IN_BRACES.fullmatch(match[1] or match[2] or "")
        if parts is None:
            raise InvalidValueError(
                f"{show(path)}: found {show(match[0])}, expected ${{NAME}} or ${{NAME:-default}} (a dollar sign is written $$)"
            )
        name, default = parts.groups()
        if default is not None:
            return context.environ.get(name) or default
        if name not in context.environ:
            raise InvalidValueError(
                f"{show(path)}: the variable {name} is not set (a dollar sign is written $$)"
            )
        return context.environ[name]

    filled = _VARIABLE.sub(value_of, path)
    if path.startswith("~"):
        filled = context.expand_user(filled)
        if filled.startswith("~"):
            raise InvalidValueError(f"{show(path)}: there is no such user (a file of this name is ./{path})")
    if is_input and filled.startswith(hub_location.SCHEME):
        try:
            hub_location.parse_location(filled)
        except ValueError as error:
            raise InvalidValueError(f"{show(path)}: {error}") from None
        return filled
    return _without_scheme(filled)


def _without_scheme(path: str) -> str:
    match = _SCHEME.fullmatch(path)
    if match is None:
        return path
    scheme, rest = match[1].lower(), match[2]
    if scheme == "file" and rest.startswith("/"):
        return unquote(rest)
    if scheme in CLOUD_SCHEMES:
        try:
            return normal_uri(path)
        except ValueError as error:
            raise InvalidValueError(str(error)) from None
    raise InvalidValueError(
        f"{show(path)}: no store serves {scheme}://; name a path of this machine's file systems, or a location of "
        "s3://, gs:// or az://"
    )


def map_paths(key: str, value: Any, change: Callable[[str], str]) -> Any:
    """A setting of PATHS with every path in it changed. Raises: what `change` raises, `below` filled in."""
    match value:
        case str():
            return change(value)
        case DatasetConfig():
            sources = tuple(
                msgspec.structs.replace(source, path=_at(f".configs[{index}].path", change, source.path))
                for index, source in enumerate(value.configs)
            )
            return msgspec.structs.replace(value, configs=sources)
        case tuple() if key == "process":
            return tuple(_map_entry(index, entry, change) for index, entry in enumerate(value))
        case tuple():
            labels = [f"[{index}]" for index in range(len(value))] if len(value) > 1 else [""]
            return tuple(_at(place, change, path) for place, path in zip(labels, value, strict=False))
    return value


def _map_entry(index: int, entry: OperatorEntry, change: Callable[[str], str]) -> OperatorEntry:
    params = {
        name: _at(f"[{index}].{entry.name}.{name}", change, value)
        if isinstance(value, str) and _PATH_PARAMETER.fullmatch(name)
        else value
        for name, value in entry.params.items()
    }
    return entry if params == entry.params else dataclasses.replace(entry, params=params)


def _at(below: str, change: Callable[[str], str], path: str) -> str:
    try:
        return change(path)
    except InvalidValueError as error:
        raise InvalidValueError(str(error), below) from None


def work_dir_of(export_path: str, work_dir: str) -> str:
    """The work directory: beside the export unless it is given; what is below `{job_id}` belongs to the job."""
    if work_dir:
        return work_dir
    folder = os.path.dirname(export_path) or "."
    before, found, _ = f"{folder}/".partition(f"/{JOB_ID}/")
    return f"{before}/{JOB_ID}" if found else folder


def find_conflict(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first directory whose placeholders have no meaning, and why."""
    if WORK_DIR in values["work_dir"]:
        return "work_dir", f"{WORK_DIR} is the work directory itself"
    if not values["work_dir"] and WORK_DIR in values["export_path"]:
        return (
            "export_path",
            f"{WORK_DIR} is not known: work_dir is not set, and then it is the folder of the export",
        )
    for key in DIRECTORIES:
        path = values[key] or ""
        if JOB_ID in path and not ends_in_job_id(path):
            example = path.partition(JOB_ID)[0].rstrip("/") or "outputs"
            return key, f"{show(path)}: {JOB_ID} can only be its last part, as in {example}/{JOB_ID}"
    return None


def ends_in_job_id(path: str) -> bool:
    return os.path.basename(path.rstrip("/")) == JOB_ID and path.count(JOB_ID) == 1
