"""Recorded cases that we do not meet, and why; for people in docs/differences.md.

A case is named by its operator, its number in the operator's file (from 0) and, where only some rows differ, their
numbers. A row that is listed here must differ: one that has become equal fails the test.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    operator: str
    case: int
    rows: frozenset[int] | None  # None: the whole case
    reason: str


ZERO = "0 is a number: the recorder drops it as if it were none"
STAT = "the stat is there, true for each row: rows are kept by stats alone"
MODIFIED_IN_PLACE = "a batched function may change its argument and return it; the recorder raises"
WHOLE_TEXT = "texts without a letter are compared as they are, not all taken for equal"
LINE_ENDS = (
    "a word ends with its line; the recorder takes only blanks for borders, so that tables are few words"
)
FREQUENT = "a few shingles that are frequent outweigh all others, and which bits they set is the hash's own"

DIFFERENCES: tuple[Difference, ...] = (
    Difference(operator="document_deduplicator", case=2, rows=frozenset({25, 26, 27}), reason=WHOLE_TEXT),
    Difference(
        operator="document_minhash_deduplicator",
        case=5,
        rows=frozenset({126, 204, 243, 294, 295}),
        reason=LINE_ENDS,
    ),
    Difference(operator="document_simhash_deduplicator", case=3, rows=frozenset({32}), reason=LINE_ENDS),
    Difference(operator="document_simhash_deduplicator", case=4, rows=frozenset({204}), reason=LINE_ENDS),
    Difference(
        operator="document_simhash_deduplicator",
        case=5,
        rows=frozenset({30, 50, 136, 195, 198, 255, 286}),
        reason=FREQUENT,
    ),
    Difference(operator="general_field_filter", case=0, rows=frozenset(range(8)), reason=STAT),
    Difference(operator="python_file_mapper", case=1, rows=None, reason=MODIFIED_IN_PLACE),
    Difference(operator="specified_numeric_field_filter", case=1, rows=frozenset({2}), reason=ZERO),
    Difference(operator="specified_numeric_field_filter", case=3, rows=frozenset({2}), reason=ZERO),
)

LEFT_OUT: dict[str, str] = {"random_selector": "it draws other rows; how many is tested beside it"}
"""Operators of the registry whose recorded cases this harness does not run: their reason."""


def differences_of(operator: str, case: int) -> tuple[Difference, ...]:
    return tuple(item for item in DIFFERENCES if (item.operator, item.case) == (operator, case))
