"""Operators by name.

Built-in operators are found by convention: `ops/mapper/NAME.py` holds one class with `name = NAME`. Names come from a
listing of files; a module is imported when its operator is used. Custom operators come from files that the recipe
names (`load_custom`), those of installed packages from the entry points of group `data_juicer.operators`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from data_juicer.errors import ConfigError
from data_juicer.foreign_code import Contained, ForeignExitError, error_text
from data_juicer.ops.base import Operator
from data_juicer.ops.catalog import custom, parameters
from data_juicer.ops.catalog.aliases import ALIASES, WITHOUT_EFFECT
from data_juicer.ops.catalog.missing import why_missing
from data_juicer.ops.operator_resources import declared_resources

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

KINDS: Final = ("mapper", "filter", "deduplicator", "selector", "grouper", "aggregator")
ENTRY_POINTS: Final = "data_juicer.operators"


def load_custom(paths: Sequence[str]) -> list[str]:
    """Load the operators of the user's own files; see `ops/catalog/custom.py`. Returns: their names. Raises: ConfigError."""
    return custom.load_custom(paths, taken=names)


def is_built_in(name: str) -> bool:
    """Whether an operator is one of this package, so that no other code is loaded to make it."""
    return ALIASES.get(name, name) in _built_in()


def names() -> list[str]:
    """Every operator that can be used, sorted; imports none of them."""
    return sorted({*_built_in(), *custom.classes(), *_entry_points()})


def find(name: str) -> type[Operator]:
    """The class of an operator.

    Raises: ConfigError: there is none of this name, or its module cannot be imported.
    """
    name = ALIASES.get(name, name)
    if name in _built_in():
        return _load_built_in(name)
    if name in custom.classes():
        return custom.classes()[name]
    if name in _entry_points():
        return custom.from_entry_point(name, _entry_points()[name])
    raise ConfigError(_unknown_operator(name))


def make(name: str, params: Mapping[str, Any], *, text_key: str = "text", seed: int = 42) -> Operator:
    """An operator with these parameters; nothing heavy is loaded.

    Args:
        text_key: the text column that the recipe names first; a `text_key` among `params` goes before it.
        seed: of the job, for operators that draw at random.
    Raises: ConfigError: operator or parameter unknown, or a value that does not fit.
    """
    cls = find(name)
    if name in ALIASES:
        params = {key: value for key, value in params.items() if key not in WITHOUT_EFFECT}
    declared = getattr(cls, "foreign", cls)
    checked = {"text_key": text_key, **parameters.check(name, declared, params)}
    parameters.refuse_empty_range(name, declared, checked)
    if getattr(cls, "draws", False):
        checked["seed"] = seed
    attributes = {**parameters.attribute_parameters(declared), **_attributes(declared, checked)}
    own = {key: value for key, value in checked.items() if key in parameters.own_parameters(declared)}
    operator = cls.__new__(cls)
    if declared is not cls:
        operator.explicit = frozenset(checked)  # type: ignore[attr-defined] # of adapters
    for key, value in attributes.items():
        setattr(operator, key, value)
    try:
        with Contained():
            operator.__init__(**own)  # type: ignore[misc] # field keys are set before, so that it can read them
    except ConfigError as error:
        raise ConfigError(parameters.blamed(name, str(error), params)) from error
    except Exception as error:  # an operator of the user's raises anything
        text = error_text(error)
        reason = (
            text
            if isinstance(error, ValueError | TypeError | AssertionError | ForeignExitError)
            else f"{type(error).__name__}: {text}"
        )
        cause = next((key for key in own if _can_be_made(cls, operator, own, key)), None)
        raise ConfigError(parameters.blamed(name, reason or type(error).__name__, params, cause)) from error
    operator.canonical = parameters.canonical(declared, checked)
    operator.resources = declared_resources(name, declared, params)
    return operator


def _can_be_made(cls: type[Operator], failed: Operator, own: Mapping[str, Any], without: str) -> bool:
    """Whether an operator that could not be made can be without one of its parameters: that one is to blame."""
    if len(own) < 2:
        return False
    again = cls.__new__(cls)
    vars(again).update(vars(failed))
    try:
        with Contained():
            again.__init__(**{key: value for key, value in own.items() if key != without})  # type: ignore[misc]
    except Exception:
        return False
    return True


def canonical_params(operator: Operator) -> bytes:
    """The parameters that decide the result as JSON, defaults filled in: part of the key of a checkpoint."""
    return operator.canonical


def _attributes(cls: type, checked: Mapping[str, Any]) -> dict[str, Any]:
    own = parameters.own_parameters(cls)
    return {key: value for key, value in checked.items() if key not in own}


@cache
def _built_in() -> Mapping[str, str]:
    """Operator -> its module."""
    folder = os.path.dirname(os.path.dirname(__file__))
    return {
        file.removesuffix(".py"): f"data_juicer.ops.{kind}.{file.removesuffix('.py')}"
        for kind in KINDS
        for file in os.listdir(os.path.join(folder, kind))
        if file.endswith(".py") and not file.startswith("_")
    }


@cache
def _load_built_in(name: str) -> type[Operator]:
    module = importlib.import_module(_built_in()[name])
    return next(
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Operator) and getattr(value, "name", None) == name
    )


@cache
def _entry_points() -> Mapping[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def nearest(name: str, count_max: int) -> list[str]:
    """The names of other operators that are most like a name, the nearest first."""
    import difflib

    others = [other for other in names() if other != name]
    return difflib.get_close_matches(name, others, n=count_max, cutoff=0.5)


def _unknown_operator(name: str) -> str:
    why = why_missing(name)
    if why is not None:
        return (
            f"operator {name!r} is one of DataJuicer's that is not here: {why}. "
            "One of your own can take its place: custom_operator_paths."
        )
    near = nearest(name, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"operator {name!r} is unknown{hint} {len(names())} are known: dj-process --list-ops prints them."
