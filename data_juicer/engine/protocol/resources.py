"""What a worker must be given for the operators of a recipe: processors, GPUs, memory. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data_juicer.ops.base import Operator
from data_juicer.ops.operator_resources import largest


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


def resources_of(operators: Sequence[Operator]) -> WorkerResources:
    """The largest of what the operators declare (`ops/operator_resources.py`)."""
    most = largest([operator.resources for operator in operators])
    return WorkerResources(cpus=most.cpus, gpus=most.gpus, memory_bytes=most.memory_bytes)
