"""Helpers around pictures, sounds and videos in texts that operators written for DataJuicer import.

What opens such files is not here yet.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Final

from data_juicer.utils.constant import DEFAULT_PREFIX, SPECIAL_TOKEN_ENV_PREFIX, Fields

_UNITS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?\s*", re.IGNORECASE)


def _token(name: str, default: str) -> str:
    return os.environ.get(f"{SPECIAL_TOKEN_ENV_PREFIX}{name.upper()}", default)


class SpecialTokens:
    """The placeholder in a text of a picture, a sound, a video, and for the end of what belongs to them."""

    image = _token("image", f"<{DEFAULT_PREFIX}image>")
    audio = _token("audio", f"<{DEFAULT_PREFIX}audio>")
    video = _token("video", f"<{DEFAULT_PREFIX}video>")
    eoc = _token("eoc", f"<|{DEFAULT_PREFIX}eoc|>")


def get_special_tokens() -> dict[str, str]:
    return {name: getattr(SpecialTokens, name) for name in ("image", "audio", "video", "eoc")}


def remove_special_tokens(text: str) -> str:
    for token in get_special_tokens().values():
        text = text.replace(token, "").strip()
    return text


def remove_non_special_tokens(text: str) -> str:
    """The special tokens of a text, one after the other."""
    return "".join(re.findall("|".join(map(re.escape, get_special_tokens().values())), text))


def insert_texts_after_placeholders(
    original_string: str,
    placeholders: Sequence[str],
    new_texts: Sequence[str],
    delimiter_in_insert_pos: str = " ",
) -> str:
    """The string with each new text after the first place of its placeholder, delimiters around it.

    Raises: ValueError: there are not as many texts as placeholders, or a placeholder is not there.
    """
    if len(placeholders) != len(new_texts):
        raise ValueError(f"{len(new_texts)} texts for {len(placeholders)} placeholders")
    made = original_string
    for placeholder, text in zip(placeholders, new_texts, strict=True):
        before, found, rest = made.partition(placeholder)
        if not found:
            raise ValueError(f"the placeholder {placeholder!r} is not in the text")
        made = f"{before}{found}{delimiter_in_insert_pos}{text}{delimiter_in_insert_pos}{rest}"
    return made


def load_data_with_context(
    sample: MutableMapping[str, Any],
    context: bool,
    loaded_data_keys: Iterable[str],
    load_func: Callable[[str], Any],
    mm_bytes_key: str | None = None,
    sample_idx: int | None = None,
) -> tuple[MutableMapping[str, Any], dict[str, Any]]:
    """Each file of a row loaded once: from the row's context, its bytes in the row, or the file.

    Returns: the row, and what was loaded by the name of its file.
    """
    loaded: dict[str, Any] = {}
    shared = sample.get(Fields.context) if context else None
    if isinstance(shared, list):
        shared = shared[sample_idx or 0]
    for number, key in enumerate(loaded_data_keys):
        if key in loaded:
            continue
        if isinstance(shared, dict) and key in shared:
            loaded[key] = shared[key]
            continue
        data = load_mm_bytes_from_sample(sample, number, mm_bytes_key, sample_idx)
        loaded[key] = load_func(key if data is None else data)  # type: ignore[arg-type]
        if isinstance(shared, dict):
            shared[key] = loaded[key]
    return sample, loaded


def load_mm_bytes_from_sample(
    sample: Mapping[str, Any], mm_idx: int, mm_bytes_key: str | None = None, sample_idx: int | None = None
) -> bytes | None:
    """The bytes of the file with this number that a row holds, if it holds them."""
    found = sample.get(mm_bytes_key) if mm_bytes_key is not None else None
    if sample_idx is not None:
        found = found[sample_idx] if isinstance(found, list) and sample_idx < len(found) else None
    data = found[mm_idx] if isinstance(found, list) and mm_idx < len(found) else None
    return data if isinstance(data, bytes) else None


def size_to_bytes(size: str) -> int:
    """Bytes of a size such as `1.5MB`; a unit is 1024 of the one before.

    Raises: ValueError: it is no size.
    """
    match = _SIZE.fullmatch(size)
    if match is None:
        raise ValueError(f"You have specified a size that cannot be read: {size}")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def get_file_size(path: str) -> int:
    return os.path.getsize(path)


def iou(box1: Sequence[float], box2: Sequence[float]) -> float:
    """The area that two boxes (left, top, right, bottom) share, as a share of the area of both."""
    width = min(box1[2], box2[2]) - max(box1[0], box2[0])
    height = min(box1[3], box2[3]) - max(box1[1], box2[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (box1, box2))
    return shared / (areas - shared)
