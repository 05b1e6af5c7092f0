"""YAML text -> plain values, with the line of each key; hostile text costs an error of one line and no memory.

PyYAML's parser (libyaml's where the wheel has it) gives events; the values are built here, because the stock
constructors expand aliases without bound, recurse as deep as the text says, let a repeated key win silently, and forget
line numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import yaml

from data_juicer.config.sources.plain import DEPTH_MAX, NODES_MAX, deeper
from data_juicer.config.sources.scalars import resolve_scalar
from data_juicer.config.wording import clip
from data_juicer.errors import ConfigError

TEXT_BYTES_MAX: Final = 8 << 20
KEY_CHARS_MAX: Final = 1024

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG: Final = "tag:yaml.org,2002:"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe as it was written."""

    value: Any
    lines: dict[str, int]
    """Path of a key or list entry, such as `process[3].clean_links_mapper`, -> its line, from 1."""


class _Node(msgspec.Struct):
    """A value, and how many values there are in it."""

    value: Any
    nodes: int


class _Builder(msgspec.Struct):
    """Turns events into values. One for each document."""

    name: str
    events: Iterator[Any]
    lines: dict[str, int] = msgspec.field(default_factory=dict)
    anchors: dict[str, _Node] = msgspec.field(default_factory=dict)
    nodes: int = 0

    def fail(self, event: Any, text: str) -> ConfigError:
        return ConfigError(f"{self.name}:{event.start_mark.line + 1}: {text}")

    def node(self, event: Any, path: str, depth: int) -> _Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth > DEPTH_MAX:
            raise self.fail(event, f"nested more than {DEPTH_MAX} deep")
        first = self.nodes
        self._count(event, 1)
        match event:
            case yaml.ScalarEvent():
                value = self._scalar(event)
            case yaml.SequenceStartEvent():
                value = self._sequence(event, path, depth)
            case _:
                value = self._mapping(event, path, depth)
        made = _Node(value, self.nodes - first)
        if event.anchor is not None:
            self.anchors[event.anchor] = made
        return made

    def _count(self, event: Any, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > NODES_MAX:
            raise self.fail(event, f"more than {NODES_MAX} values, those repeated by aliases included")

    def _alias(self, event: Any) -> _Node:
        target = self.anchors.get(event.anchor)
        if target is None:
            raise self.fail(event, f"alias *{clip(event.anchor)} has no anchor before it")
        self._count(event, target.nodes)
        return target

    def _scalar(self, event: Any) -> Any:
        if event.tag is None:
            return resolve_scalar(event.value) if event.implicit[0] else event.value
        kind = event.tag.removeprefix(_TAG)
        if kind in {"str", "!"}:
            return event.value
        value = resolve_scalar(event.value)
        if type(value).__name__ != {"null": "NoneType"}.get(kind, kind):
            raise self.fail(event, f"tag {clip(event.tag)} is not supported for this value")
        return value

    def _sequence(self, event: Any, path: str, depth: int) -> list[Any]:
        self._check_tag(event, "seq")
        values: list[Any] = []
        while not isinstance(entry := next(self.events), yaml.SequenceEndEvent):
            below = self._below(entry, path, f"[{len(values)}]")
            values.append(self.node(entry, below, depth + 1).value)
        return values

    def _mapping(self, event: Any, path: str, depth: int) -> dict[str, Any]:
        self._check_tag(event, "map")
        values: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(entry := next(self.events), yaml.MappingEndEvent):
            key = self._key(entry)
            if key == "<<" and entry.implicit[0]:
                self._merge(entry, self.node(next(self.events), path, depth + 1).value, merged)
                continue
            if key in values:
                raise self.fail(entry, f"{clip(key)}: this key is given twice")
            below = self._below(entry, path, f".{key}" if path else key)
            values[key] = self.node(next(self.events), below, depth + 1).value
        return merged | values

    def _below(self, event: Any, path: str, part: str) -> str:
        """The path of what begins here, whose line is kept; what is too deep shares the path above it."""
        below = deeper(path, part)
        self.lines.setdefault(below, event.start_mark.line + 1)
        return below

    def _merge(self, event: Any, value: Any, merged: dict[str, Any]) -> None:
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, dict):
                raise self.fail(event, "<<: only mappings can be merged")
            for key, inner in source.items():
                merged.setdefault(key, inner)

    def _key(self, event: Any) -> str:
        """Keys are text, as in JSON: `1:` is the key "1"."""
        if not isinstance(event, yaml.ScalarEvent):
            raise self.fail(event, "a key has to be a word")
        self._count(event, 1)
        if len(event.value) > KEY_CHARS_MAX:
            raise self.fail(event, f"a key of {len(event.value)} characters, more than {KEY_CHARS_MAX}")
        return str(event.value)

    def _check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in {None, "!", _TAG + kind}:
            raise self.fail(event, f"tag {clip(event.tag)} is not supported")


def parse_yaml(text: str | bytes, name: str) -> Document:
    """Read one YAML (or JSON) document.

    Args:
        text: UTF-8 if bytes; at most 8 MiB.
        name: what errors call the text, such as its file name.
    Raises: ConfigError: the text is no YAML, holds a key twice, more than one document, a tag of its own, or more depth
        or values than a recipe can need.
    """
    try:
        encoded = text.encode() if isinstance(text, str) else text
        encoded.decode("utf-8-sig")
    except UnicodeError as error:
        raise ConfigError(f"{name}: not UTF-8 ({error.reason})") from None  # type: ignore[attr-defined]
    if len(encoded) > TEXT_BYTES_MAX:
        raise ConfigError(
            f"{name}: {len(encoded)} bytes, more than the {TEXT_BYTES_MAX} that a recipe may have"
        )
    try:
        return _read_document(_Builder(name=name, events=yaml.parse(encoded, Loader=_LOADER)))
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{name}{line}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not YAML: {str(error).splitlines()[0]}") from None


def _read_document(builder: _Builder) -> Document:
    next(builder.events)  # start of the stream
    first = next(builder.events)
    if isinstance(first, yaml.StreamEndEvent):
        return Document(value=None, lines={})
    value = builder.node(next(builder.events), "", 0).value
    next(builder.events)  # end of the document
    after = next(builder.events)
    if not isinstance(after, yaml.StreamEndEvent):
        raise builder.fail(after, "a second document; a recipe is one")
    return Document(value=value, lines=builder.lines)
