"""Metrics as Prometheus reads them: the text exposition format 0.0.4. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from data_juicer.monitor.metrics.families import Family


def exposition(families: Iterable[Family]) -> str:
    """The text; families without samples are left out."""
    lines = []
    for family in families:
        if not family.samples:
            continue
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
        for sample in family.samples:
            labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
            lines.append(f"{family.name}{{{labels}}} {_number(sample.value)}")
    return "\n".join([*lines, ""])


def _escaped(value: str) -> str:
    text = value.encode(errors="backslashreplace").decode()
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isfinite(value):
        return str(int(value)) if value == int(value) else repr(value)
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
