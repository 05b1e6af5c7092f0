"""From a command line, variables and a recipe to a JobConfig. Nothing is created on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from data_juicer import redaction
from data_juicer.config.paths import INPUTS, PATHS, PathContext, expand, map_paths
from data_juicer.config.schema import DEFAULTS, JobConfig, find_problem
from data_juicer.config.secrets import Secret, resolve_secrets, without_secrets_in_words
from data_juicer.config.sources import layers
from data_juicer.config.sources.command_line import as_word, read_flags
from data_juicer.config.sources.layers import Given, Settled, Source
from data_juicer.config.sources.plain import InvalidValueError
from data_juicer.config.wording import one_line
from data_juicer.errors import ConfigError, StoreError
from data_juicer.storage import open_store
from data_juicer.storage.locations.uri import is_cloud, normal_uri


def load_config(argv: Sequence[str], environ: Mapping[str, str]) -> JobConfig:
    """The job that a command line asks for.

    Args:
        argv: words after the program's name, `--config` among them.
        environ: variables; those that begin with DJ_ are looked at.
    Raises: ConfigError: one line with place, key, value, what is allowed, and the nearest name.
    """
    recipe_path, flags = read_flags(argv)
    if recipe_path is None and not any(given.path in {"dataset_path", "dataset"} for given in flags):
        raise ConfigError("command line: no recipe; type dj-process --config RECIPE")
    recipe, source = (None, _source("recipe")) if recipe_path is None else _read_file(recipe_path)
    return _load(recipe, source, flags, environ, recipe_path, argv)


def load_recipe(
    recipe: str | os.PathLike[str] | Mapping[str, Any],
    overrides: Mapping[str, Any],
    environ: Mapping[str, str],
) -> JobConfig:
    """The job that a caller asks for.

    Args:
        recipe: path of a YAML file, or the settings themselves.
        overrides: settings that win over recipe and environment; nested, dotted or flat like those of a recipe.
        environ: as for load_config.
    Raises: ConfigError: as for load_config.
    """
    given = list(layers.from_recipe(overrides, Source(rank=layers.COMMAND_LINE, name="overrides", lines={})))
    if isinstance(recipe, Mapping):
        return _load(recipe, _source("recipe"), given, environ, None, ())
    path = os.fspath(recipe)
    value, source = _read_file(path)
    return _load(value, source, given, environ, path, ("--config", path, *map(as_word, given)))


def _source(name: str, lines: Mapping[str, int] | None = None) -> Source:
    return Source(rank=layers.RECIPE, name=name, lines=lines or {})


def _read_file(path: str) -> tuple[Any, Source]:
    from data_juicer.config.sources.yaml_text import parse_yaml

    name = one_line(path)
    text = read_recipe(path)
    try:
        document = parse_yaml(text, name)
    except ConfigError as error:
        raise ConfigError(one_line(str(error))) from None
    return document.value, _source(name, document.lines)


def read_recipe(path: str) -> bytes:
    """The text of a recipe, which is a file of this machine or an object of a store; a byte more than allowed where it is longer.

    Raises: ConfigError: it cannot be read.
    """
    from data_juicer.config.sources.yaml_text import TEXT_BYTES_MAX

    try:
        if is_cloud(path):
            return open_store(path).read_range(normal_uri(path), 0, TEXT_BYTES_MAX + 1)
        with open(path, "rb") as file:
            return file.read(TEXT_BYTES_MAX + 1)
    except StoreError as error:
        found = f"{error.reason}. Nothing was changed. {error.remedy}"
        raise ConfigError(one_line(f"{path}: the recipe cannot be read: {found}")) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(one_line(f"{path}: the recipe cannot be read: {reason}")) from None


def _load(
    recipe: Any,
    source: Source,
    last: Iterable[Given],
    environ: Mapping[str, str],
    recipe_path: str | None,
    arguments: Sequence[str],
) -> JobConfig:
    """
    Args:
        arguments: words of a command line that ask for `recipe` and `last`; none where there is no such command line.
    """
    variables, notices = layers.from_environment(environ)
    settled = layers.settle([*layers.from_recipe(recipe, source), *variables, *last])
    settled = _expand_paths(settled, PathContext(environ=environ, expand_user=os.path.expanduser))
    settled, secrets = _read_secrets(settled, environ)
    _check_together(settled, source)
    if arguments:
        used = [given for given in settled.givens.values() if given.source.rank == layers.ENVIRONMENT]
        arguments = without_secrets_in_words((*arguments, *map(as_word, used)), secrets)
    return _build(settled.values, recipe_path, tuple(arguments), (*settled.notices, *notices), secrets)


def _read_secrets(settled: Settled, environ: Mapping[str, str]) -> tuple[Settled, tuple[Secret, ...]]:
    """The settings with secrets of operators read from variables; this process never shows them from now on."""
    given = settled.givens.get("process")
    if given is None:
        return settled, ()
    try:
        process, secrets = resolve_secrets(settled.values["process"], environ)
    except InvalidValueError as error:
        raise given.source.refuse(given.path + error.below, str(error)) from None
    redaction.know(secret.value for secret in secrets)
    return replace(settled, values={**settled.values, "process": process}), secrets


def _expand_paths(settled: Settled, context: PathContext) -> Settled:
    values = dict(settled.values)
    for key in PATHS:
        if key in values:
            given = settled.givens[key]
            try:
                values[key] = map_paths(
                    key, values[key], partial(expand, context=context, is_input=key in INPUTS)
                )
            except InvalidValueError as error:
                raise given.source.refuse(given.path + error.below, str(error)) from None
    return replace(settled, values=values)


def _check_together(settled: Settled, recipe: Source) -> None:
    """Refuse what does not go together here, where it is known which line said so."""
    if problem := find_problem({**DEFAULTS, **settled.values}):
        key, text = problem
        given = settled.givens.get(key.partition("[")[0])
        raise (given.source if given else recipe).refuse(key, text)


def _build(
    values: Mapping[str, Any],
    recipe_path: str | None,
    arguments: tuple[str, ...],
    notices: tuple[str, ...],
    secrets: tuple[Secret, ...],
) -> JobConfig:
    parts: dict[str, dict[str, Any]] = {section: {} for section in ("", *JobConfig.SECTIONS)}
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        parts[section][name] = value
    sections = {section: kind(**parts[section]) for section, kind in JobConfig.SECTIONS.items()}
    return JobConfig(
        **parts[""],
        **sections,
        recipe_path=recipe_path,
        arguments=arguments,
        notices=notices,
        secrets=secrets,
    )
