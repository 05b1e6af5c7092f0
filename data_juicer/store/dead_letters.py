"""Rows that were excluded because they could not be read or processed, as JSON Lines. Pure."""

from __future__ import annotations

import base64
from typing import Any, Final

import msgspec

from data_juicer.errors import CheckpointCorruptError
from data_juicer.formats.places import SourcePlace
from data_juicer.portable import PortableJson


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row, where it came from, and what was wrong with it."""

    partition: int
    operator: str
    """`read` for a row that could not be read."""
    operator_index: int
    error_type: str
    message: str
    trace_digest: str = ""
    """Equal for errors that were raised at the same place in the same way."""
    attempt: str
    source: str
    line: int
    """From 1; 0 in formats without lines."""
    byte_offset: int
    source_row: int = -1
    """From 0, among all rows of the source; -1 for a row that an operator made."""
    row_group: int = -1
    """From 0, as pyarrow counts; -1 in formats without row groups."""
    row_in_group: int = -1
    row: str | None = None
    """The untouched row, where it is UTF-8."""
    row_base64: str | None = None
    """The untouched row, where it is not."""
    is_made: bool = False
    """The row is none of the source: an operator made it, such as a grouper of several, and it is recorded as it was then."""
    is_whole: bool = True
    """False for a row that was too long: only its first bytes are here."""

    @property
    def place(self) -> str:
        """Where the row is in its source, for people."""
        if self.line == 0 and self.source_row < 0:  # a row that was made, or a letter of an earlier version
            return f"partition {self.partition}"
        return str(
            SourcePlace(
                row=self.source_row,
                line=self.line,
                byte_offset=self.byte_offset,
                row_group=self.row_group,
                row_in_group=self.row_in_group,
            )
        )

    @property
    def raw(self) -> bytes:
        """The untouched bytes of the row."""
        return base64.b64decode(self.row_base64 or "") if self.row is None else self.row.encode()


_JSON: Final = PortableJson[DeadLetter](DeadLetter)


def encode_dead_letter(dead_letter: DeadLetter) -> bytes:
    """One line, without its end."""
    return _JSON.encode(dead_letter)


def decode_dead_letter(line: bytes) -> DeadLetter:
    """Raises: CheckpointCorruptError: the line is no dead letter."""
    try:
        return _JSON.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CheckpointCorruptError(f"not a dead letter: {error}.") from error


def row_fields(raw: bytes) -> dict[str, Any]:
    """The field of a `DeadLetter` that can hold these bytes."""
    try:
        return {"row": raw.decode()}
    except UnicodeDecodeError:
        return {"row_base64": base64.b64encode(raw).decode()}
