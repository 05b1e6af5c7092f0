"""Repairs mojibake and other damage of Unicode text, with ftfy."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
import pyarrow as pa

from data_juicer.ops.base import TextMapper
from data_juicer.ops.text.codepoints import Bytes, byte_offsets, bytes_of, points_of
from data_juicer.ops.text.spans import change_spans, spans_around
from data_juicer.ops.text.unicode_guard import guard_of

if TYPE_CHECKING:
    import ftfy

FORMS: Final = ("NFC", "NFKC", "NFD", "NFKD")


class FixUnicodeMapper(TextMapper):
    """Repairs text: `donâ€™t` -> `don't`, HTML entities, ligatures, curled quotes, control characters, line ends.

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
        classes = guard.table.take(points_of(text).points)
        telling = np.flatnonzero(classes)
        places = byte_offsets(utf8.data, telling)
        starts, stops = spans_around(utf8, places, b"\n")
        if not len(starts):
            return text
        line_classes = np.bitwise_or.reduceat(classes[telling], np.searchsorted(places, starts))
        class_of = dict(zip(starts.tolist(), line_classes.tolist(), strict=True))
        data = utf8.data.tobytes()

        def repaired(start: int, stop: int) -> bytes | None:
            line = data[start:stop].decode()
            fixed = guard.fixed(line, class_of[start])
            if fixed is None:
                fixed = _fix(line, self._config(utf8, start))
            return None if fixed == line else fixed.encode()

        changed = change_spans(utf8, starts, stops, repaired)
        return text if changed is None else changed

    def _config(self, utf8: Bytes, start: int) -> ftfy.TextFixerConfig:
        """As ftfy has it: behind a line with a `<`, entities are HTML's own and stay."""
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
