"""Chinese between traditional, simplified and Japanese characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from data_juicer.kernels.rows import map_rows, matching
from data_juicer.ops.base import TextMapper
from data_juicer.ops.resources.optional import need

if TYPE_CHECKING:
    import pyarrow as pa

    from data_juicer.ops.context import OperatorContext

MODES: Final = (
    *("s2t", "s2tw", "s2hk", "s2twp", "t2s", "tw2s", "hk2s", "tw2sp"),
    *("t2tw", "tw2t", "t2hk", "hk2t", "t2jp", "jp2t"),
)

# No entry of OpenCC's dictionaries is free of characters from the CJK blocks on.
_CONVERTIBLE: Final = "[\u2e80-\U0010ffff]"


class ChineseConvertMapper(TextMapper):
    """Chinese script conversion (simplified, traditional, regional variants) with OpenCC.

    Example: 简体 -> 簡體

    Args:
        mode: from and to: s simplified, t traditional, tw Taiwan, hk Hong Kong, jp new Japanese characters;
            twp and the sp of tw2sp convert words as well.
    """

    name: ClassVar[str] = "chinese_convert_mapper"

    def __init__(self, mode: str = "s2t") -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}; found {mode!r}")
        need("opencc", operator=self.name)
        self.mode = mode
        self._converter: Any = None

    def prepare(self, context: OperatorContext | None = None) -> None:
        import opencc

        self._converter = opencc.OpenCC(f"{self.mode}.json")

    def map_text(self, text: pa.Array) -> pa.Array:
        return map_rows(text, matching(text, _CONVERTIBLE), self._convert)

    def _convert(self, text: str) -> str:
        # For OpenCC a text ends at its first NUL.
        return "\x00".join(map(self._converter.convert, text.split("\x00")))
