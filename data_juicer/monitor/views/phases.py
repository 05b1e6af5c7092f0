"""The phases of a run: up to each dataset operator, where every partition waits for all others, and to the results. Pure."""

from __future__ import annotations

import msgspec

from data_juicer.events.view import JobView


class PhaseView(msgspec.Struct, frozen=True, kw_only=True):
    """The phase that a run is in."""

    number: int
    """From 1 to `phases`."""
    phases: int
    until: str | None
    """The dataset operator that it ends at; None: it ends with the results."""
    partitions: int
    partitions_done: int
    is_resolving: bool
    """Every partition is there, and the operator decides about all rows."""


def phase_of(view: JobView) -> PhaseView:
    """The phase that goes on, or the last one."""
    phases = len(view.boundaries) + 1
    for number, boundary in enumerate(view.boundaries, start=1):
        if not boundary.is_resolved:
            operator = view.operators.get(boundary.operation_idx)
            return PhaseView(
                number=number,
                phases=phases,
                until=operator.name if operator else str(boundary.operation_idx),
                partitions=view.partitions,
                partitions_done=boundary.partitions_done,
                is_resolving=0 < view.partitions <= boundary.partitions_done,
            )
    return PhaseView(
        number=phases,
        phases=phases,
        until=None,
        partitions=view.partitions,
        partitions_done=view.partitions_done,
        is_resolving=False,
    )


def format_phase(phase: PhaseView) -> str:
    """`phase 2 of 3, up to document_minhash_deduplicator, 171 of 240 partitions`."""
    done = f"{phase.partitions_done:,} of {phase.partitions:,} partitions"
    if phase.phases == 1:
        return done
    goal = f"up to {phase.until}" if phase.until else "to the results"
    if phase.is_resolving:
        return f"phase {phase.number} of {phase.phases}, {phase.until} compares all rows"
    return f"phase {phase.number} of {phase.phases}, {goal}, {done}"


def format_phase_briefly(phase: PhaseView) -> str:
    """The same for a line that holds more."""
    done = f"{phase.partitions_done:,}/{phase.partitions:,} partitions"
    return done if phase.phases == 1 else f"phase {phase.number}/{phase.phases}  {done}"
