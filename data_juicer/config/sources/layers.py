"""Settings as they were given, from several sources, and which of them counts. Pure.

Precedence: defaults < recipe < environment < command line; within each source flat keys < `partition.max_retries` and
its like < nested keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from data_juicer.config.schema import SPECS, JobConfig
from data_juicer.config.sources import foreign, legacy
from data_juicer.config.sources.entries import OperatorEntry
from data_juicer.config.sources.plain import InvalidValueError, plain_copy
from data_juicer.config.sources.scalars import resolve_scalar
from data_juicer.config.spec import LIST_MARKS, Flag, read_yaml
from data_juicer.config.wording import clip, did_you_mean, nearest, one_line, show
from data_juicer.errors import ConfigError

RECIPE: Final = 0
ENVIRONMENT: Final = 1
COMMAND_LINE: Final = 2
ENVIRONMENT_PREFIX: Final = "DJ_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where settings come from, and how an error calls the place."""

    rank: int
    name: str
    lines: Mapping[str, int]

    def locate(self, path: str) -> str:
        """`recipe.yaml:12` for a key path, by the nearest key around it whose line is known."""
        while path not in self.lines:
            cut = max(path.rfind("."), path.rfind("["))
            if cut < 0:
                return self.name
            path = path[:cut]
        return f"{self.name}:{self.lines[path]}"

    def refuse(self, path: str, text: str) -> ConfigError:
        return ConfigError(one_line(f"{self.locate(path)}: {clip(path)}: {text}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One setting from one source."""

    source: Source
    path: str
    """The key as it was written."""
    value: Any
    """A plain value; a tuple of words if it comes from a command line or a variable."""

    def read(self) -> Any:
        """The value in the form of the schema. Raises: ConfigError."""
        key, _ = legacy.current_key(self.path)
        try:
            if names := legacy.TRUTH_VALUES.get(self.path):
                return names[_read(Flag(help=""), self.value)]
            value = _read(SPECS[key], self.value)
        except InvalidValueError as error:
            raise self.source.refuse(self.path + error.below, str(error)) from None
        return self._with_origins(value) if key == "process" else value

    def _with_origins(self, entries: Sequence[OperatorEntry]) -> tuple[OperatorEntry, ...]:
        locate = self.source.locate
        return tuple(
            replace(entry, origin=locate(f"process[{index}]")) for index, entry in enumerate(entries)
        )


def _read(spec: Any, value: Any) -> Any:
    return spec.read_words(value) if isinstance(value, tuple) else spec.read(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What counts of all that was given."""

    values: Mapping[str, Any]
    """Dotted key -> value; defaults are not among them."""
    givens: Mapping[str, Given]
    notices: tuple[str, ...]


def from_recipe(value: Any, source: Source) -> Iterator[Given]:
    """The settings of a recipe, given as plain values.

    Raises: ConfigError: the recipe or a section of it is no mapping.
    """
    try:
        recipe = plain_copy({} if value is None else value)
    except InvalidValueError as error:
        raise source.refuse(error.below.removeprefix("."), str(error)) from None
    if not isinstance(recipe, dict):
        raise ConfigError(f"{source.name}: {show(recipe)} is not a recipe, a mapping of settings")
    for key, inner in recipe.items():
        if key not in JobConfig.SECTIONS:
            yield Given(source=source, path=key, value=inner)
        elif isinstance(inner, dict):
            yield from (
                Given(source=source, path=f"{key}.{name}", value=leaf) for name, leaf in inner.items()
            )
        elif inner is not None:
            raise source.refuse(key, f"{show(inner)} is not a mapping of settings such as {_example(key)}")


def _example(section: str) -> str:
    return next(key for key in SPECS if key.startswith(section + ".")).replace(".", ": {", 1) + ": ...}"


def from_environment(environ: Mapping[str, str]) -> tuple[list[Given], list[str]]:
    """The settings among variables, `DJ_CHECKPOINT__STRATEGY` for checkpoint.strategy; notices for other `DJ_*`.

    A variable that is no setting is somebody else's, and not an error.
    """
    known = {variable_of(key): key for key in (*SPECS, *legacy.FLAT, *legacy.BELOW_PARTITION)}
    givens: list[Given] = []
    notices: list[str] = []
    for variable in sorted(name for name in environ if name.startswith(ENVIRONMENT_PREFIX)):
        if variable in known:
            source = Source(rank=ENVIRONMENT, name=variable, lines={})
            givens.append(Given(source=source, path=known[variable], value=(environ[variable],)))
        else:
            notices.append(
                one_line(f"{clip(variable)}: not a setting, ignored{did_you_mean(variable, known)}")
            )
    return givens, notices


def variable_of(key: str) -> str:
    return ENVIRONMENT_PREFIX + key.upper().replace(".", "__")


def settle(givens: Iterable[Given]) -> Settled:
    """Read every setting, also those that do not count in the end, and choose by precedence.

    Raises: ConfigError: a setting is unknown, refused, given twice, or has a value that is not allowed.
    """
    winners: dict[str, Given] = {}
    values: dict[str, Any] = {}
    notices: list[str] = []
    for given in givens:
        key, _ = legacy.current_key(given.path)
        if key in SPECS:
            value = given.read()
            if key not in winners or _outranks(given, winners[key]):
                winners[key], values[key] = given, value
        else:
            notices.extend(_read_foreign(given))
    return Settled(values=values, givens=winners, notices=tuple(notices))


def _outranks(given: Given, other: Given) -> bool:
    ranks = [(one.source.rank, legacy.current_key(one.path)[1]) for one in (given, other)]
    if ranks[0] == ranks[1]:
        raise given.source.refuse(
            given.path, f"given twice, here and as {other.path} ({other.source.locate(other.path)})"
        )
    return ranks[0] > ranks[1]


def _read_foreign(given: Given) -> Iterator[str]:
    """The notice of a setting of DataJuicer's that has no effect here."""
    path = given.path
    if reason := foreign.NO_EFFECT.get(path) or foreign.NO_EFFECT.get(path.split(".")[0]):
        yield one_line(f"{given.source.locate(path)}: {path}: no effect here: {reason}")
    elif path not in foreign.REFUSED:
        raise given.source.refuse(path, f"unknown setting{suggestion(path)}")
    elif _plain_value(given) not in foreign.REFUSED[path]:
        raise given.source.refuse(path, "not available yet")


def _plain_value(given: Given) -> Any:
    if not isinstance(given.value, tuple):
        return given.value
    word = " ".join(given.value)
    try:
        return read_yaml(word) if word.startswith(LIST_MARKS) else resolve_scalar(word)
    except InvalidValueError as error:
        raise given.source.refuse(given.path, str(error)) from None


def suggestion(path: str) -> str:
    """`; did you mean partition.size?` for a name that is no setting, by its whole or by its last part."""
    ours = {key.rpartition(".")[2]: key for key in SPECS} | {key: key for key in (*SPECS, *legacy.FLAT)}
    found = nearest(path, ours) or nearest(path.rpartition(".")[2], ours)
    name = ours[found] if found else nearest(path, foreign.NAMES)
    return f"; did you mean {name}?" if name else ""
