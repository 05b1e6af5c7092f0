"""What a recipe asks for, and whether that is there already; found without changing anything."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from data_juicer.clock import Clock
from data_juicer.config.fingerprint import digest, result_settings
from data_juicer.config.operators import check_operators
from data_juicer.config.schema import JobConfig
from data_juicer.config.sources.arguments import find_useless
from data_juicer.engine.index.uses import (
    IndexUse,
    JobPins,
    added_to,
    find_pins,
    find_uses,
    names_index,
    refuse_inside_input,
    with_pins,
)
from data_juicer.engine.lifecycle.build_setup import export_target, gives_row_stats, text_keys_needed
from data_juicer.engine.lifecycle.guard_export import refuse_to_replace
from data_juicer.engine.lifecycle.validate_input import validate_input
from data_juicer.engine.output.export_owner import find_clashes
from data_juicer.engine.output.export_tokenizer import resolve_tokenizer
from data_juicer.engine.output.published import find_changes
from data_juicer.errors import CheckpointCorruptError, ConfigError, JobError, JobNotFoundError
from data_juicer.formats.base import ExportOptions, LeftOut, SourceFile
from data_juicer.formats.discover import discover
from data_juicer.formats.hub.cache import hub_cache
from data_juicer.formats.hub.location import SCHEME
from data_juicer.formats.partition import check_source
from data_juicer.formats.registry import FORMATS
from data_juicer.installed import find_version
from data_juicer.job import summary as summaries
from data_juicer.job.layout import JobLayout
from data_juicer.job.naming import layout_of, name_job
from data_juicer.job.summary import JobStatus, JobSummary
from data_juicer.ops.base import Operator
from data_juicer.ops.catalog import custom
from data_juicer.plan.identity import identify
from data_juicer.plan.mapping import decode_sources
from data_juicer.plan.overlap import Input, find_folders, refuse_overlap
from data_juicer.plan.references import are_unchanged, load_references
from data_juicer.plan.resume.report import decode_resume_report
from data_juicer.storage.base import Store
from data_juicer.storage.locations.uri import absolute
from data_juicer.storage.locations.walk import GLOB_MARKS
from data_juicer.store.export.results_manifest import ResultsManifest, find_results
from data_juicer.store.manifest import OperatorIdentity
from data_juicer.store.results import ExportTarget

_SAME_NAME: Final = "py-data-juicer"
_NO_STATS: Final = ("export_extra_args.export_stats", "set it to false, or export elsewhere")


class WantedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe whose operators, input and directories were found."""

    config: JobConfig
    layout: JobLayout
    operators: Sequence[Operator]
    identities: tuple[OperatorIdentity, ...]
    indexes: tuple[IndexUse, ...]
    """What deduplicators want of indexes of other jobs."""
    pins: JobPins
    """The versions of them that earlier runs of the job began with."""
    sources: Sequence[SourceFile]
    left_out: tuple[LeftOut, ...]
    """What is not read of the input."""
    export_options: ExportOptions
    """How the result is written, with the file of its tokenizer."""
    digest: str
    """Equal for runs that must give the same bytes from the same input."""
    export_path: str
    resume_command: str
    notices: tuple[str, ...]
    """What people are told about operators and input, a sentence each."""
    warnings: tuple[str, ...]
    """What they are warned of: the job does something else than they are likely to want."""


def find_wanted(config: JobConfig, store: Store, clock: Clock) -> WantedJob:
    """Raises: ConfigError, InputError: the recipe cannot be run; nothing was created."""
    config, job_id = name_job(config, clock)
    operators = check_operators(config)
    messages: list[str] = []
    left_out: list[LeftOut] = []
    sources = discover(
        store, config.sources(), config.suffixes, messages.append, left_out.append, config.read_options()
    )
    _refuse_useless_options(config, sources)
    identities = tuple(identify(operators))
    layout = layout_of(config, job_id)
    pins = find_pins(store, layout) if any(map(names_index, operators)) else JobPins()
    indexes = find_uses(store, operators, identities, pins)
    identities = with_pins(identities, indexes)
    refuse_inside_input(store, indexes, config.sources())
    _check_existence(store, layout, config)
    options = resolve_tokenizer(config)
    export_path = absolute(config.export_path)
    _refuse_overlap(store, config, sources, export_path, layout)
    target = _target(config, operators)
    if target.row_stats_path and store.at(export_path).tells_changes:
        store.entries(os.path.dirname(export_path))  # one request, and what is there is known of both files
    refuse_to_replace(store, config, target.path, (source.path for source in sources), layout)
    if target.row_stats_path:
        _refuse_overlap(store, config, sources, target.row_stats_path, layout, *_NO_STATS)
        refuse_to_replace(store, config, target.row_stats_path, (source.path for source in sources), layout)
    return WantedJob(
        config=config,
        layout=layout,
        operators=operators,
        identities=identities,
        indexes=indexes,
        pins=pins,
        sources=sources,
        left_out=tuple(left_out),
        export_options=options,
        digest=config_digest(config, identities, options.tokenizer_digest, indexes),
        export_path=export_path,
        resume_command=_resume_command(config, layout),
        notices=(
            *messages,
            *(f"{operator.name}: {notice}" for operator in operators for notice in operator.notices()),
            *custom.notices(),
            *_same_name(),
            *_open_to_others(store, config, operators, indexes),
        ),
        warnings=() if operators else ("process is empty: every row is copied as it is.",),
    )


def _target(config: JobConfig, operators: Sequence[Operator]) -> ExportTarget:
    return export_target(config, row_stats=gives_row_stats(config, operators))


def _refuse_useless_options(config: JobConfig, sources: Sequence[SourceFile]) -> None:
    """Raises: ConfigError: an option of reading has no meaning for any file of the input."""
    formats = {source.format for source in sources}
    for options in config.read_options():
        useless = find_useless(options, (FORMATS[name] for name in formats))
        if useless is not None:
            raise ConfigError(
                f"load_dataset_kwargs.{useless}: has no meaning for the files of the input ({', '.join(sorted(formats))}). "
                "Nothing was changed; leave it out."
            )


def _same_name() -> Iterator[str]:
    """A sentence where py-data-juicer is installed too, whose files share a folder with ours."""
    if (version := find_version(_SAME_NAME)) is not None:
        yield (
            f"py-data-juicer {version} is installed here too: both packages are imported as data_juicer, "
            "and the one installed last hides files of the other; give each an environment of its own (docs/migration.md)"
        )


def _refuse_overlap(
    store: Store,
    config: JobConfig,
    sources: Sequence[SourceFile],
    export_path: str,
    layout: JobLayout,
    *wording: str,
) -> None:
    """Paths are compared without links. Raises: ConfigError."""
    inputs = [_input(store, given) for given in config.sources()]
    folders = find_folders(inputs, (source.path for source in sources), store.resolve)
    refuse_overlap(
        inputs,
        (store.resolve(source.path) for source in sources),
        folders,
        (export_path, store.resolve(export_path)),
        (layout.job_dir, store.resolve(layout.job_dir)),
        *wording,
    )


def _input(store: Store, given: str) -> Input:
    """As `discover` takes it: what exists is no pattern, whatever marks its name has."""
    path = hub_cache(os.environ) if given.startswith(SCHEME) else absolute(os.path.expanduser(given))
    return Input(given=given, path=path, is_pattern=bool(GLOB_MARKS & set(path)) and not store.exists(path))


def _open_to_others(
    store: Store, config: JobConfig, operators: Sequence[Operator], indexes: Sequence[IndexUse]
) -> Iterator[str]:
    """A sentence for each file that decides what this job does and that other users can change."""
    code = [("custom_operator_paths", path) for path in config.custom_operator_paths]
    for name, path in (
        *code,
        *((operator.name, path) for operator in operators for path in operator.assets()),
        *((use.operator_name, pin.path) for use in indexes for pin in use.against if pin.version),
    ):
        if (found := store.find_untrusted(absolute(path))) is not None:
            yield f"{name}: {path}: {found}; who changes it decides what this job does"


def check_input(store: Store, wanted: WantedJob) -> None:
    """Look at the first rows of every source, before anything is created.

    Raises: InputError: none of a source can be read, or none has a field that operators read.
    """
    faults = wanted.config.fault_tolerance
    may_be_unreadable = faults.max_dead_letter_ratio >= 1 and faults.on_bad_row == "quarantine"
    for source in wanted.sources:
        check_source(
            store,
            source,
            text_keys_needed(wanted.operators, wanted.export_options),
            may_be_unreadable=may_be_unreadable,
        )
    validate_input(store, wanted.config, wanted.sources)


def find_done(store: Store, wanted: WantedJob) -> JobSummary | None:
    """The summary of a job that has nothing left to do: complete as it is wanted now, its export and input unchanged."""
    if wanted.config.verify_input or _known_sources(store, wanted.layout) != wanted.sources:
        return None
    if not are_unchanged(store, load_references(store, wanted.layout.references)):
        return None
    return None if find_published(store, wanted) is None else _find_completed(store, wanted)


def check_export(store: Store, wanted: WantedJob, clock: Clock) -> WantedJob:
    """The job with a warning for each file that it will replace and did not write.

    Raises: ConfigError: there is one, and the settings do not allow it; nothing was created.
    """
    target = _target(wanted.config, wanted.operators)
    clashes = find_clashes(store, wanted.layout, target, clock)
    if clashes and not wanted.config.overwrite_export:
        raise ConfigError(f"export_path: {clashes[0]} Nothing was changed (overwrite_export is false).")
    return replace(wanted, warnings=(*wanted.warnings, *clashes))


def _check_existence(store: Store, layout: JobLayout, config: JobConfig) -> None:
    """Raises: JobNotFoundError: the job to resume is not there. ConfigError: the new job is."""
    exists = store.exists(layout.summary)
    if config.resume and not exists:
        raise JobNotFoundError(
            f"resume: there is no job {config.resume} in {os.path.dirname(layout.job_dir)}. Nothing was created. "
            "A new job of this id is begun with --job_id."
        )
    if config.new and exists:
        raise ConfigError(
            f"new: there is a job {layout.job_id} in {os.path.dirname(layout.job_dir)} already. Nothing was changed. "
            f"To go on with it: --resume {layout.job_id}"
        )


def config_digest(
    config: JobConfig,
    identities: Sequence[OperatorIdentity],
    tokenizer: str = "",
    indexes: Sequence[IndexUse] = (),
) -> str:
    """Equal for runs that must give the same bytes from the same input.

    Args:
        tokenizer: digest of the one that makes the result tokens.
        indexes: those that the job adds to are part of what it makes.
    """
    tokens: dict[str, object] = {"tokenizer": tokenizer} if tokenizer else {}
    if added := added_to(indexes):
        tokens["indexes"] = added
    operators = msgspec.to_builtins(list(identities))
    return digest({"settings": result_settings(config), "operators": operators, **tokens})


def _resume_command(config: JobConfig, layout: JobLayout) -> str:
    """What to type, in any folder, to go on with the job."""
    arguments = config.arguments or ("--config", layout.recipe)
    if config.new:
        arguments = (*arguments, "--new=false")
    return summaries.resume_command(arguments, layout.job_id, os.getcwd())


def _find_completed(store: Store, wanted: WantedJob) -> JobSummary | None:
    """The summary of a job that is complete as it is wanted now, its export in place; the input is not looked at."""
    try:
        summary = summaries.find(store, wanted.layout)
    except JobError:
        return None
    if summary is None or summary.status is not JobStatus.COMPLETED or summary.config_digest != wanted.digest:
        return None
    return summary if summary.export_path == wanted.export_path else None


def find_published(store: Store, wanted: WantedJob) -> ResultsManifest | None:
    """What a job published that is complete as it is wanted now; None where it is not, or where files of it changed."""
    if _find_completed(store, wanted) is None:
        return None
    try:
        results = find_results(store, wanted.layout.results_manifest)
        path = wanted.layout.resume_report
        decode_resume_report(store.read(path), path)  # what `dj-jobs explain` tells is published too
    except (CheckpointCorruptError, JobError, FileNotFoundError):
        return None
    if results is None or not results.is_exported:
        return None
    return None if any(find_changes(store, results, wanted.layout)) else results


def _known_sources(store: Store, layout: JobLayout) -> list[SourceFile]:
    """The files of the input as the last scan saw them; none where there was no scan."""
    try:
        return list(decode_sources(store.read_document(layout.dataset_mapping), layout.dataset_mapping))
    except (FileNotFoundError, CheckpointCorruptError):
        return []
