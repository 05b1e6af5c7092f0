"""Bibliographies of LaTeX documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from data_juicer.kernels.rows import map_rows, matching
from data_juicer.ops.base import TextMapper

if TYPE_CHECKING:
    import pyarrow as pa

_HEADS: Final = (r"\appendix", r"\begin{references}", r"\begin{REFERENCES}", r"\begin{thebibliography}")
_COMMAND: Final = r"\bibliography{"
_GUARD: Final = r"\\(?:appendix|begin\{(?:references|REFERENCES|thebibliography)\}|bibliography\{)"


class RemoveBibliographyMapper(TextMapper):
    r"""LaTeX bibliography removal: removes everything from the first \appendix, references environment or \bibliography{...} on.

    Example: text \bibliography{refs} more -> text
    """

    name: ClassVar[str] = "remove_bibliography_mapper"

    def map_text(self, text: pa.Array) -> pa.Array:
        return map_rows(text, matching(text, _GUARD), _cut)


def _cut(text: str) -> str:
    starts = [text.find(head) for head in _HEADS]
    command = text.find(_COMMAND)
    if command >= 0 and text.find("}", command) >= 0:
        starts.append(command)
    return text[: min((start for start in starts if start >= 0), default=len(text))]
