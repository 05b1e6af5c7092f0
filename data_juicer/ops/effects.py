"""Operators whose rows each cost a call to the outside: one await a row, many at once, none made twice.

A mapper is a function of its rows, and is given them again whenever it helps: halves of a batch to find a failing row, a
suspect alone, a sample for people. A call to a model or a service costs money and may answer otherwise each time. The rows of
an `EffectMapper` are therefore given to it one by one, each once in an attempt, and each has a result or an error of its
own; what was committed is never asked again.
"""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from data_juicer.ops.base import Kind, Operator


class EffectMapper(Operator):
    """A mapper of one call a row."""

    kind: ClassVar[Kind] = "mapper"
    calls_max: ClassVar[int] = 16
    """Calls in flight at once in one worker."""

    def text_keys_read(self) -> tuple[str, ...]:
        return ()

    def session(self) -> contextlib.AbstractAsyncContextManager[Any]:
        """What is open while the rows of one partition are called, such as a connection. Kept by the operator itself."""
        return contextlib.nullcontext()

    @abstractmethod
    async def call(self, row: dict[str, Any]) -> Mapping[str, Any]:
        """The fields of a row that change or are new. May raise: the row alone is a dead letter."""
