"""What one operator needs of the worker that runs it: processors, GPUs, memory, and how many may run it at once. Pure.

A recipe's entry says it (`num_cpus`, `num_gpus`, `memory`, `num_proc`, or DataJuicer's older names `cpu_required`,
`gpu_required`, `mem_required`), or the operator's class declares it in attributes of the same names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from data_juicer.errors import ConfigError

_CPUS: Final = ("num_cpus", "cpu_required")
_GPUS: Final = ("num_gpus", "gpu_required")
_MEMORY: Final = ("memory", "mem_required")
_CONCURRENCY: Final = ("num_proc",)
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", re.IGNORECASE)
_GIGABYTES_MAX: Final = 1 << 16


class OperatorResources(msgspec.Struct, frozen=True, kw_only=True):
    """Declared by one operator. Where two neighbours in a recipe differ, a stage ends between them."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 0
    """Of the worker's process; 0: not counted."""
    concurrency: int = 0
    """How many workers of the whole job may run the operator at the same time; 0: as many as there are."""


def declared_resources(name: str, cls: type, params: Mapping[str, Any]) -> OperatorResources:
    """What an operator needs: each amount as its entry of the recipe says it, else as its class declares it.

    Args:
        cls: the class of the operator, of our interface or of DataJuicer's.
        params: of the recipe's entry.
    Raises: ConfigError: a value is no amount.
    """
    cpus, gpus, memory, concurrency = (
        _found(name, cls, params, names) for names in (_CPUS, _GPUS, _MEMORY, _CONCURRENCY)
    )
    return OperatorResources(
        cpus=cpus or 1.0, gpus=gpus, memory_bytes=int(memory), concurrency=int(concurrency)
    )


def largest(resources: Sequence[OperatorResources]) -> OperatorResources:
    """What a worker needs that holds all these operators: the most of each; the least that any allows at once."""
    limits = [each.concurrency for each in resources if each.concurrency]
    return OperatorResources(
        cpus=max((each.cpus for each in resources), default=1.0),
        gpus=max((each.gpus for each in resources), default=0.0),
        memory_bytes=max((each.memory_bytes for each in resources), default=0),
        concurrency=min(limits, default=0),
    )


def _found(name: str, cls: type, params: Mapping[str, Any], names: Sequence[str]) -> float:
    """The amount under the first of the names that the entry has, or else the class."""
    for source in (params, {key: getattr(cls, key, None) for key in names}):
        for key in names:
            if source.get(key) is not None:
                return _amount(name, key, source[key])
    return 0.0


def _amount(operator: str, name: str, value: Any) -> float:
    """A number of processors or bytes. Memory is a text with a unit, bytes, or, where that is far too little, GB."""
    if name in _CONCURRENCY:
        return _workers(operator, name, value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return value * (1 << 30) if name in _MEMORY and value <= _GIGABYTES_MAX else float(value)
    if name in _MEMORY and isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        return float(match[1]) * _UNITS[match[2].upper()]
    wanted = "a size such as 8GB" if name in _MEMORY else "a number of at least 0"
    raise ConfigError(f"operator {operator}: {name} = {value!r} is not {wanted}.")


def _workers(operator: str, name: str, value: Any) -> int:
    """A number of workers; DataJuicer's -1 leaves it open, and of its pair (least, most) the second counts."""
    most = value[-1] if isinstance(value, list | tuple) and len(value) == 2 else value
    if isinstance(most, int) and not isinstance(most, bool) and most >= -1:
        return max(most, 0)
    raise ConfigError(f"operator {operator}: {name} = {value!r} is not a number of workers (-1: no limit).")
