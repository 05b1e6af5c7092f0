"""What became of every row, operator by operator. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Final, Literal, Protocol

import msgspec

from data_juicer.errors import CheckpointError

READ = "read"
"""Name in the ledger of what turns bytes into rows; its index is -1."""


class OperatorLedger(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One operator over one partition, or summed over many: rows, seconds of its own, bytes of text it was given."""

    index: int
    name: str
    rows_in: int
    rows_generated: int = 0
    rows_out: int
    rows_filtered: int = 0
    rows_duplicate: int = 0
    rows_dead_letter: int = 0
    rows_grouped: int = 0
    """Rows that went into rows of several; those are counted as generated where they are made."""
    rows_null_text: int = 0
    """Rows without a text that were left out when they were read (null_text: drop)."""
    duration_s: float = 0.0
    text_bytes: int = 0

    @property
    def balances(self) -> bool:
        left = self.rows_out + self.rows_filtered + self.rows_duplicate + self.rows_dead_letter
        return self.rows_in + self.rows_generated == left + self.rows_grouped + self.rows_null_text


class HasLedgers(Protocol):
    """What accounts for rows: a manifest, or the sum of many."""

    @property
    def ledgers(self) -> tuple[OperatorLedger, ...]:
        """Of `read` and of every operator so far, in their order."""


SUMMED: Final = (
    "rows_in",
    "rows_generated",
    "rows_out",
    "rows_filtered",
    "rows_duplicate",
    "rows_dead_letter",
    "rows_grouped",
    "rows_null_text",
    "duration_s",
    "text_bytes",
)
_NUMBERS: Final = attrgetter(*SUMMED)


def check_ledgers(ledgers: Sequence[OperatorLedger], where: str) -> None:
    """Every operator accounts for its rows and gets what the one before it gave.

    Raises: CheckpointError: rows were lost or doubled; nothing may be committed.
    """
    for before, ledger in zip((None, *ledgers), ledgers, strict=False):
        if not ledger.balances:
            raise CheckpointError(f"{where}: the rows of {ledger.name} do not balance: {_sum_text(ledger)}.")
        if before is not None and before.rows_out != ledger.rows_in:
            raise CheckpointError(
                f"{where}: {before.name} gave {before.rows_out} rows, {ledger.name} was given {ledger.rows_in}."
            )


def add_ledgers(one: OperatorLedger, other: OperatorLedger) -> OperatorLedger:
    """The two partitions, or the two groups of partitions, taken together."""
    return OperatorLedger(
        index=one.index,
        name=one.name,
        rows_in=one.rows_in + other.rows_in,
        rows_generated=one.rows_generated + other.rows_generated,
        rows_out=one.rows_out + other.rows_out,
        rows_filtered=one.rows_filtered + other.rows_filtered,
        rows_duplicate=one.rows_duplicate + other.rows_duplicate,
        rows_dead_letter=one.rows_dead_letter + other.rows_dead_letter,
        rows_grouped=one.rows_grouped + other.rows_grouped,
        rows_null_text=one.rows_null_text + other.rows_null_text,
        duration_s=one.duration_s + other.duration_s,
        text_bytes=one.text_bytes + other.text_bytes,
    )


class LedgerSums:
    """The ledgers of many partitions, added up operator by operator."""

    def __init__(self) -> None:
        self._sums: dict[int, list[Any]] = {}
        self._names: dict[int, str] = {}

    def add(self, ledgers: Iterable[OperatorLedger], sign: Literal[1, -1] = 1) -> None:
        """
        Args:
            sign: -1 for ledgers that were added and count no more.
        """
        for ledger in ledgers:
            sums = self._sums.get(ledger.index)
            if sums is None:
                sums = self._sums[ledger.index] = [0] * len(SUMMED)
                self._names[ledger.index] = ledger.name
            for place, number in enumerate(_NUMBERS(ledger)):
                if number:
                    sums[place] += sign * number

    def total(self) -> tuple[OperatorLedger, ...]:
        """In the order of the recipe."""
        return tuple(
            OperatorLedger(
                index=index, name=self._names[index], **dict(zip(SUMMED, self._sums[index], strict=True))
            )
            for index in sorted(self._sums)
        )


def _sum_text(ledger: OperatorLedger) -> str:
    return (
        f"{ledger.rows_in} in + {ledger.rows_generated} generated against {ledger.rows_out} out + "
        f"{ledger.rows_filtered} filtered + {ledger.rows_duplicate} duplicate + {ledger.rows_grouped} grouped + "
        f"{ledger.rows_dead_letter} dead letters + {ledger.rows_null_text} without text"
    )
