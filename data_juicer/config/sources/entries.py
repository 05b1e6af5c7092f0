"""The two settings that have a form of their own: `process` and `dataset`. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import msgspec

from data_juicer.config.sources import foreign
from data_juicer.config.sources.arguments import Arguments, read_options
from data_juicer.config.sources.plain import InvalidValueError, plain_copy
from data_juicer.config.spec import (
    INTEGER_MAX,
    Integer,
    Number,
    Spec,
    check_text,
    read_yaml,
)
from data_juicer.config.wording import did_you_mean, show
from data_juicer.formats.hub import location as hub_location
from data_juicer.ops.base import parameters_of

_HUB: Final = "huggingface"
_OF_HUB: Final = ("name", "split", "revision", "data_files", "data_dir")
"""What says which files of a dataset are read, as DataJuicer has it."""
_OPERATOR_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorEntry:
    """An entry of `process`."""

    name: str
    params: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """As the recipe gives them: plain values, not yet checked against the operator."""
    origin: str = field(default="", compare=False)
    """Where it was written, such as `recipe.yaml:12`, for errors."""

    def __post_init__(self) -> None:
        if not _OPERATOR_NAME.fullmatch(self.name):
            raise InvalidValueError(
                f"{show(self.name)} is not an operator name: letters, digits and underscores"
            )
        object.__setattr__(self, "params", MappingProxyType(plain_copy(self.params)))

    def plain(self) -> dict[str, Any]:
        return {self.name: dict(self.params)}

    def index_locations(self) -> list[str]:
        """Where indexes are that a deduplicator reads or writes, as far as the recipe has the form for that."""
        named = self.params.get("against")
        against = named if isinstance(named, list | tuple) else []
        return [each for each in (self.params.get("dedup_index"), *against) if isinstance(each, str)]


class DatasetSource(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of `dataset.configs`."""

    path: str
    type: str = "local"
    weight: float = 1.0
    load_dataset_kwargs: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """How this source is read, beside what `load_dataset_kwargs` of the recipe says."""

    def plain(self) -> dict[str, Any]:
        own = {"load_dataset_kwargs": dict(self.load_dataset_kwargs)} if self.load_dataset_kwargs else {}
        is_hub = self.path.startswith(hub_location.SCHEME)
        remote = {"source": "huggingface" if is_hub else "s3"} if self.type == "remote" else {}
        return {"type": self.type, **remote, "path": self.path, "weight": self.weight, **own}


class DatasetConfig(msgspec.Struct, frozen=True, kw_only=True):
    configs: tuple[DatasetSource, ...]
    max_sample_num: int | None = None
    """At most so many rows of all sources together; None: all."""

    def plain(self) -> dict[str, Any]:
        limit = {} if self.max_sample_num is None else {"max_sample_num": self.max_sample_num}
        return {"configs": [source.plain() for source in self.configs], **limit}


_WEIGHT: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_WEIGHTED: Final = re.compile(r"\s*(?:0?\.[0-9]+|[01](?:\.[0-9]*)?)\s+\S.*", re.DOTALL)


def is_weighted(path: str) -> bool:
    """DataJuicer's `0.5 a.jsonl 0.5 b.jsonl`: it begins with a weight from 0 to 1. A file of such a name is written `./0.5 a.jsonl`."""
    return _WEIGHTED.fullmatch(path) is not None


def mixture_of(paths: Sequence[str]) -> DatasetConfig | None:
    """The mixture that paths with weights stand for; None where no path has one.

    A path without a weight has weight 1; one with spaces is quoted as in a shell.
    Raises: InvalidValueError: a weight without a path, or a quote that does not end.
    """
    if not any(map(is_weighted, paths)):
        return None
    sources: list[DatasetSource] = []
    for path in paths:
        if not is_weighted(path):
            sources.append(DatasetSource(path=path))
            continue
        weight: float | None = None
        for word in _words_of(path):
            if weight is None and _WEIGHT.fullmatch(word):
                weight = float(word)
            else:
                sources.append(DatasetSource(path=word, weight=1.0 if weight is None else weight))
                weight = None
        if weight is not None:
            raise InvalidValueError(f"{show(path)}: the last weight has no path")
    return DatasetConfig(configs=tuple(sources))


def _words_of(path: str) -> list[str]:
    try:
        return shlex.split(path)
    except ValueError as error:
        raise InvalidValueError(f"{show(path)}: {str(error).lower()}; quote paths as in a shell") from None


class Process(Spec, frozen=True, kw_only=True):
    @property
    def allowed(self) -> str:
        return "a list of operators, each `name` or `name: {parameter: value}`"

    def read(self, value: Any) -> tuple[OperatorEntry, ...]:
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise self.refuse(value)
        return tuple(_read_operator(entry, index) for index, entry in enumerate(value))

    def read_words(self, words: Sequence[str]) -> Any:
        return self.read(read_yaml(" ".join(words)))


def _read_operator(entry: Any, index: int) -> OperatorEntry:
    below = f"[{index}]"
    if isinstance(entry, OperatorEntry):
        return entry
    if not isinstance(entry, str | Mapping):
        raise InvalidValueError(
            f"{show(entry)} is not an operator: `name` or `name: {{parameter: value}}`", below
        )
    try:
        name, params = parameters_of(entry)
        return OperatorEntry(name=name, params=params)
    except InvalidValueError as error:
        raise InvalidValueError(str(error), below + error.below) from None
    except ValueError as error:
        raise InvalidValueError(f"{show(entry)}: {error}", below) from None


class Dataset(Spec, frozen=True, kw_only=True):
    @property
    def allowed(self) -> str:
        return "a mapping with `configs`, a list of {type: local, path: ...}"

    def read(self, value: Any) -> DatasetConfig | None:
        if value is None or value in ([], {}) or isinstance(value, DatasetConfig):
            return value or None
        whole = {"configs": value} if isinstance(value, list | tuple) else value
        if not isinstance(whole, Mapping):
            raise self.refuse(value)
        _refuse_unknown(whole, ("configs", "max_sample_num"), "")
        sources = whole.get("configs")
        if not isinstance(sources, list | tuple) or not sources:
            raise InvalidValueError(
                f"{show(sources)} is not a list of {{type: local, path: ...}}", ".configs"
            )
        return DatasetConfig(
            configs=tuple(_read_source(source, f".configs[{index}]") for index, source in enumerate(sources)),
            max_sample_num=_read_limit(whole.get("max_sample_num")),
        )

    def read_words(self, words: Sequence[str]) -> Any:
        return self.read(read_yaml(" ".join(words)))


def _read_source(source: Any, below: str) -> DatasetSource:
    if not isinstance(source, Mapping):
        raise InvalidValueError(f"{show(source)} is not {{type: local, path: ...}}", below)
    kind = source.get("type", "local")
    known: tuple[str, ...] = ("type", "path", "weight", "load_dataset_kwargs")
    if kind not in {"local", "remote"}:
        raise InvalidValueError(
            f"{show(kind)} is not available; the types are: local, remote", below + ".type"
        )
    if kind == "remote":
        known = (*known, "source", *(_OF_HUB if source.get("source") == _HUB else ()))
        _check_remote(source, below)
    _refuse_unknown(source, known, below)
    path = source.get("path")
    if not isinstance(path, str) or not path:
        raise InvalidValueError(f"{show(path)} is not a path", below + ".path")
    if source.get("source") == _HUB and kind == "remote":
        path = _hub_path(source, path, below)
    elif kind == "remote" and not path.lower().startswith("s3://"):
        raise InvalidValueError(f"{show(path)} is no location of s3://, as source: s3 says", below + ".path")
    check_text(path, below + ".path")
    own = _read_at(Arguments(help=""), source.get("load_dataset_kwargs"), below + ".load_dataset_kwargs")
    try:
        read_options(own)
    except InvalidValueError as error:
        raise InvalidValueError(str(error), f"{below}.load_dataset_kwargs{error.below}") from None
    return DatasetSource(
        path=path,
        type=kind,
        weight=_read_at(Number(help=""), source.get("weight", 1.0), below + ".weight"),
        load_dataset_kwargs=own,
    )


def _hub_path(source: Mapping[Any, Any], path: str, below: str) -> str:
    """The location of a dataset of the Hugging Face hub. Raises: InvalidValueError: it is none."""
    given = {name: source.get(name) for name in _OF_HUB}
    for name, value in given.items():
        if value is not None and not (isinstance(value, str) and value):
            raise InvalidValueError(f"{show(value)} is not a text", f"{below}.{name}")
    files = given.pop("data_files") or given.pop("data_dir", None)
    location = path
    if not path.startswith(hub_location.SCHEME):
        if not hub_location.is_hub_id(path):
            raise InvalidValueError(
                f"{show(path)} is not the id of a dataset of the Hugging Face hub, such as org/name",
                f"{below}.path",
            )
        kept = {"name": given["name"], "split": given["split"]}
        location = hub_location.location_of(path, kept, revision=given["revision"], files=files)
    try:
        hub_location.parse_location(location)
    except ValueError as error:
        raise InvalidValueError(f"{show(path)}: {error}", below) from None
    return location


def _check_remote(source: Mapping[Any, Any], below: str) -> None:
    """Raises: InvalidValueError: it is neither S3 nor the Hugging Face hub, or holds credentials."""
    if source.get("source") not in {"s3", _HUB}:
        raise InvalidValueError(
            f"{show(source.get('source'))} is not available; the remote sources are s3 and {_HUB}",
            below + ".source",
        )
    for name in foreign.CREDENTIALS:
        if source.get(name) is not None:
            raise InvalidValueError(foreign.why_no_credentials([name]), f"{below}.{name}")


def _read_limit(value: Any) -> int | None:
    if value is None:
        return None
    limit: int = _read_at(Integer(help="", minimum=1, maximum=INTEGER_MAX), value, ".max_sample_num")
    return limit


def _read_at(spec: Spec, value: Any, below: str) -> Any:
    try:
        return spec.read(value)
    except InvalidValueError as error:
        raise InvalidValueError(str(error), below) from None


def _refuse_unknown(mapping: Mapping[Any, Any], known: tuple[str, ...], below: str) -> None:
    for key in mapping:
        if key not in known:
            raise InvalidValueError(f"unknown setting{did_you_mean(str(key), known)}", f"{below}.{key}")
