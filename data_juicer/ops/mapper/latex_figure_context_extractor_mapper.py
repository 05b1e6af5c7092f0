"""Figures of LaTeX documents as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from data_juicer.kernels.rows import containing
from data_juicer.ops.base import Mapper
from data_juicer.ops.mapper._latex_figures import Figure, citing, figures_of, paragraphs_of

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch

_COMMANDS = (r"\ref", r"\cref", r"\Cref", r"\autoref")


class LatexFigureContextExtractorMapper(Mapper):
    r"""LaTeX figure extraction: makes a row of each figure with images, with its caption and the paragraphs that cite it.

    Figures are figure and wrapfigure environments, and the subfigures, \subfloat and minipages in them. A text
    without any gives no row. The other fields of a row go with each figure; `image_key` gets the paths of pictures.

    Example: \begin{figure}\includegraphics{a}\caption{C}\end{figure} -> images ["a"], caption C

    Args:
        citation_commands: commands that cite; by default \ref, \cref, \Cref and \autoref.
        paragraph_separator: what is between two paragraphs.
        caption_key: the field for the caption.
        label_key: the field for the label.
        context_key: the field for the paragraphs.
        parent_caption_key: the field for the caption of the figure that a subfigure belongs to, else empty.
        parent_label_key: the field for its label.
    """

    name: ClassVar[str] = "latex_figure_context_extractor_mapper"

    image_key: str = "images"

    def __init__(
        self,
        citation_commands: list[str] | None = None,
        paragraph_separator: str = "\n\n",
        caption_key: str = "caption",
        label_key: str = "label",
        context_key: str = "citing_paragraphs",
        parent_caption_key: str = "parent_caption",
        parent_label_key: str = "parent_label",
    ) -> None:
        if not paragraph_separator:
            raise ValueError("paragraph_separator must not be empty")
        self.commands = citation_commands or _COMMANDS
        self.separator = paragraph_separator
        self.caption_key = caption_key
        self.label_key = label_key
        self.context_key = context_key
        self.parent_caption_key = parent_caption_key
        self.parent_label_key = parent_label_key

    def process(self, batch: Batch) -> Batch:
        text = batch.text(self.text_key)
        rows: list[int] = []
        figures: list[tuple[Figure, list[str]]] = []
        candidates = np.flatnonzero(containing(text, r"\includegraphics") & containing(text, r"\begin{"))
        for row in candidates.tolist():
            found = self._with_context(text[row].as_py())
            rows += [row] * len(found)
            figures += found
        after = batch.take(np.array(rows, np.int32))
        columns: dict[str, list[Any]] = {
            self.image_key: [list(figure.images) for figure, _ in figures],
            self.caption_key: [figure.caption for figure, _ in figures],
            self.label_key: [figure.label for figure, _ in figures],
            self.context_key: [context for _, context in figures],
            self.parent_caption_key: [
                figure.parent.caption if figure.parent else "" for figure, _ in figures
            ],
            self.parent_label_key: [figure.parent.label if figure.parent else "" for figure, _ in figures],
        }
        for key, column in columns.items():
            after = after.with_column(key, column)
        return after

    def _with_context(self, source: str) -> list[tuple[Figure, list[str]]]:
        figures = figures_of(source)
        paragraphs = paragraphs_of(source, self.separator) if figures else []
        return [(figure, self._context(figure, paragraphs)) for figure in figures]

    def _context(self, figure: Figure, paragraphs: list[str]) -> list[str]:
        """Paragraphs that cite the parent, then those that cite the figure itself, each once."""
        own = citing(paragraphs, figure.label, self.commands)
        if figure.parent is None:
            return own
        return list(dict.fromkeys(citing(paragraphs, figure.parent.label, self.commands) + own))
