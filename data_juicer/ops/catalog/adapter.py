"""Our operator classes for classes of DataJuicer's interface (`ops/base_op.py`)."""

from __future__ import annotations

from typing import Final

from data_juicer.ops import base, base_op
from data_juicer.ops.catalog import foreign_dataset, foreign_rows

INTERFACE_VERSION: Final = 2
"""Raised whenever the adapters make other rows of what an operator returns; 2: what it returns updates the row."""


def adapted(name: str, foreign: type[base_op.OP], version: str) -> type[base.Operator]:
    """Our operator class for a class of DataJuicer's interface.

    Raises: TypeError: it is of no kind of operator that can be run.
    """
    if issubclass(foreign, base_op.Mapper):
        adapter: type[base.Operator] = foreign_rows.ForeignMapper
    elif issubclass(foreign, base_op.Filter):
        adapter = foreign_rows.ForeignFilter
    elif issubclass(foreign, base_op.Aggregator):
        adapter = foreign_rows.ForeignAggregator
    elif issubclass(foreign, base_op.Deduplicator | base_op.Selector | base_op.Grouper):
        adapter = foreign_dataset.adapter_of(foreign)
    else:
        raise TypeError(f"operator {name}: {foreign.__name__} is of no kind that can be run")
    members = {
        "name": name,
        "version": f"{version}.{INTERFACE_VERSION}",
        "foreign": foreign,
        "__doc__": foreign.__doc__,
    }
    return type(foreign.__name__, (adapter,), members)
