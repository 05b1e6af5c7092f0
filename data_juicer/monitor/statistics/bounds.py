"""The bounds of filters, and which of their parameters decide from stats alone. Pure.

Only operators that this package ships are made here: what a job's folder says is not run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from data_juicer.errors import ConfigError, DataJuicerError
from data_juicer.ops.base import Filter, Operator, parameters_of
from data_juicer.ops.bases.range_filter import RangeFilter
from data_juicer.ops.catalog import parameters, registry


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """What a range filter keeps of its stat."""

    stat: str
    low: float | None
    """The least value that is kept; None where there is none."""
    high: float | None
    low_parameter: str | None
    """The parameter of the recipe that says it."""
    high_parameter: str | None
    is_low_kept: bool = True
    is_high_kept: bool = True
    is_reversed: bool = False
    """What is between the bounds is dropped instead."""


def entries_of(config: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name and parameters of each operator of the settings that a job summary holds; none where they are damaged."""
    process = config.get("process")
    if not isinstance(process, list):
        return []
    try:
        return [parameters_of(entry) for entry in process]
    except ValueError:
        return []


def make_built_in(name: str, params: Mapping[str, Any]) -> Operator:
    """An operator of this package. Raises: ConfigError: it is none, or a parameter does not fit."""
    if not registry.is_built_in(name):
        raise ConfigError(
            f"{name} is no operator of data_juicer, and code of others is not run to look at a job"
        )
    return registry.make(name, params)


def find_built_in(name: str, params: Mapping[str, Any]) -> Operator | None:
    """The same; None where it is none, or cannot be made here."""
    try:
        return make_built_in(name, params)
    except DataJuicerError:
        return None


def bound_of(operator: Operator | None, params: Mapping[str, Any]) -> Bound | None:
    """The bound of a range filter; None of another operator."""
    if not isinstance(operator, RangeFilter):
        return None
    names = [*parameters.own_parameters(type(operator)), *params]
    return Bound(
        stat=operator.stats_key,
        low=_shown(operator.low),
        high=_shown(operator.high),
        low_parameter=next((name for name in names if name.startswith("min_")), None),
        high_parameter=next((name for name in names if name.startswith("max_")), None),
        is_low_kept=operator.min_closed_interval,
        is_high_kept=operator.max_closed_interval,
        is_reversed=operator.reversed_range,
    )


def changed_parameters(old: Operator, new: Operator) -> set[str]:
    """Attributes in which two operators of one class differ."""
    one, other = vars(old), vars(new)
    return {
        name
        for name in one.keys() | other.keys()
        if name not in _NO_PARAMETERS and not _is_same(one.get(name), other.get(name))
    }


def decides_from_stats(operator: Operator, changed: set[str]) -> bool:
    """Whether these attributes of a filter leave its stats as they are, so that what is kept follows from the old stats."""
    return isinstance(operator, Filter) and changed <= operator.keep_attributes


_NO_PARAMETERS = {"canonical", "resources"}
_LIMIT = 1 << 62
"""Bounds beyond are the default for none."""


def _is_same(one: Any, other: Any) -> bool:
    if hasattr(one, "__dict__") and type(one) is type(other):
        return vars(one).keys() == vars(other).keys() and all(
            _is_same(value, vars(other)[name]) for name, value in vars(one).items()
        )
    return bool(one == other)


def _shown(bound: float | None) -> float | None:
    return None if bound is None or abs(bound) >= _LIMIT else bound


def parameters_with(
    entries: Sequence[tuple[str, dict[str, Any]]], changes: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """The operators with parameters set; one that is there several times gets them each time.

    Args:
        changes: `operator.parameter` -> value.
    Raises: ConfigError: the recipe has no such operator.
    """
    by_operator: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        operator, _, name = path.partition(".")
        by_operator.setdefault(operator, {})[name] = value
    names = {name for name, _ in entries}
    if unknown := sorted(by_operator.keys() - names):
        listed = ", ".join(dict.fromkeys(name for name, _ in entries))
        raise ConfigError(f"--{unknown[0]}: the recipe of this job has no such operator. It has: {listed}")
    return [(name, {**params, **by_operator.get(name, {})}) for name, params in entries]
