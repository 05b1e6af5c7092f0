"""What a worker must be given for the operators of a recipe: processors, GPUs, memory. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from data_juicer.errors import ConfigError
from data_juicer.ops.base import Operator

_CPUS: Final = ("num_cpus", "cpu_required")
_GPUS: Final = ("num_gpus", "gpu_required")
_MEMORY: Final = ("memory", "mem_required")
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", re.IGNORECASE)
_GIGABYTES_MAX: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerResources:
    """Of one worker. It holds every operator, so each figure is the largest of theirs."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 0
    """0: not counted."""

    def __str__(self) -> str:
        told = [f"{self.cpus:g} CPU"]
        if self.gpus:
            told.append(f"{self.gpus:g} GPU")
        if self.memory_bytes:
            told.append(f"{self.memory_bytes / 1e9:.1f} GB of memory")
        return ", ".join(told)

    def fits(self, resources: Mapping[str, float]) -> int:
        """How many workers a machine with these resources, named as Ray names them, can hold."""
        wanted = {"CPU": self.cpus, "GPU": self.gpus, "memory": float(self.memory_bytes)}
        return min(int(resources.get(name, 0.0) / much) for name, much in wanted.items() if much)


def resources_of(operators: Sequence[tuple[Operator, Mapping[str, Any]]]) -> WorkerResources:
    """The largest of what the recipe's entries ask for, or the operators themselves declare.

    Args:
        operators: each with the parameters of its entry; `num_cpus`, `num_gpus` and `memory` count, or their older names
            `cpu_required`, `gpu_required`, `mem_required`. An operator declares them as attributes of its class.
    Raises: ConfigError: a value is no amount.
    """
    found: dict[str, float] = {}
    for operator, params in operators:
        for names in (_CPUS, _GPUS, _MEMORY):
            for name in names:
                value = params.get(name, _declared(operator, name))
                if value is not None:
                    found[names[0]] = max(found.get(names[0], 0.0), _amount(operator.name, name, value))
    return WorkerResources(
        cpus=found.get("num_cpus", 0.0) or 1.0,
        gpus=found.get("num_gpus", 0.0),
        memory_bytes=int(found.get("memory", 0.0)),
    )


def _declared(operator: Operator, name: str) -> Any:
    return getattr(getattr(type(operator), "foreign", type(operator)), name, None)


def _amount(operator: str, name: str, value: Any) -> float:
    """A number of processors or bytes. Memory is a text with a unit, bytes, or, where that is far too little, GB."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return value * (1 << 30) if name in _MEMORY and value <= _GIGABYTES_MAX else float(value)
    if name in _MEMORY and isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        return float(match[1]) * _UNITS[match[2].upper()]
    wanted = "a size such as 8GB" if name in _MEMORY else "a number of at least 0"
    raise ConfigError(f"operator {operator}: {name} = {value!r} is not {wanted}.")
