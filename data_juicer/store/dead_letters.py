"""Rows that were excluded because they could not be read or processed, as JSON Lines. Pure."""

from __future__ import annotations

import base64
from typing import Any, Final

import msgspec

from data_juicer.errors import CheckpointCorruptError
from data_juicer.formats.places import Located, SourcePlace, locate, place_fields
from data_juicer.portable import PortableJson, encode_json
from data_juicer.rows.place import Place


class CommittedDeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row and what was wrong with it, as it is committed with its partition: without its source, since the partition may be
    elsewhere in the input, or in a file of another name, when it is used again.
    """

    operator: str
    """`read` for a row that could not be read."""
    operator_index: int
    error_type: str
    message: str
    trace_digest: str = ""
    """Equal for errors that were raised at the same place in the same way."""
    attempt: str
    place: Place | None = None
    """Where the row is in its fragment; None for a row that an operator made."""
    row: str | None = None
    """The untouched row, where it is UTF-8."""
    row_base64: str | None = None
    """The untouched row, where it is not."""
    is_made: bool = False
    """The row is none of the source: an operator made it, such as a grouper of several, and it is recorded as it was then."""
    is_whole: bool = True
    """False for a row that was too long: only its first bytes are here."""

    def resolve(self, partition_id: int, partition: Located | None) -> DeadLetter:
        """The same for people, with the place that the row has now.

        Args:
            partition: None where nothing is known of it but its number.
        """
        source, place = partition.source_path if partition else "", None
        if partition and self.place:
            source, place = locate(self.place, partition)
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name != "place"}
        return DeadLetter(partition=partition_id, source=source, **place_fields(place), **fields)


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row, where it is in the input, and what was wrong with it; fields as in `CommittedDeadLetter`."""

    partition: int
    operator: str
    operator_index: int
    error_type: str
    message: str
    trace_digest: str = ""
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
    row_base64: str | None = None
    is_made: bool = False
    is_whole: bool = True

    def resolve(self, partition_id: int, partition: Located | None) -> DeadLetter:
        """One that an earlier version committed has the place that it had then; nothing else is known of it."""
        return self

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
    def named_place(self) -> str:
        """The same with the name of the source."""
        name = self.source.rpartition("/")[2]
        return f"{name}, {self.place}" if name else self.place

    @property
    def raw(self) -> bytes:
        """The untouched bytes of the row."""
        return base64.b64decode(self.row_base64 or "") if self.row is None else self.row.encode()


class _Kind(msgspec.Struct, frozen=True):
    """As much of a line as tells which of the two it is."""

    source: str | None = None


_KIND: Final = PortableJson[_Kind](_Kind)
_JSON: Final = PortableJson[CommittedDeadLetter](CommittedDeadLetter)
_RESOLVED_JSON: Final = PortableJson[DeadLetter](DeadLetter)


def encode_dead_letter(dead_letter: CommittedDeadLetter | DeadLetter) -> bytes:
    """One line, without its end."""
    return encode_json(dead_letter)


def decode_dead_letter(line: bytes) -> CommittedDeadLetter | DeadLetter:
    """A committed line. Earlier versions resolved the place when the row failed; theirs is all that is known of those.

    Raises: CheckpointCorruptError: the line is no dead letter.
    """
    try:
        return _JSON.decode(line) if _KIND.decode(line).source is None else _RESOLVED_JSON.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CheckpointCorruptError(f"not a dead letter: {error}.") from error


def row_fields(raw: bytes) -> dict[str, Any]:
    """The field of a `DeadLetter` that can hold these bytes."""
    try:
        return {"row": raw.decode()}
    except UnicodeDecodeError:
        return {"row_base64": base64.b64encode(raw).decode()}
