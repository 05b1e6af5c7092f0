"""How a recipe names a dataset of the Hugging Face hub: `hf://datasets/ORG/NAME`, or its id. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode

import msgspec

SCHEME: Final = "hf://"
_LOCATION: Final = re.compile(r"hf://datasets/([^?]+)(?:\?(.*))?", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
REVISION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SPLIT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_WRITTEN: Final = "a dataset of the Hugging Face hub is written hf://datasets/ORG/NAME"


class HubDataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset as a recipe names it."""

    parts: tuple[str, ...]
    """Of the id and of a path in the repository; which is which the cache tells."""
    revision: str = "main"
    config: str = ""
    split: str = ""


def is_hub_id(given: str) -> bool:
    """Whether a path that is not there may be the id of a dataset."""
    parts = given.split("/")
    return len(parts) <= 2 and all(map(_NAME.fullmatch, parts))


def location_of(
    dataset_id: str,
    options: Mapping[str, str | None],
    *,
    revision: str | None = None,
    files: str | None = None,
) -> str:
    """The location of a dataset by its id.

    Args:
        options: `name` and `split`.
        files: a path or pattern in the repository.
    """
    kept = urlencode({key: value for key, value in options.items() if value})
    path = "/".join([dataset_id + (f"@{revision}" if revision else ""), *([files] if files else [])])
    return f"{SCHEME}datasets/{path}{'?' if kept else ''}{kept}"


def parse_location(location: str) -> HubDataset:
    """`hf://datasets/ORG/NAME[@REVISION][/PATH][?name=CONFIG&split=SPLIT]`. Raises: ValueError: it is none."""
    match = _LOCATION.fullmatch(location)
    if match is None:
        raise ValueError(_WRITTEN)
    head, at, tail = match[1].partition("@")
    revision, _, below = tail.partition("/") if at else ("main", "", "")
    parts = tuple(part for part in f"{head}/{below}".split("/") if part)
    options = dict(parse_qsl(match[2] or "", keep_blank_values=True))
    if unknown := options.keys() - {"name", "split"}:
        raise ValueError(f"{min(unknown)!r} is neither name nor split")
    if not parts or not _NAME.fullmatch(parts[0]) or {".", ".."} & set(parts):
        raise ValueError(_WRITTEN)
    if not REVISION.fullmatch(revision):
        raise ValueError(f"{revision!r} is no revision: a commit, or a branch or tag without a slash")
    split = options.get("split", "")
    if split and not _SPLIT.fullmatch(split):
        raise ValueError(f"{split!r} is no name of a split; weight and max_sample_num take a part of one")
    return HubDataset(parts=parts, revision=revision, config=options.get("name", ""), split=split)
