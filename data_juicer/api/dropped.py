"""Rows of the input that are in no result: how many each operator dropped, why, and examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from data_juicer.errors import JobError

if TYPE_CHECKING:
    from data_juicer.events.view import JobView
    from data_juicer.job.layout import JobLayout
    from data_juicer.storage.base import Store


class DroppedRows(msgspec.Struct, frozen=True, kw_only=True):
    """What one operator dropped; `read` is what turns bytes into rows."""

    operator: str
    filtered: int
    duplicates: int
    dead_letters: int
    without_text: int
    """Rows without a text, left out when they were read."""
    examples: tuple[dict[str, Any], ...] = ()
    """Of rows that a filter dropped: `line`, the fields `before` and `why`, from the job's `trace/`."""

    @property
    def rows(self) -> int:
        return self.filtered + self.duplicates + self.dead_letters + self.without_text


def dropped_rows(store: Store, layout: JobLayout, view: JobView) -> list[DroppedRows]:
    """In the order of the recipe; operators that dropped nothing are left out. Raises: JobError: a trace is damaged."""
    found = []
    for index, ledger in sorted(view.operators.items()):
        dropped = DroppedRows(
            operator=ledger.name,
            filtered=ledger.rows_filtered,
            duplicates=ledger.rows_duplicate,
            dead_letters=ledger.rows_dead_letter,
            without_text=ledger.rows_null_text,
        )
        if dropped.rows:
            examples = _examples(store, layout.trace(index, ledger.name)) if ledger.rows_filtered else ()
            found.append(msgspec.structs.replace(dropped, examples=examples))
    return found


def _examples(store: Store, path: str) -> tuple[dict[str, Any], ...]:
    try:
        lines = store.read(path).splitlines()
    except FileNotFoundError:
        return ()
    try:
        records = [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]
    except msgspec.DecodeError as error:
        raise JobError(f"{path} is damaged: {error}. Results do not depend on it.") from None
    return tuple(record for record in records if record.get("what") == "dropped")
