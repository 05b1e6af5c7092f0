"""Figures of LaTeX documents, and the paragraphs that cite them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import regex

from data_juicer.kernels.patterns.timed import LimitedPattern


def _compiled(pattern: str) -> LimitedPattern:
    return LimitedPattern(regex.compile(pattern))


_OPTION: Final = r"(?:\[[^\]]*\])?"
_ARGUMENTS: Final = r"(?:\[[^\]]*\])*(?:\{[^}]*\})*"
_BRACED: Final = (
    r"\{(?P<inside>(?:[^{}]++|(?P<B>\{(?:[^{}]++|(?&B))*+\}))*+)\}"  # braces inside come in pairs
)

_FIGURE: Final = _compiled(
    rf"(?s)\\begin\{{(?P<kind>figure\*?|wrapfigure)\}}{_ARGUMENTS}.*?\\end\{{(?P=kind)\}}"
)
_SUBFIGURE: Final = _compiled(rf"(?s)\\begin\{{subfigure\}}{_ARGUMENTS}.*?\\end\{{subfigure\}}")
_SUB_CAPTIONED: Final = _compiled(rf"\\(?:subfigure|subfloat)\[(?P<caption>[^\]]*)\]\s*{_BRACED}")
_SUB_PLAIN: Final = _compiled(rf"\\(?:subfigure|subfloat)(?!\[)\s*{_BRACED}")
_MINIPAGE: Final = _compiled(rf"(?s)\\begin\{{minipage\}}{_ARGUMENTS}(?P<inside>.*?)\\end\{{minipage\}}")
_CAPTIONS: Final = tuple(
    _compiled(rf"\\{command}{_OPTION}{_BRACED}")
    for command in (r"caption\*?", "subcaption", r"captionof\{figure\}")
)
_TABLE_CAPTION: Final = _compiled(rf"\\captionof\{{table\}}{_OPTION}{_BRACED}")
_LABEL: Final = _compiled(r"\\label\{([^}]+)\}")
_IMAGE: Final = _compiled(rf"\\includegraphics{_OPTION}\{{([^}}]+)\}}")
_NO_PROSE: Final = _compiled(
    r"(?s)\\begin\{(wrapfigure|lstlisting|verbatim|minted|"
    r"(?:figure|table|tabular|equation|align|alignat|gather|multline|flalign|algorithm)\*?)\}.*?\\end\{\1\}"
)


class Figure(msgspec.Struct, frozen=True):
    """A figure with pictures: an environment, or a part of one, which is then its parent."""

    caption: str
    label: str
    images: tuple[str, ...]
    parent: Figure | None = None


def figures_of(source: str) -> list[Figure]:
    """The figures of a document that have pictures, in order.

    Raises: TimeoutError: an expression needs too long.
    """
    return [figure for match in _FIGURE.find_all(source) for figure in _figures_in(match[0]) if figure.images]


def paragraphs_of(source: str, separator: str) -> list[str]:
    """The paragraphs of a document, without its figures, tables, formulas and listings."""
    prose = _NO_PROSE.sub("", source)
    return [stripped for part in prose.split(separator) if (stripped := part.strip())]


def citing(paragraphs: Sequence[str], label: str, commands: Sequence[str]) -> list[str]:
    """The paragraphs that name the label in one of these commands, alone or in a list; none for an empty label."""
    if not label:
        return []
    names = "|".join(regex.escape(command.lstrip("\\")) for command in commands)
    cited = _compiled(rf"\\(?:{names})\{{(?:[^}},]*,\s*)*{regex.escape(label)}\s*(?:,[^}}]*)?\}}")
    return [part for part in paragraphs if label in part and cited.search(part)]


def _figures_in(environment: str) -> list[Figure]:
    parts = sorted(_parts(environment), key=lambda part: part.match.start())
    if parts:
        outside = _without(environment, [part.match.span() for part in parts])
        parent = _figure(outside)
        return [
            Figure(part.caption, _label(part.content), _images(part.content), parent)
            for part in sorted(parts, key=lambda part: part.kind)
        ]
    pages = [match["inside"] for match in _MINIPAGE.find_all(environment)]
    if len(pages) > 1:
        return [_figure(page) for page in pages if not _TABLE_CAPTION.search(page)]
    return [_figure(environment)]


class _Part(msgspec.Struct, frozen=True):
    kind: int
    match: Any
    caption: str
    content: str


def _parts(environment: str) -> Iterator[_Part]:
    """The figures that an environment consists of: environments first, then commands with caption, then without."""
    for match in _SUBFIGURE.find_all(environment):
        yield _Part(0, match, _caption(match[0]), match[0])
    for match in _SUB_CAPTIONED.find_all(environment):
        yield _Part(1, match, match["caption"].strip(), match["inside"])
    for match in _SUB_PLAIN.find_all(environment):
        yield _Part(2, match, "", match["inside"])


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    for start, stop in reversed(spans):
        text = text[:start] + text[stop:]
    return text


def _figure(text: str) -> Figure:
    return Figure(_caption(text), _label(text), _images(text))


def _caption(text: str) -> str:
    found = (pattern.search(text) for pattern in _CAPTIONS)
    return next((match["inside"].strip() for match in found if match), "")


def _label(text: str) -> str:
    match = _LABEL.search(text)
    return match[1].strip() if match else ""


def _images(text: str) -> tuple[str, ...]:
    return tuple(match[1].strip() for match in _IMAGE.find_all(text))
