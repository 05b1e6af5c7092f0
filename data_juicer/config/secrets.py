"""Secrets among the parameters of operators: read from variables, and written down as the variables that hold them.

A recipe may say `api_key: ${OPENAI_API_KEY}`. Where it holds the secret itself, whatever is stored of the job names a
variable instead, `${DJ_SECRET_CALL_MODEL_MAPPER_API_KEY}`, and a stored recipe or command reads it from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from data_juicer.config.sources.entries import OperatorEntry
from data_juicer.config.sources.plain import InvalidValueError
from data_juicer.redaction import SECRET_PREFIX, VALUE_LENGTH_MIN, find_secrets, is_secret_name

_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_]\w*)\}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Secret:
    """A secret, and the variable that it is written down as."""

    index: int
    """Of the operator in `process`."""
    path: tuple[str, ...]
    """Of the value among the operator's parameters."""
    variable: str
    value: str

    @property
    def reference(self) -> str:
        return f"${{{self.variable}}}"


def resolve_secrets(
    process: Sequence[OperatorEntry], environ: Mapping[str, str]
) -> tuple[tuple[OperatorEntry, ...], tuple[Secret, ...]]:
    """The operators with their secrets read from variables, and what is secret of them.

    Raises: InvalidValueError: a variable is not set; `below` says where.
    """
    entries: list[OperatorEntry] = []
    secrets: list[Secret] = []
    for index, entry in enumerate(process):
        variables: dict[tuple[str, ...], str] = {}

        def read(
            path: tuple[str, ...],
            text: str,
            *,
            at: int = index,
            found: dict[tuple[str, ...], str] = variables,
        ) -> str:
            match = _REFERENCE.fullmatch(text)
            is_ours = match is not None and match[1].startswith(SECRET_PREFIX)
            if match is None or not (is_ours or any(map(is_secret_name, path))):
                return text
            if match[1] not in environ:
                where = ".".join((f"[{at}]", process[at].name, *path))
                raise InvalidValueError(f"the variable {match[1]} is not set; it holds this secret", where)
            found[path] = match[1]
            return environ[match[1]]

        params = _map_texts(dict(entry.params), (), read)
        entries.append(entry if params == entry.params else replace(entry, params=params))
        known = dict(find_secrets(params)) | {path: _at(params, path) for path in variables}
        for path, value in known.items():
            variable = variables.get(path) or _variable(entry.name, path, value, secrets)
            secrets.append(Secret(index=index, path=path, variable=variable, value=value))
    return tuple(entries), tuple(secrets)


def without_secrets(process: Sequence[Mapping[str, Any]], secrets: Sequence[Secret]) -> list[dict[str, Any]]:
    """Plain entries of `process`, each `{operator: parameters}`, with the variables in place of the secrets."""
    references = {(secret.index, secret.path): secret.reference for secret in secrets}

    def referred(index: int, params: Mapping[str, Any]) -> Any:
        return _map_texts(params, (), lambda path, text: references.get((index, path), text))

    return [
        {name: referred(index, params) for name, params in entry.items()}
        for index, entry in enumerate(process)
    ]


def without_secrets_in_words(words: Sequence[str], secrets: Sequence[Secret]) -> tuple[str, ...]:
    """The words of a command line with the variables in place of the secrets."""
    by_length = sorted(secrets, key=lambda secret: len(secret.value), reverse=True)
    return tuple(_without(word, by_length) for word in words)


def _without(word: str, secrets: Sequence[Secret]) -> str:
    for secret in secrets:
        if word == secret.value or word.endswith(f"={secret.value}"):
            return word.removesuffix(secret.value) + secret.reference
        if len(secret.value) >= VALUE_LENGTH_MIN:
            word = word.replace(secret.value, secret.reference)
    return word


def _variable(operator: str, path: tuple[str, ...], value: str, taken: Sequence[Secret]) -> str:
    """A name that says what it is; another secret of the same name gets a number."""
    base = SECRET_PREFIX + re.sub(r"\W+", "_", "_".join((operator, *path)), flags=re.ASCII).upper()
    values = {secret.variable: secret.value for secret in taken}
    number, name = 2, base
    while values.get(name, value) != value:
        name, number = f"{base}_{number}", number + 1
    return name


def _map_texts(value: Any, path: tuple[str, ...], change: Callable[[tuple[str, ...], str], str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _map_texts(inner, (*path, str(name)), change) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_map_texts(inner, (*path, str(index)), change) for index, inner in enumerate(value)]
    return change(path, value) if isinstance(value, str) else value


def _at(value: Any, path: tuple[str, ...]) -> str:
    for name in path:
        value = value[int(name)] if isinstance(value, list) else value[name]
    return str(value)
