"""What precedes the first heading of LaTeX documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.kernels.rows import map_part, matching
from data_juicer.ops.base import TextMapper

if TYPE_CHECKING:
    from data_juicer.kernels.arrays import Mask

_ARGUMENTS: Final = r"\*?(?:\[.*?\])?\{.*?\}"
_NAMES: Final = "chapter|part|(?:sub){0,2}section|(?:sub)?paragraph"
_HEADING: Final = rf"(?s)\\(?:{_NAMES}){_ARGUMENTS}"


class RemoveHeaderMapper(TextMapper):
    r"""LaTeX header removal: removes everything before the first heading: \chapter, \part, \section, \paragraph and what is below them.

    Example: \title{T} \section{One} text -> \section{One} text

    Args:
        drop_no_head: empty the texts that have no such heading.
    """

    name: ClassVar[str] = "remove_header_mapper"
    version: ClassVar[int] = 2

    def __init__(self, drop_no_head: bool = True) -> None:
        self.drop_no_head = drop_no_head

    def map_text(self, text: pa.Array) -> pa.Array:
        headed: Mask = matching(text, _HEADING)
        text = map_part(text, headed, _from_heading)
        if not self.drop_no_head or headed.all():
            return text
        return pc.if_else(pa.array(headed), text, pa.scalar("", pa.large_string()))


def _from_heading(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(text, rf"\A(?s:.*?)({_HEADING})", r"\1", max_replacements=1)
