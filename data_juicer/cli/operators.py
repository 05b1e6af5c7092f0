"""What operators there are, and what one of them does and takes: from classes, signatures and docstrings."""

from __future__ import annotations

import inspect
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

from data_juicer.errors import ConfigError
from data_juicer.ops.base import Filter, Operator, RowRemover
from data_juicer.ops.catalog import parameters, registry
from data_juicer.ops.catalog.aliases import ALIASES

_WIDTH_MAX: Final = 100
_NAME_COLUMNS: Final = 32
_SIMILAR_MAX: Final = 3
_AT_LEAST: Final = re.compile(r"Annotated\[(\w+), msgspec\.Meta\(ge=(\d+)\)\]")


def listing(custom_operator_paths: Sequence[str]) -> str:
    """Every operator by kind, with the first sentence about it.

    Raises: ConfigError: an operator of the user's own cannot be loaded.
    """
    registry.load_custom(custom_operator_paths)
    names = registry.names()
    kinds: dict[str, list[str]] = {}
    for name in sorted([*names, *ALIASES]):
        kind, sentence = summary(name)
        kinds.setdefault(kind, []).append(_entry(name, sentence, _columns()))
    blocks = ["\n".join([f"{kind}s", *lines]) for kind, lines in sorted(kinds.items())]
    end = f"{len(names)} operators; what one does and takes: dj-process --describe-op NAME"
    return "\n\n".join([*blocks, end]) + "\n"


def describe(name: str, custom_operator_paths: Sequence[str], columns: int | None = None) -> str:
    """What an operator does, reads, writes and takes, and an entry of a recipe.

    Args:
        columns: width of the text; None: that of the screen.
    Raises: ConfigError: there is none of this name; names the nearest.
    """
    registry.load_custom(custom_operator_paths)
    cls = registry.find(name)
    width = columns or _columns()
    declared = getattr(cls, "foreign", cls)
    text, _ = _read_docstring(inspect.getdoc(declared) or "")
    blocks = [
        f"{name}: {cls.kind}, version {cls.version}{_alias(name)}",
        "\n\n".join(textwrap.fill(part, width) for part in text.split("\n\n")),
        _fields(cls),
        _own_parameters(declared, _meanings(declared), width),
        _shared_parameters(declared, width),
        f"in a recipe:\n  process:\n{textwrap.indent(_example(name, declared), ' ' * 4)}",
    ]
    if similar := registry.nearest(name, _SIMILAR_MAX):
        blocks.append(f"similar: {', '.join(similar)}")
    return "\n\n".join(block for block in blocks if block) + "\n"


def _alias(name: str) -> str:
    return f", alias of {ALIASES[name]}" if name in ALIASES else ""


def _entry(name: str, summary: str, columns: int) -> str:
    """Name on the left, the sentence on the right; below a name that is too long."""
    indent = " " * _NAME_COLUMNS
    lines = textwrap.wrap(summary, max(20, columns - _NAME_COLUMNS))
    head = f"  {name}"
    if len(head) < _NAME_COLUMNS and lines:
        head = f"{head:<{_NAME_COLUMNS}}{lines.pop(0)}"
    return "\n".join([head, *(indent + line for line in lines)])


def _columns() -> int:
    """Of the screen; of a file none too long to read."""
    return min(_WIDTH_MAX, shutil.get_terminal_size().columns)


def summary(name: str) -> tuple[str, str]:
    """Kind and first sentence; why it cannot be used, where a package is missing."""
    try:
        cls = registry.find(name)
    except ConfigError as error:
        return "unusable operator", str(error)
    if name in ALIASES:
        return cls.kind, f"alias of {ALIASES[name]}"
    text, _ = _read_docstring(inspect.getdoc(getattr(cls, "foreign", cls)) or "")
    return cls.kind, " ".join(text.split("\n\n")[0].split())


def _read_docstring(doc: str) -> tuple[str, Mapping[str, str]]:
    """The description, and what its `Args:` say of each parameter."""
    text, _, rest = doc.partition("\nArgs:\n")
    meanings: dict[str, str] = {}
    name = ""
    for line in textwrap.dedent(rest).splitlines():
        if not line.strip():
            break
        if not line.startswith(" "):
            name, _, meaning = line.partition(":")
            meanings[name] = meaning.strip()
        else:
            meanings[name] += f" {line.strip()}"
    return text.strip(), meanings


def _meanings(declared: type) -> dict[str, str]:
    """What a class, or one that it inherits from, says of each parameter."""
    meanings: dict[str, str] = {}
    for owner in reversed(declared.__mro__):
        meanings |= _read_docstring(inspect.cleandoc(owner.__doc__ or ""))[1]
    return meanings


def _fields(cls: type[Operator]) -> str:
    """What it reads and writes, as far as the class says; an operator may need parameters to know more."""
    try:
        operator = registry.make(cls.name, {})
    except ConfigError:
        return "reads and writes: see its parameters"
    reads = ", ".join(operator.text_keys_read()) or "the whole row"
    if issubclass(cls, Filter):
        stat = getattr(operator, "stats_key", None)
        writes = f"__dj__stats__.{stat}" if stat else "nothing"
    elif issubclass(cls, RowRemover):
        writes = "nothing"
    else:
        changed = dict.fromkeys([*operator.text_keys_read(), *operator.text_keys_made()])
        writes = ", ".join(changed) or "the fields that it sets"
    return f"reads   {reads}\nwrites  {writes}"


def _own_parameters(declared: type, meanings: Mapping[str, str], width: int) -> str:
    own = parameters.own_parameters(declared)
    if not own:
        return "It has no parameters of its own."
    lines = ["parameters:"]
    for name, parameter in own.items():
        kind = "" if parameter.annotation is parameter.empty else f" ({_type_name(parameter.annotation)})"
        default = (
            "required" if parameter.default is parameter.empty else f"default {_shown(parameter.default)}"
        )
        lines.append(f"  {name}{kind}: {default}")
        if name in meanings:
            lines.append(
                textwrap.fill(meanings[name], width, initial_indent=" " * 6, subsequent_indent=" " * 6)
            )
    return "\n".join(lines)


def _shared_parameters(declared: type, width: int) -> str:
    attributes = parameters.attribute_parameters(declared)
    shared = {
        name: default
        for name, default in attributes.items()
        if name == "text_key" or name not in parameters.FIELD_KEYS
    }
    meanings = getattr(declared, "shared_meanings", {})
    listed = ", ".join(
        f"{name} ({_shown(default)})" for name, default in shared.items() if name not in meanings
    )
    blocks = [textwrap.fill(f"also: {listed}", width, subsequent_indent=" " * 6)]
    for name, meaning in meanings.items():
        filled = textwrap.fill(meaning, width, initial_indent=" " * 6, subsequent_indent=" " * 6)
        blocks.append(f"  {name}: default {_shown(shared[name])}\n{filled}")
    return "\n".join(blocks)


def _type_name(annotation: Any) -> str:
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    return _AT_LEAST.sub(r"\1 from \2", name)


def _shown(value: Any) -> str:
    """A default as a recipe writes it."""
    if isinstance(value, int) and value == sys.maxsize:
        return "no limit"
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        return repr(value)


def _example(name: str, declared: type) -> str:
    """The entry with its required parameters, or with two of the others, stats before words, at their defaults."""
    own = parameters.own_parameters(declared)
    required = {key: "..." for key, parameter in own.items() if parameter.default is parameter.empty}
    defaults = {key: parameter.default for key, parameter in own.items() if _is_telling(parameter.default)}
    figures_first = sorted(defaults, key=lambda key: isinstance(defaults[key], str))
    shown = required or {key: _shown(defaults[key]) for key in figures_first[:2]}
    lines = [f"    {key}: {value}" for key, value in shown.items()]
    return "\n".join([f"- {name}:", *lines] if lines else [f"- {name}"])


def _is_telling(default: Any) -> bool:
    if isinstance(default, bool):
        return False
    return isinstance(default, int | float | str) and default not in {"", sys.maxsize}
