"""Repairs mojibake and other damage of Unicode text, with ftfy."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import pyarrow as pa

from data_juicer.kernels.characters.codepoints import Bytes, bytes_of
from data_juicer.kernels.characters.unicode_guard import guard_of
from data_juicer.kernels.characters.unicode_kinds import QUICK
from data_juicer.kernels.characters.utf8_positions import points_at, widths
from data_juicer.kernels.patterns.spans import change_spans, replace_characters, spans_around
from data_juicer.ops.base import TextMapper

if TYPE_CHECKING:
    import ftfy

FORMS: Final = ("NFC", "NFKC", "NFD", "NFKD")


class FixUnicodeMapper(TextMapper):
    """Unicode repair (ftfy): `donâ€™t` -> `don't`, HTML entities, ligatures, curled quotes, control characters, line ends.

    Args:
        normalization: NFC (when none is given), NFKC, NFD or NFKD, in any case.
    """

    name: ClassVar[str] = "fix_unicode_mapper"

    def __init__(self, normalization: str | None = None) -> None:
        """Raises: ValueError: there is no such normalization."""
        self.form = (normalization or "NFC").upper()
        if self.form not in FORMS:
            raise ValueError(f"normalization = {normalization!r}: allowed are {', '.join(FORMS)}")

    def map_text(self, text: pa.Array) -> pa.Array:
        utf8 = bytes_of(text)
        guard = guard_of(self.form)
        positions, flags = guard.kinds.work(utf8.data)
        if not len(positions):
            return text
        starts, stops = spans_around(utf8, positions, b"\n")
        first = np.searchsorted(positions, starts)
        line_flags = np.bitwise_or.reduceat(flags, first)
        slow = line_flags != QUICK
        quick = positions[np.repeat(~slow, np.diff(first, append=len(positions)))]
        quickly, moved = replace_characters(
            utf8, quick, widths(utf8.data, quick), guard.quick[points_at(utf8.data, quick)]
        )
        starts, stops, line_flags = starts[slow], stops[slow], line_flags[slow]
        facts = dict(
            zip(moved(starts).tolist(), zip(starts.tolist(), line_flags.tolist(), strict=True), strict=True)
        )
        data = quickly.data.tobytes()

        def repaired(start: int, stop: int) -> bytes | None:
            line = data[start:stop].decode()
            before, asked = facts[start]
            fixed = guard.fixed(line, asked)
            if fixed is None:
                fixed = _fix(line, self._config(utf8, before))
            return None if fixed == line else fixed.encode()

        changed = change_spans(quickly, moved(starts), moved(stops), repaired)
        return (quickly.column() if len(quick) else text) if changed is None else changed

    def _config(self, utf8: Bytes, start: int) -> ftfy.TextFixerConfig:
        """As ftfy has it: after a line with a `<`, entities are HTML's own and stay."""
        row = np.searchsorted(utf8.offsets, start, side="right") - 1
        marked = bool((utf8.data[utf8.offsets[row] : start] == ord("<")).any())
        return _config_of(self.form, marked)


@cache
def _config_of(form: str, marked: bool) -> ftfy.TextFixerConfig:
    import ftfy

    return ftfy.TextFixerConfig(
        normalization=form,  # type: ignore[arg-type] # one of FORMS
        unescape_html=False if marked else "auto",
        explain=False,
    )


def _fix(line: str, config: ftfy.TextFixerConfig) -> str:
    import ftfy

    # Of a line only, fix_text does what it does of a whole text, line by line; it cuts very long lines itself.
    return ftfy.fix_text(line, config)
