"""An operator with per-row effects, for tests: each call is one line of a file, whatever becomes of the attempt."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any, ClassVar

from data_juicer.ops.effects import EffectMapper


class RecordedCallMapper(EffectMapper):
    """Answers the text of a row in capitals, and writes down that it was asked.

    Args:
        log: a file that is given a line for each call: the number of the process and the text.
        refused: texts that hold this are answered by an error.
        deadly: a text that holds this kills the worker.
        deadly_until: a file; once it is there no text is deadly.
    """

    name: ClassVar[str] = "recorded_call_mapper"
    calls_max: ClassVar[int] = 4

    def __init__(self, log: str, refused: str = "", deadly: str = "", deadly_until: str = "") -> None:
        self.log = log
        self.refused = refused
        self.deadly = deadly
        self.deadly_until = deadly_until

    async def call(self, row: dict[str, Any]) -> Mapping[str, Any]:
        text = str(row["text"])
        self._write_down(text)
        await asyncio.sleep(0)
        if self.refused and self.refused in text:
            raise ValueError(f"no answer to {text}")
        if self._is_deadly(text):
            os.abort()
        return {"text": text.upper(), "asked": True}

    def _write_down(self, text: str) -> None:
        with open(self.log, "a", encoding="utf-8") as stream:
            stream.write(f"{os.getpid()} {text}\n")

    def _is_deadly(self, text: str) -> bool:
        return bool(self.deadly) and self.deadly in text and not os.path.exists(self.deadly_until)
