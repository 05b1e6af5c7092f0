"""Parameters of operators on the command line, `--text_length_filter.min_len 10`, as DataJuicer has them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from data_juicer.config.sources.entries import OperatorEntry
from data_juicer.config.sources.plain import InvalidValueError
from data_juicer.config.sources.scalars import resolve_scalar
from data_juicer.config.spec import LIST_MARKS, read_yaml

_FLAG: Final = re.compile(r"--([A-Za-z_]\w*\.[A-Za-z_]\w*)(?:=(.*))?", re.ASCII | re.DOTALL)


def split_flags(
    words: Sequence[str], sections: Iterable[str]
) -> tuple[list[tuple[str, tuple[str, ...]]], list[str]]:
    """Words of a command line that are no settings, parted into `operator.parameter` with its words, and the others.

    Args:
        sections: names in front of a dot that are no operators.
    """
    found: list[tuple[str, tuple[str, ...]]] = []
    others: list[str] = []
    names = set(sections)
    is_value = False
    for word in words:
        match = _FLAG.fullmatch(word)
        if match and match[1].partition(".")[0] not in names:
            found.append((match[1], () if match[2] is None else (match[2],)))
            is_value = match[2] is None
        elif is_value and not word.startswith("--"):
            found[-1] = (found[-1][0], (*found[-1][1], word))
        else:
            others.append(word)
            is_value = False
    return found, others


def names_parameter(path: str, process: Iterable[OperatorEntry]) -> bool:
    """Whether it is `operator.parameter` of an operator of the recipe."""
    return path.partition(".")[0] in {entry.name for entry in process} and path.count(".") == 1


def with_parameters(
    process: Sequence[OperatorEntry], parameters: Mapping[str, Any]
) -> tuple[OperatorEntry, ...]:
    """The operators with parameters set; an operator that is there several times gets them each time.

    Args:
        parameters: `operator.parameter` -> value.
    """
    by_operator: dict[str, dict[str, Any]] = {}
    for path, value in parameters.items():
        operator, _, name = path.partition(".")
        by_operator.setdefault(operator, {})[name] = value
    return tuple(
        replace(entry, params={**entry.params, **by_operator[entry.name]})
        if entry.name in by_operator
        else entry
        for entry in process
    )


def read_parameter(value: Any) -> Any:
    """A plain value; from words what YAML makes of them, several as a list, none as true.

    Raises: InvalidValueError: the words are not readable as YAML.
    """
    if not isinstance(value, tuple):
        return value
    values = [_read_word(word) for word in value]
    if not values:
        return True
    return values[0] if len(values) == 1 else values


def _read_word(word: str) -> Any:
    try:
        return read_yaml(word) if word.startswith((*LIST_MARKS, '"', "'")) else resolve_scalar(word)
    except InvalidValueError:
        if word.startswith(LIST_MARKS):
            raise
        return word  # a text that begins with a quotation mark
