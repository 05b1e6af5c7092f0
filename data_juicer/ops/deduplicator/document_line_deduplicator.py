"""Removes lines that are in many documents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.kernels.characters.codepoints import Counts
from data_juicer.kernels.words.word_keys import flat
from data_juicer.ops.base import Kind
from data_juicer.ops.dataset.groups import KEYED, among, counted, keyed
from data_juicer.ops.dataset.key_counts import KeyCounter
from data_juicer.ops.dataset.key_share import ALL_KEYS, KeyShare
from data_juicer.ops.dataset.scratch import Buckets, Records, Scratch
from data_juicer.ops.dataset.summaries import Summaries
from data_juicer.ops.dataset.text_hash import HASH, compared, halves, hashes

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch

BRACKETS: Final = "{}[]()<>;"
"""A line of nothing else is one of brackets, with what follows them in code."""


class DocumentLineDeduplicator(KeyCounter):
    """Line-level deduplication: removes every occurrence of lines that more documents than a threshold contain; no document is removed.

    Args:
        frequency_threshold: the most documents that a line may be in.
        lowercase: compare lines in lower case.
        ignore_special_character: compare lines without white space, digits and punctuation.
        min_line_length: shorter lines, white space at their ends left out, stay; in characters.
        skip_brackets: lines of brackets alone stay.
        skip_markdown_headers: lines that begin with # stay.
        skip_latex_env: lines that begin or end a LaTeX environment stay.
        skip_html_tags: lines that are a single HTML tag stay.
    """

    name: ClassVar[str] = "document_line_deduplicator"
    kind: ClassVar[Kind] = "deduplicator"
    ledger_outcome: ClassVar[Literal["duplicate", "filtered"]] = "duplicate"

    def __init__(
        self,
        frequency_threshold: int = 6,
        lowercase: bool = False,
        ignore_special_character: bool = False,
        min_line_length: int = 2,
        skip_brackets: bool = True,
        skip_markdown_headers: bool = True,
        skip_latex_env: bool = True,
        skip_html_tags: bool = True,
    ) -> None:
        self.frequency_threshold = frequency_threshold
        self.lowercase = lowercase
        self.ignore_special_character = ignore_special_character
        self.min_line_length = min_line_length
        skipped = [
            (skip_brackets, rf"[{re.escape(BRACKETS)}]+"),
            (skip_markdown_headers, r"#+\s.*"),
            (skip_latex_env, r"\\(?:begin|end)\{.*"),
            (skip_html_tags, r"</?[A-Za-z][^<>]*>"),
        ]
        patterns = [pattern for is_skipped, pattern in skipped if is_skipped]
        self._skipped = "^(?:" + "|".join(patterns) + ")$" if patterns else None

    def summarise(self, batch: Batch) -> pa.Table:
        """For each row a hash of each line; null for lines that stay."""
        lines = pc.split_pattern(batch.text(self.text_key), "\n")
        values, offsets = flat(lines)
        stripped = compared(values, lowercase=False, letters_only=False)
        stays = pc.less(pc.utf8_length(stripped), self.min_line_length)
        if self._skipped is not None:
            stays = pc.or_(stays, pc.match_substring_regex(stripped, self._skipped))
        forms = compared(values, lowercase=self.lowercase, letters_only=self.ignore_special_character)
        hashed = pc.if_else(stays, pa.scalar(None, HASH), hashes(forms))
        return pa.table({"lines": pa.LargeListArray.from_arrays(pa.array(offsets), hashed)})

    def frequent(self, summaries: Summaries, scratch: Scratch, share: KeyShare = ALL_KEYS) -> Records:
        """The hashes of lines that more than `frequency_threshold` rows have; `row` is how many."""
        buckets = Buckets(scratch, KEYED, sum(summaries.rows) * self.keys_expected // share.of)
        for table in summaries:
            keys = _Lines.of(table).keys
            counts = counted(_once_a_row(keys[share.holds(keys["low"])]))
            buckets.add((counts["high"] % np.uint64(buckets.count)).astype(np.int64), counts)
        found = []
        for bucket in buckets:
            counts = np.empty(0, KEYED)
            for chunk in bucket:
                counts = counted(np.concatenate([counts, chunk]))
            found.append(counts[counts["row"] > self.frequency_threshold])
        return np.concatenate(found)

    def decide(self, summary: pa.Table, frequent: Records) -> pa.Table:
        """For each row the numbers of the lines that go."""
        lines = _Lines.of(summary)
        gone = np.flatnonzero(among(frequent, lines.keys))
        offsets = np.searchsorted(lines.positions[gone], lines.offsets)
        numbers = lines.positions[gone] - np.repeat(lines.offsets[:-1], np.diff(offsets))
        return pa.table(
            {"gone": pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(numbers.astype(np.int32)))}
        )

    def apply(self, batch: Batch, decision: pa.Table) -> Batch:
        gone = decision.column("gone").combine_chunks()
        text = batch.text(self.text_key)
        touched = np.flatnonzero(np.diff(gone.offsets.to_numpy()))
        changed = [_without(text[row].as_py(), set(gone[row].as_py())) for row in touched.tolist()]
        mask = np.zeros(len(text), np.bool_)
        mask[touched] = True
        return batch.with_text(
            self.text_key, pc.replace_with_mask(text, pa.array(mask), pa.array(changed, pa.large_string()))
        )


class _Lines(msgspec.Struct, frozen=True):
    """The hashed lines of a partition. Row k has the lines `offsets[k]` to `offsets[k + 1]`, hashed or not."""

    offsets: Counts
    positions: Counts
    """Which of all lines each hashed one is, rising."""
    keys: Records
    """Their hashes; `row` is the row of the partition."""

    @staticmethod
    def of(table: pa.Table) -> _Lines:
        values, offsets = flat(table.column("lines").combine_chunks())
        positions = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
        high, low = halves(values.drop_null())
        rows = np.searchsorted(offsets, positions, side="right") - 1
        return _Lines(offsets, positions, keyed(high, low, rows))


def _once_a_row(keys: Records) -> Records:
    """Each line of a row once, as a count of one."""
    distinct = np.unique(keys)
    distinct["row"] = 1
    return distinct


def _without(text: str, gone: set[int]) -> str:
    return "\n".join(line for number, line in enumerate(text.split("\n")) if number not in gone)
