"""Settings as they were given, from several sources, and which of them counts. Pure.

Precedence: defaults < recipe < environment < command line; within each source flat keys < `partition.max_retries` and
its like < nested keys.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from data_juicer.config.schema import SPECS, JobConfig
from data_juicer.config.sources import foreign, legacy
from data_juicer.config.sources.entries import OperatorEntry, mixture_of
from data_juicer.config.sources.operator_flags import names_parameter, read_parameter, with_parameters
from data_juicer.config.sources.plain import InvalidValueError, plain_copy
from data_juicer.config.sources.scalars import resolve_scalar
from data_juicer.config.spec import LIST_MARKS, Flag, read_yaml
from data_juicer.config.wording import clip, did_you_mean, nearest, one_line, show
from data_juicer.errors import ConfigError
from data_juicer.redaction import SECRET_PREFIX

RECIPE: Final = 0
ENVIRONMENT: Final = 1
COMMAND_LINE: Final = 2
ENVIRONMENT_PREFIX: Final = "DJ_"


class Source(msgspec.Struct, frozen=True, kw_only=True):
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


class Given(msgspec.Struct, frozen=True, kw_only=True):
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
            dataclasses.replace(entry, origin=locate(f"process[{index}]"))
            for index, entry in enumerate(entries)
        )


def _read(spec: Any, value: Any) -> Any:
    return spec.read_words(value) if isinstance(value, tuple) else spec.read(value)


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What counts of all that was given."""

    values: Mapping[str, Any]
    """Dotted key -> value; defaults are not among them."""
    givens: Mapping[str, Given]
    parameters: tuple[Given, ...]
    """Those of operators, which count beside those of `process`."""
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
    for variable in sorted(
        name for name in environ if name.startswith(ENVIRONMENT_PREFIX) and not name.startswith(SECRET_PREFIX)
    ):
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
    others: list[Given] = []
    for given in givens:
        key, _ = legacy.current_key(given.path)
        if key in SPECS:
            value = given.read()
            if key not in winners or _outranks(given, winners[key]):
                winners[key], values[key] = given, value
        else:
            others.append(given)
    _name_mixture(values, winners)
    process = values.get("process", ())
    parameters = [given for given in others if names_parameter(given.path, process)]
    if parameters:
        values["process"] = with_parameters(process, {given.path: _parameter(given) for given in parameters})
    ignored = [given for given in others if given not in parameters and _is_ignored(given, process)]
    return Settled(
        values=values,
        givens=winners,
        parameters=tuple(parameters),
        notices=(*_choose_input(values, winners), *_tell_ignored(ignored)),
    )


def _name_mixture(values: dict[str, Any], winners: dict[str, Given]) -> None:
    """Paths with weights become `dataset`, which they stand for. Raises: ConfigError."""
    given = winners.get("dataset_path")
    if given is None:
        return
    try:
        mixture = mixture_of(values["dataset_path"])
    except InvalidValueError as error:
        raise given.source.refuse(given.path, str(error)) from None
    if mixture is None:
        return
    if "dataset" in winners and winners["dataset"].source.rank > given.source.rank:
        return
    values["dataset"], winners["dataset"] = mixture, given
    del values["dataset_path"], winners["dataset_path"]


def _parameter(given: Given) -> Any:
    try:
        return read_parameter(given.value)
    except InvalidValueError as error:
        raise given.source.refuse(given.path, str(error)) from None


def _choose_input(values: dict[str, Any], winners: dict[str, Given]) -> Iterator[str]:
    """Of dataset_path and dataset the one of the stronger source counts, else dataset_path, as DataJuicer has it."""
    if not (values.get("dataset_path") and values.get("dataset")):
        return
    is_long = winners["dataset"].source.rank > winners["dataset_path"].source.rank
    kept, dropped = ("dataset", "dataset_path") if is_long else ("dataset_path", "dataset")
    yield one_line(
        f"{winners[dropped].source.locate(dropped)}: {dropped}: not used, since {kept} names the input"
    )
    del values[dropped], winners[dropped]


def _outranks(given: Given, other: Given) -> bool:
    ranks = [(one.source.rank, legacy.current_key(one.path)[1]) for one in (given, other)]
    if ranks[0] == ranks[1]:
        raise given.source.refuse(
            given.path, f"given twice, here and as {other.path} ({other.source.locate(other.path)})"
        )
    return ranks[0] > ranks[1]


def _is_ignored(given: Given, process: Sequence[OperatorEntry]) -> bool:
    """Whether a setting of DataJuicer's has no effect here, so that people are told; not where it asks for nothing.

    Raises: ConfigError: it is unknown, or would have an effect that is not built yet.
    """
    path = given.path
    if _why_ignored(path):
        return True
    if path not in foreign.REFUSED:
        raise given.source.refuse(path, _unknown(path, given.source, process))
    value = _plain_value(given)
    if value not in foreign.REFUSED[path]:
        is_known = isinstance(value, Mapping) and value.keys() <= foreign.CREDENTIALS.keys()
        reason = foreign.why_no_credentials(value) if is_known else "not available yet"
        raise given.source.refuse(path, reason)
    return False


def _unknown(path: str, source: Source, process: Sequence[OperatorEntry]) -> str:
    hint = suggestion(path)
    if hint or source.rank != COMMAND_LINE or "." not in path:
        return f"unknown setting{hint}"
    operator = path.partition(".")[0]
    near = did_you_mean(operator, [entry.name for entry in process])
    return f"neither a setting nor a parameter of an operator of process{near}"


def _why_ignored(path: str) -> str | None:
    return foreign.NO_EFFECT.get(path) or foreign.NO_EFFECT.get(path.split(".", maxsplit=1)[0])


def _tell_ignored(ignored: Iterable[Given]) -> Iterator[str]:
    """One notice for each reason, with the place of the first setting."""
    by_reason: dict[tuple[str, str], list[Given]] = {}
    for given in ignored:
        by_reason.setdefault((given.source.name, _why_ignored(given.path) or ""), []).append(given)
    for (_, reason), givens in by_reason.items():
        names = ", ".join(given.path for given in givens)
        yield one_line(f"{givens[0].source.locate(givens[0].path)}: {names}: no effect here: {reason}")


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
