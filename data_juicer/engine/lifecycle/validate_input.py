"""`validators`: the first rows of every source have the fields that the recipe requires, or the job is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from data_juicer.config.schema import JobConfig
from data_juicer.config.sources.validators import TYPES, RequiredFields
from data_juicer.engine.lifecycle.build_setup import fragment_limits
from data_juicer.errors import InputError
from data_juicer.formats.base import FragmentLimits, SourceFile
from data_juicer.formats.first_rows import first_rows
from data_juicer.rows.batch import Batch
from data_juicer.rows.json_values import MISSING
from data_juicer.storage.base import Store


def validate_input(store: Store, config: JobConfig, sources: Sequence[SourceFile]) -> None:
    """Look at the first rows of each source, before anything is created.

    Raises: InputError: names file, field, what is wrong with how many rows, and what is allowed.
    """
    for validator in config.validators:
        within = fragment_limits(config)
        limits = FragmentLimits(
            rows_max=validator.sample_size,
            size_bytes_max=within.size_bytes_max,
            row_bytes_max=within.row_bytes_max,
        )
        for source in sources:
            rows = first_rows(store, source, limits)
            finding = None if rows is None else next(find_faults(validator, rows), None)
            if finding is not None:
                raise InputError(
                    f"{source.path}: {finding}. Nothing was created. Mend the file, or change `validators`."
                )


def find_faults(validator: RequiredFields, rows: Batch) -> Iterator[str]:
    """What is wrong with rows, a finding for each field. Pure."""
    for name in validator.required_fields:
        values = rows.column(name)
        present = [value for value in values if value is not MISSING and value is not None]
        missing = len(values) - len(present)
        if missing > validator.allow_missing * len(values):
            yield (
                f"{missing:,} of the first {len(values):,} rows lack the required field {name!r} "
                f"(allow_missing is {validator.allow_missing:g})"
            )
            continue
        kind = validator.field_types.get(name)
        wrong = [value for value in present if kind is not None and not isinstance(value, TYPES[kind])]
        if wrong:
            yield f"the field {name!r} is to be {kind}, {len(wrong):,} of {len(present):,} rows have {_kinds(wrong)}"


def _kinds(values: Sequence[Any]) -> str:
    return " or ".join(sorted({type(value).__name__ for value in values}))
