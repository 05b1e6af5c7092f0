"""Datasets that lie in the local cache of the Hugging Face hub: which of their files hold the rows of a split. Nothing is downloaded.

    {HF_HUB_CACHE}/datasets--ORG--NAME/refs/main                    names a commit
    {HF_HUB_CACHE}/datasets--ORG--NAME/snapshots/COMMIT/...         the files of the repository
    {HF_DATASETS_CACHE}/ORG___NAME/CONFIG/VERSION/HASH/*.arrow      what `datasets.load_dataset` made of them

The files of the repository are taken where both are there. Splits are those that its README names, else those that names of files and
folders tell, as `datasets` looks for them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from data_juicer.errors import InputError
from data_juicer.formats.hub.location import REVISION, SCHEME, HubDataset, location_of, parse_location
from data_juicer.formats.hub.readme import SplitFiles, read_configs, split_by_names
from data_juicer.storage.base import Store
from data_juicer.storage.locations.walk import GLOB_MARKS, glob_files, walk_files

_COMMIT_BYTES_MAX: Final = 256
_SHARD: Final = re.compile(r"(.*?)-(\d{5})-of-(\d{5})(\..+)")
_USUAL_SPLIT: Final = "train"
"""Of an id that is given as a path, as DataJuicer takes it."""


class HubFiles(msgspec.Struct, frozen=True, kw_only=True):
    folder: str
    paths: list[str]
    """In their order."""
    note: str
    """For people: what was taken from where."""


def find_hub_files(store: Store, given: str, environ: Mapping[str, str] = os.environ) -> HubFiles | None:
    """The files of the split that is asked for; None where the dataset is in no cache.

    Args:
        given: a location, or an id, of which the split `train` is meant.
    Raises: InputError: the cache has another revision, configuration or split of it, or not all of its files.
    """
    is_location = given.startswith(SCHEME)
    asked = parse_location(given if is_location else location_of(given, {"split": _USUAL_SPLIT}))
    for length in range(min(2, len(asked.parts)), 0, -1):
        name, below = "/".join(asked.parts[:length]), "/".join(asked.parts[length:])
        repository = os.path.join(hub_cache(environ), f"datasets--{name.replace('/', '--')}")
        if store.exists(os.path.join(repository, "snapshots")):
            return _of_repository(store, given, asked, repository, below)
        prepared = os.path.join(datasets_cache(environ), name.replace("/", "___"))
        if not below and store.exists(prepared):
            return _of_prepared(store, given, asked, prepared)
    return None


def hub_cache(environ: Mapping[str, str]) -> str:
    named = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE")
    return named or os.path.join(_home(environ), "hub")


def datasets_cache(environ: Mapping[str, str]) -> str:
    return environ.get("HF_DATASETS_CACHE") or os.path.join(_home(environ), "datasets")


def _home(environ: Mapping[str, str]) -> str:
    if named := environ.get("HF_HOME"):
        return named
    caches = environ.get("XDG_CACHE_HOME") or os.path.join(
        environ.get("HOME") or os.path.expanduser("~"), ".cache"
    )
    return os.path.join(caches, "huggingface")


def not_there(given: str, environ: Mapping[str, str] = os.environ) -> str:
    """Why a dataset of the hub cannot be read, and what to do."""
    name = given.removeprefix(f"{SCHEME}datasets/").partition("?")[0].partition("@")[0]
    return (
        f"the cache of the Hugging Face hub has no such dataset ({hub_cache(environ)}, {datasets_cache(environ)}), and nothing is "
        f"downloaded here: hf download --repo-type dataset {'/'.join(name.split('/')[:2])}"
    )


def _of_repository(store: Store, given: str, asked: HubDataset, repository: str, below: str) -> HubFiles:
    folder = _snapshot(store, given, asked.revision, repository)
    if below:
        at = os.path.join(folder, below)
        paths = sorted(glob_files(store, at) if GLOB_MARKS & set(below) else _files_at(store, at))
        if not paths:
            raise _refused(given, f"{folder} has no file {below}")
        return HubFiles(folder=folder, paths=paths, note=f"{given}: {len(paths):,} files of {folder}")
    names = sorted(os.path.relpath(entry.path, folder) for entry in walk_files(store, folder))
    configs = read_configs(store, os.path.join(folder, "README.md"), names) or {
        "default": split_by_names(names)
    }
    return _chosen(given, asked, folder, configs)


def _files_at(store: Store, path: str) -> Iterator[str]:
    if not store.exists(path):
        return
    if store.stat(path).kind == "file":
        yield path
    else:
        yield from (entry.path for entry in walk_files(store, path))


def _snapshot(store: Store, given: str, revision: str, repository: str) -> str:
    reference = os.path.join(repository, "refs", revision)
    snapshots = os.path.join(repository, "snapshots")
    commit = revision
    if store.exists(reference) and store.stat(reference).size_bytes <= _COMMIT_BYTES_MAX:
        commit = bytes(store.read(reference)).decode("ascii", "replace").strip()
    if not REVISION.fullmatch(commit) or not store.exists(os.path.join(snapshots, commit)):
        there = ", ".join(sorted(store.list(snapshots))[:3]) or "none"
        raise _refused(given, f"its revision {revision} is not in {repository}; there is {there}")
    return os.path.join(snapshots, commit)


def _of_prepared(store: Store, given: str, asked: HubDataset, prepared: str) -> HubFiles:
    """The newest of what `datasets` made of each configuration, as `datasets` takes it."""
    newest: dict[str, tuple[int, str]] = {}
    for entry in walk_files(store, prepared):
        parts = os.path.relpath(entry.path, prepared).split("/")
        if len(parts) == 4 and parts[3] == "dataset_info.json":
            made = store.stat(entry.path).modified_ns
            newest[parts[0]] = max(newest.get(parts[0], (0, "")), (made, os.path.dirname(entry.path)))
    configs = {
        config: _prepared_splits(store, os.path.relpath(folder, prepared), folder)
        for config, (_, folder) in newest.items()
    }
    return _chosen(given, asked, prepared, configs)


def _prepared_splits(store: Store, within: str, folder: str) -> SplitFiles:
    """`NAME-SPLIT.arrow`, or `NAME-SPLIT-00000-of-00002.arrow`; caches of `map` are beside them."""
    splits: dict[str, list[str]] = {}
    for name in sorted(store.list(folder)):
        shard = _SHARD.fullmatch(name)
        stem = shard[1] if shard else name.removesuffix(".arrow")
        if name.endswith(".arrow") and "-" in stem and not name.startswith(("cache-", ".")):
            splits.setdefault(stem.rpartition("-")[2], []).append(os.path.join(within, name))
    return splits


def _chosen(given: str, asked: HubDataset, folder: str, configs: Mapping[str, SplitFiles]) -> HubFiles:
    config = asked.config or ("default" if "default" in configs else "")
    if not config and len(configs) == 1:
        config = next(iter(configs))
    if config not in configs:
        asks = f"it has no configuration {config!r}" if config else "it has several configurations"
        raise _refused(given, f"{asks}; name one of {_some(configs)}: name")
    splits = configs[config]
    split = asked.split or (next(iter(splits)) if len(splits) == 1 else "")
    if split not in splits:
        asks = f"it has no split {split!r}" if split else "it has several splits"
        raise _refused(given, f"{asks}; name one of {_some(splits)}: split")
    names = splits[split]
    if lost := _missing_shard(names):
        raise _refused(given, f"its cache is not complete: {lost} is missing in {folder}")
    others = [each for each in splits if each != split]
    apart = f"; not read: {_some(others)}" if others else ""
    note = (
        f"{given}: split {split} of {folder} ({len(names):,} {'file' if len(names) == 1 else 'files'}){apart}"
    )
    return HubFiles(folder=folder, paths=[os.path.join(folder, name) for name in names], note=note)


def _missing_shard(names: Sequence[str]) -> str | None:
    """Of files that are numbered `NAME-00000-of-00004.parquet`, the first that is not there."""
    there = set(names)
    for name in names:
        if match := _SHARD.fullmatch(name):
            stem, _, count, suffix = match.groups()
            for number in range(min(int(count), len(names) + 1)):
                shard = f"{stem}-{number:05d}-of-{count}{suffix}"
                if shard not in there:
                    return shard
    return None


def _some(names: Sequence[str] | Mapping[str, object]) -> str:
    listed = list(names)
    return ", ".join(listed[:8]) + (", ..." if len(listed) > 8 else "")


def _refused(given: str, finding: str) -> InputError:
    return InputError(f"{given}: {finding}. Nothing was changed.")
