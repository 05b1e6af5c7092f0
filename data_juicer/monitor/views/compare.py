"""Two jobs side by side: what of their settings differs, and what became of the rows at each operator. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from data_juicer.config.schema import DEFAULTS
from data_juicer.events.view import JobView
from data_juicer.job.summary import JobSummary
from data_juicer.ops.base import parameters_of
from data_juicer.store.ledger import OperatorLedger
from data_juicer.store.manifest import OperatorIdentity

_OWN = frozenset({"job_id", "resume", "new", "export_path", "work_dir"})
"""Settings that differ between any two jobs."""


class SettingDifference(msgspec.Struct, frozen=True, kw_only=True):
    setting: str
    """Dotted, as on the command line; of an operator `OPERATOR.PARAMETER`."""
    a: str | None
    """As JSON; None where the job has no such setting."""
    b: str | None


class OperatorPair(msgspec.Struct, frozen=True, kw_only=True):
    """An operator that both jobs have, or one of them."""

    name: str
    a: OperatorLedger | None
    b: OperatorLedger | None


def setting_differences(a: JobSummary, b: JobSummary) -> list[SettingDifference]:
    """In the order of their names, operators last."""
    flat_a, flat_b = (_with_defaults(job.config) for job in (a, b))
    names = sorted((flat_a.keys() | flat_b.keys()) - _OWN - {"process"})
    found = [
        SettingDifference(setting=name, a=_shown(flat_a.get(name)), b=_shown(flat_b.get(name)))
        for name in names
        if flat_a.get(name) != flat_b.get(name)
    ]
    return [*found, *_operator_differences(identities(a), identities(b))]


def identities(summary: JobSummary) -> list[OperatorIdentity]:
    """Name and parameters of each operator of a recipe; none where the settings are damaged."""
    process = summary.config.get("process")
    try:
        entries = [parameters_of(entry) for entry in process] if isinstance(process, list) else []
    except ValueError:
        return []
    return [OperatorIdentity(name=name, version="", parameters=dict(given)) for name, given in entries]


def operator_pairs(a: JobView, b: JobView) -> list[OperatorPair]:
    """Operators of both, matched by name in their order."""
    ledgers_a, ledgers_b = _in_order(a), _in_order(b)
    pairs = []
    for kind, start_a, stop_a, start_b, stop_b in _opcodes(
        [each.name for each in ledgers_a], [each.name for each in ledgers_b]
    ):
        if kind == "equal":
            both = zip(ledgers_a[start_a:stop_a], ledgers_b[start_b:stop_b], strict=True)
            pairs += [OperatorPair(name=one.name, a=one, b=other) for one, other in both]
            continue
        pairs += [OperatorPair(name=each.name, a=each, b=None) for each in ledgers_a[start_a:stop_a]]
        pairs += [OperatorPair(name=each.name, a=None, b=each) for each in ledgers_b[start_b:stop_b]]
    return pairs


def _operator_differences(
    a: Sequence[OperatorIdentity], b: Sequence[OperatorIdentity]
) -> Iterator[SettingDifference]:
    for kind, start_a, stop_a, start_b, stop_b in _opcodes(
        [each.name for each in a], [each.name for each in b]
    ):
        if kind != "equal":
            for each in a[start_a:stop_a]:
                yield SettingDifference(setting=each.name, a=_shown(each.parameters), b=None)
            for each in b[start_b:stop_b]:
                yield SettingDifference(setting=each.name, a=None, b=_shown(each.parameters))
            continue
        for one, other in zip(a[start_a:stop_a], b[start_b:stop_b], strict=True):
            for name in sorted({*one.parameters, *other.parameters}):
                before, after = one.parameters.get(name), other.parameters.get(name)
                if before != after:
                    yield SettingDifference(setting=f"{one.name}.{name}", a=_shown(before), b=_shown(after))


def _opcodes(a: Sequence[str], b: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    return difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()


def _in_order(view: JobView) -> list[OperatorLedger]:
    return [view.operators[index] for index in sorted(view.operators)]


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """A setting that an earlier version did not have is what it is by default now."""
    return {name: msgspec.to_builtins(value) for name, value in DEFAULTS.items()} | dict(_flat(config))


def _shown(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
