"""Which kind of data the rows of a sample are: text, image, audio, video, or several of the media. Pure.

A row refers to media where a field of DataJuicer's names is filled, where its text holds one of DataJuicer's special tokens,
or where a field holds the path of a file with the suffix of a medium.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

Medium = Literal["image", "audio", "video"]
Modality = Literal["text", "image", "audio", "video", "multimodal"]

MEDIA: Final[tuple[Medium, ...]] = ("image", "audio", "video")
SHARE_MIN: Final = 0.1
"""Of the sampled rows that must refer to a medium for the data to be of that kind; a stray picture changes nothing."""

_FIELDS: Final[Mapping[str, Medium]] = {
    name: medium for medium in MEDIA for name in (medium, f"{medium}s", f"{medium}_bytes")
}
_TOKENS: Final[Mapping[str, Medium]] = {f"<__dj__{medium}>": medium for medium in MEDIA}
_SUFFIXES_OF: Final[Mapping[Medium, str]] = {
    "image": ".png .jpg .jpeg .gif .webp .bmp .tif .tiff .avif .heic",
    "audio": ".wav .flac .mp3 .ogg .opus .m4a .aac .wma .aiff",
    "video": ".mp4 .mkv .avi .mov .webm .m4v .mpg .mpeg .flv .wmv",
}
_SUFFIXES: Final[Mapping[str, Medium]] = {
    suffix: medium for medium, suffixes in _SUFFIXES_OF.items() for suffix in suffixes.split()
}
_PATH_CHARS_MAX: Final = 4096


class RowMedia(msgspec.Struct, frozen=True, kw_only=True):
    """What one row refers to."""

    kinds: frozenset[Medium]
    files: tuple[tuple[Medium, str], ...]
    """Paths as the row has them, each with the medium that its suffix names; addresses of the net are not among them."""


def media_of(row: Mapping[str, Any], text_keys: Sequence[str]) -> RowMedia:
    """What a row refers to.

    Args:
        text_keys: fields that hold texts: a text that is called like a file is none.
    """
    kinds: set[Medium] = set()
    files: list[tuple[Medium, str]] = []
    for key, value in row.items():
        if key in text_keys:
            if isinstance(value, str):
                kinds |= {medium for token, medium in _TOKENS.items() if token in value}
            continue
        if value and key in _FIELDS:
            kinds.add(_FIELDS[key])
        for text in _texts(value):
            medium = _SUFFIXES.get(os.path.splitext(text)[1].lower())
            if medium is not None and "://" not in text:
                kinds.add(medium)
                files.append((medium, text))
    return RowMedia(kinds=frozenset(kinds), files=tuple(files))


def _texts(value: Any) -> Iterable[str]:
    """The texts of a field that may be a path: itself, or the members of a list."""
    members = value if isinstance(value, list) else [value]
    return (
        each
        for each in members
        if isinstance(each, str) and 0 < len(each) <= _PATH_CHARS_MAX and not {"\n", "\0"} & set(each)
    )


class Detected(msgspec.Struct, frozen=True, kw_only=True):
    """The modality of a sample."""

    modality: Modality
    shares: Mapping[Medium, float]
    """Medium -> share of the rows that refer to it, of those that any row refers to."""


def detect(rows: Sequence[frozenset[Medium]]) -> Detected:
    """The modality of rows, given what each refers to.

    Captions beside pictures are data of pictures; `multimodal` are those with two media or more. Without any row it is text.
    """
    shares = {
        medium: sum(medium in kinds for kinds in rows) / len(rows)
        for medium in MEDIA
        if any(medium in kinds for kinds in rows)
    }
    found = [medium for medium, share in shares.items() if share >= SHARE_MIN]
    modality: Modality = "text" if not found else found[0] if len(found) == 1 else "multimodal"
    return Detected(modality=modality, shares=shares)
