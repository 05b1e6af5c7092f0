"""Which files of a dataset's repository are which split: by its README, or else by their names, as `datasets` looks for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from data_juicer.formats.registry import SUFFIXES, TEXT, suffix_of
from data_juicer.storage.base import Store
from data_juicer.storage.locations.walk import would_match

SplitFiles = Mapping[str, Sequence[str]]
"""Split -> its files, relative to the repository."""

_README_BYTES_MAX: Final = 4 << 20
_FRONT: Final = re.compile(rb"\A\s*---\r?\n(.*?)\r?\n---", re.DOTALL)
_WORDS: Final = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_SHARDED: Final = re.compile(r"(?:.*/)?(?:[^/]*[^A-Za-z0-9_/])?(\w+?)-\d{5}-of-\d{5}\.[^/]+")


def split_by_names(names: Iterable[str]) -> SplitFiles:
    """Of all files those that hold rows, by split: numbered files say theirs, else a word of their name, else of their folders."""
    data = [name for name in names if _is_data(name)]
    numbered = [_SHARDED.fullmatch(name) for name in data]
    if data and all(numbered):
        found: dict[str, list[str]] = {}
        for name, match in zip(data, numbered, strict=True):
            found.setdefault(match[1] if match else "", []).append(name)
        return _in_order(found)
    for part in (lambda name: name.rpartition("/")[2], lambda name: f"/{name.rpartition('/')[0]}/"):
        found = {
            split: [name for name in data if _has_word(part(name), words)] for split, words in _WORDS.items()
        }
        if any(found.values()):
            return _in_order({split: files for split, files in found.items() if files})
    return {"train": data} if data else {}


def _in_order(found: Mapping[str, list[str]]) -> SplitFiles:
    order = {split: number for number, split in enumerate(_WORDS)}
    return dict(sorted(found.items(), key=lambda each: (order.get(each[0], len(order)), each[0])))


def _has_word(text: str, words: Sequence[str]) -> bool:
    return re.search(rf"(?<![^._\- 0-9/])(?:{'|'.join(words)})(?![^._\- 0-9/])", text) is not None


def _is_data(name: str) -> bool:
    kind = SUFFIXES.get(suffix_of(name))
    if kind is None or name.rpartition("/")[2] in {"dataset_info.json", "dataset_infos.json", "state.json"}:
        return False
    return kind[0] != TEXT or suffix_of(name).startswith(".txt")


def read_configs(store: Store, path: str, names: Sequence[str]) -> dict[str, SplitFiles]:
    """Configuration -> its splits, as the front matter of a README says; empty where it does not.

    Args:
        names: all files of the repository.
    """
    try:
        if store.stat(path).size_bytes > _README_BYTES_MAX:
            return {}
        front = _FRONT.match(bytes(store.read(path)))
    except FileNotFoundError:
        return {}
    listed = _front_matter(front[1]).get("configs") if front else None
    configs: dict[str, SplitFiles] = {}
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and isinstance(name := each.get("config_name", "default"), str):
            splits = _splits_of(each, names)
            if splits:
                configs[name] = splits
    return configs


def _front_matter(data: bytes) -> dict[str, Any]:
    """YAML without aliases, which could make much of little; empty where it is none."""
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("an alias")
            return super().compose_node(parent, index)

    try:
        found = yaml.load(data.decode("utf-8", "replace"), Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _splits_of(config: Mapping[str, Any], names: Sequence[str]) -> SplitFiles:
    folder = config.get("data_dir")
    within = f"{folder.strip('/')}/" if isinstance(folder, str) and folder.strip("/") else ""
    inside = [name for name in names if name.startswith(within)]
    files = config.get("data_files")
    if files is None:
        return split_by_names(inside)
    patterns: dict[str, list[str]] = {}
    if isinstance(files, str) or (isinstance(files, list) and all(isinstance(each, str) for each in files)):
        patterns["train"] = _texts(files)
    elif isinstance(files, dict):
        patterns = {str(split): _texts(paths) for split, paths in files.items()}
    elif isinstance(files, list):
        for each in files:
            if isinstance(each, dict) and isinstance(each.get("split"), str):
                patterns.setdefault(each["split"], []).extend(_texts(each.get("path")))
    found = {
        split: [
            name
            for name in inside
            if any(would_match(f"/{within}{pattern.lstrip('/')}", f"/{name}") for pattern in wanted)
        ]
        for split, wanted in patterns.items()
    }
    return {split: data for split, data in found.items() if data}


def _texts(value: Any) -> list[str]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
