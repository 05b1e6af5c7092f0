"""Rows of indexes with which a resolve compares its own, as tables before those of its summaries."""

from __future__ import annotations

from typing import Final

import msgspec

from data_juicer.store.manifest import DataFile

KNOWN_INDEX: Final = "known_index"
"""Columns that tables of known rows have beside those of their operator, and decisions about rows that such a row stays for: the
index that has it,"""
KNOWN_JOB: Final = "known_job"
"""the job that added it,"""
KNOWN_SOURCE: Final = "known_source"
"""the file of that job's input that it came from,"""
KNOWN_SOURCE_ROW: Final = "known_source_row"
"""and its number in that file, -1 for a row that an operator had made."""
KNOWN_COLUMNS: Final = (KNOWN_INDEX, KNOWN_JOB, KNOWN_SOURCE, KNOWN_SOURCE_ROW)


class KnownTables(msgspec.Struct, frozen=True, kw_only=True):
    """Files of known rows, which a run made of an index for itself (`engine/index/known_rows.py`)."""

    directory: str = ""
    files: tuple[DataFile, ...] = ()


NONE_KNOWN: Final = KnownTables()
