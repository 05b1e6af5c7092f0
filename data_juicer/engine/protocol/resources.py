"""What workers must be given for the stages of a recipe: processors, GPUs, memory; and how many fit on a cluster. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from data_juicer.ops.operator_resources import OperatorResources
from data_juicer.plan.tasks import Segment


class WorkerResources(msgspec.Struct, frozen=True, kw_only=True):
    """Of one worker, which runs stages whose operators all declare these."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 0
    """0: not counted."""

    def __str__(self) -> str:
        parts = [f"{self.cpus:g} CPU"]
        if self.gpus:
            parts.append(f"{self.gpus:g} GPU")
        if self.memory_bytes:
            parts.append(f"{self.memory_bytes / 1e9:.1f} GB of memory")
        return ", ".join(parts)

    def fits(self, resources: Mapping[str, float]) -> int:
        """How many workers a machine with these resources, named as Ray names them, can hold."""
        return min(int(resources.get(name, 0.0) / much) for name, much in self.amounts.items())

    @property
    def amounts(self) -> dict[str, float]:
        """What it takes of a machine, named as Ray names it."""
        wanted = {"CPU": self.cpus, "GPU": self.gpus, "memory": float(self.memory_bytes)}
        return {name: much for name, much in wanted.items() if much}


def worker_resources(segments: Sequence[Segment]) -> tuple[WorkerResources, ...]:
    """What a worker for the stages of each segment needs; how many may run at once is the scheduler's to bound."""
    return tuple(_of(segment.resources) for segment in segments)


def plan_workers(
    nodes: Sequence[Mapping[str, float]], wanted: Sequence[WorkerResources], workers_max: int | None
) -> Counter[WorkerResources]:
    """How many workers of each kind a cluster is given, one of each kind in turn as long as there is room.

    Args:
        nodes: the resources of each, named as Ray names them.
        wanted: the kinds that have something to do, those that matter most first.
        workers_max: of all kinds together; None: as many as fit.
    """
    free = [dict(node) for node in nodes]
    planned: Counter[WorkerResources] = Counter()
    left = list(dict.fromkeys(wanted))
    while left and (workers_max is None or planned.total() < workers_max):
        kind = left.pop(0)
        node = next((node for node in free if kind.fits(node)), None)
        if node is None:
            continue
        for name, much in kind.amounts.items():
            node[name] -= much
        planned[kind] += 1
        left.append(kind)
    return planned


def _of(declared: OperatorResources) -> WorkerResources:
    return WorkerResources(cpus=declared.cpus, gpus=declared.gpus, memory_bytes=declared.memory_bytes)
