"""What settings mean to each other: computed defaults, and values that do not go together. Pure."""

from __future__ import annotations

import os.path
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from data_juicer.config import paths
from data_juicer.config.sources.arguments import export_options, read_options
from data_juicer.config.sources.plain import InvalidValueError
from data_juicer.config.wording import did_you_mean, show
from data_juicer.formats.registry import EXPORTS, FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPRESSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    each.name: each.intermediates for each in FORMATS.values() if each.intermediates
}
"""Intermediate format -> the compressions it has; the first is what `auto` stands for."""

EXPORT_SUFFIXES: Final[Mapping[str, str]] = {
    f".{kind}": kind for kind, (name, _) in EXPORTS.items() if not FORMATS[name].exports_as
} | {".bin": "megatron"}
"""Suffix of the export -> `export_type`."""


def compression_of(format_: str, compression: str) -> str:
    """The compression that is meant: `auto` follows the format."""
    return COMPRESSIONS[format_][0] if compression == "auto" else compression


def export_type_of(path: str, export_type: str) -> str:
    """The type of an export, from its suffix unless it is given; empty where the suffix says nothing."""
    if export_type:
        return export_type
    name = os.path.basename(path).lower()
    return next((kind for suffix, kind in EXPORT_SUFFIXES.items() if name.endswith(suffix)), "")


def stats_path_of(path: str) -> str:
    """Where the stats of an export go: `NAME_stats.jsonl` beside `NAME.jsonl`, `NAME.jsonl.gz`, the folder `NAME` and so on."""
    folder, name = os.path.split(path.rstrip("/"))
    suffix = next((each for each in EXPORT_SUFFIXES if name.lower().endswith(each)), "")
    return os.path.join(folder, f"{name[: len(name) - len(suffix)]}_stats.jsonl")


def storage_conflict(format_: str, compression: str) -> str | None:
    existing = COMPRESSIONS[format_]
    if compression in existing or compression == "auto":
        return None
    return f"{compression} is no compression of format {format_}; choose one of: auto, {', '.join(existing)}"


def find_conflict(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first setting, of all settings by dotted key, that does not go with the others, and what is wrong."""
    if problem := storage_conflict(
        values["intermediate_storage.format"], values["intermediate_storage.compression"]
    ):
        return "intermediate_storage.compression", problem
    if conflict := _dataset_conflict(values) or paths.find_conflict(values):
        return conflict
    effective_type = export_type_of(values["export_path"], values["export_type"])
    if not effective_type:
        known = ", ".join(EXPORT_SUFFIXES)
        return (
            "export_path",
            f"{show(values['export_path'])} ends with none of {known}; change it or set export_type",
        )
    for key, read in (
        ("export_extra_args", partial(export_options, effective_type)),
        ("load_dataset_kwargs", read_options),
    ):
        try:
            read(values[key])
        except InvalidValueError as error:
            return key + error.below, str(error)
    if values["resume"] and (values["new"] or values["job_id"] not in {None, values["resume"]}):
        other = "new" if values["new"] else "job_id"
        return "resume", f"{show(values['resume'])}: {other} asks for another job; keep one of them"
    if values["executor_type"] == "inline":
        for key in ("fault_tolerance.op_timeout_s", "fault_tolerance.worker_memory_mb"):
            if values[key]:
                return key, "executor_type inline has no worker that could be limited; use local, or set 0"
    if values["fault_tolerance.speculate"] == "always" and (problem := _speculation_problem(values)):
        return "fault_tolerance.speculate", problem
    if values["checkpoint.strategy"] == "manual" and values["checkpoint.enabled"]:
        return _manual_conflict(values)
    return None


def _speculation_problem(values: Mapping[str, Any]) -> str | None:
    """Why no copy of a straggler can ever be begun."""
    if values["executor_type"] == "inline" or values["np"] == 1:
        return "always needs a second worker to begin a partition again on; set np to 2 or more, or auto here"
    if not values["fault_tolerance.enabled"]:
        return "always does not go with fault_tolerance.enabled false; set auto here"
    if values["intermediate_storage.preserve_intermediate_data"]:
        return (
            "always does not go with intermediate_storage.preserve_intermediate_data, whose files two attempts "
            "would write at once; set auto here"
        )
    return None


def _dataset_conflict(values: Mapping[str, Any]) -> tuple[str, str] | None:
    if values["dataset"] is not None:
        if not any(source.weight for source in values["dataset"].configs):
            return "dataset", "all weights are 0: no row would be taken"
        if values["dataset_path"]:
            return "dataset", "dataset_path is set too; both name the input, keep one of them"
        return None
    if not values["dataset_path"]:
        return "dataset_path", "no input; set dataset_path to a file, a folder or a list of them"
    return None


def _manual_conflict(values: Mapping[str, Any]) -> tuple[str, str] | None:
    names = values["checkpoint.op_names"]
    if not names:
        return "checkpoint.op_names", "empty; the strategy manual needs the operators after which to save"
    running = [entry.name for entry in values["process"]]
    for index, name in enumerate(names):
        if name not in running:
            hint = did_you_mean(name, running)
            return (
                f"checkpoint.op_names[{index}]",
                f"{show(name)} is not among the operators of process{hint}",
            )
    return None
