"""What differs between the operators that a committed file was computed by and those that a run wants. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from data_juicer.store.manifest import OperatorIdentity

_VALUE_LENGTH_MAX = 40


class OperatorChange(msgspec.Struct, frozen=True, kw_only=True):
    """The first operator that is another one; everything from it on is computed again."""

    operator_index: int
    cause: str
    """`words_num_filter: min_num 20 -> 50`."""


def find_change(before: Sequence[OperatorIdentity], now: Sequence[OperatorIdentity]) -> OperatorChange | None:
    """The first difference; None where the operators that both have are equal.

    Args:
        before: as a manifest holds them, without secrets.
        now: likewise. May be longer or shorter.
    """
    for index, (earlier, wanted) in enumerate(zip(before, now, strict=False)):
        if earlier != wanted:
            cause = _changed(earlier, wanted) if earlier.name == wanted.name else _moved(index, before, now)
            return OperatorChange(operator_index=index, cause=cause)
    return None


def _changed(earlier: OperatorIdentity, wanted: OperatorIdentity) -> str:
    """Of one operator: parameters first, as they are what people change."""
    parts = [
        f"{name} {_shown(earlier.parameters, name)} -> {_shown(wanted.parameters, name)}"
        for name in sorted({*earlier.parameters, *wanted.parameters})
        if earlier.parameters.get(name, _NONE) != wanted.parameters.get(name, _NONE)
    ]
    if earlier.version != wanted.version:
        is_numbered = earlier.version.isdigit() and wanted.version.isdigit()
        parts.append(
            f"its version {earlier.version} -> {wanted.version}" if is_numbered else "its code was changed"
        )
    parts += [
        f"its file {path} was changed"
        for path in sorted({*earlier.assets, *wanted.assets})
        if earlier.assets.get(path) != wanted.assets.get(path)
    ]
    return f"{wanted.name}: {', '.join(parts)}"


def _moved(index: int, before: Sequence[OperatorIdentity], now: Sequence[OperatorIdentity]) -> str:
    """Of two operators at one place: the shortest story that explains them."""
    name, wanted = before[index].name, now[index].name
    later_before = [each.name for each in before[index + 1 :]]
    later_now = [each.name for each in now[index + 1 :]]
    if name in later_now and wanted in later_before:
        return f"{wanted} now comes before {name}"
    if name in later_now:
        return f"{wanted} was put in before {name}"
    if wanted in later_before:
        return f"{name} was taken out before {wanted}"
    return f"{wanted} is in the place of {name}"


_NONE = object()


def _shown(parameters: dict[str, object], name: str) -> str:
    """A value in a few characters; a default that was not written down is nothing."""
    if name not in parameters:
        return "nothing"
    value = parameters[name]
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = f'"{text}"' if isinstance(value, str) else text
    return text if len(text) <= _VALUE_LENGTH_MAX else f"{text[: _VALUE_LENGTH_MAX - 1]}…"
