"""The operators of a job, made from their entries: this is what finds wrong names and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_juicer.config.wording import one_line
from data_juicer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data_juicer.config.schema import JobConfig, OperatorEntry
    from data_juicer.ops.base import Operator


def check_operators(config: JobConfig) -> tuple[Operator, ...]:
    """Make every operator of `process`, custom ones included. No row is read, no model loaded.

    Imports the operators' modules, and with them Arrow and numpy.
    Raises: ConfigError: an operator or parameter is unknown, or a value does not fit; with file, line and key path.
    """
    from data_juicer.ops.base import as_asked

    load_custom_operators(config.custom_operator_paths, config.recipe_path)
    return tuple(
        as_asked(made, measures_only=config.analyze, keeps_hashes=config.keep_hashes_in_res_ds)
        for made in (
            _make(entry, index, config.text_keys[0], config.seed)
            for index, entry in enumerate(config.process)
        )
    )


def load_custom_operators(paths: Sequence[str], recipe_path: str | None) -> None:
    """Raises: ConfigError: a path is missing, or holds no operator that can be used."""
    from data_juicer.ops.catalog import registry

    try:
        registry.load_custom(paths)
    except ConfigError as error:
        raise ConfigError(one_line(f"{recipe_path or 'recipe'}: {error}")) from error


def _make(entry: OperatorEntry, index: int, text_key: str, seed: int) -> Operator:
    from data_juicer.ops.catalog import registry

    try:
        return registry.make(entry.name, entry.params, text_key=text_key, seed=seed)
    except ConfigError as error:
        where = f"{entry.origin or 'recipe'}: process[{index}].{entry.name}"
        raise ConfigError(one_line(f"{where}{_blame(entry, str(error))}")) from error


def _blame(entry: OperatorEntry, message: str) -> str:
    """The registry's message after the path of the parameter that it names, where it names one."""
    text = message.removeprefix(f"operator {entry.name}: ")
    for key in entry.params:
        if text.startswith((f"parameter {key!r} ", f"{key} = ")):
            return f".{key}: {text.removeprefix(f'parameter {key!r} is ')}"
    return f": {text}"
