"""Where models and tokenizers are on this machine; nothing is ever downloaded.

Places are DataJuicer's: the folder that DATA_JUICER_EXTERNAL_MODELS_HOME names, then its cache
(DATA_JUICER_MODELS_CACHE, by default ~/.cache/data_juicer/models).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final

from data_juicer.errors import ConfigError, OperatorError
from data_juicer.storage.locations.uri import is_cloud

EXTERNAL_HOME: Final = "DATA_JUICER_EXTERNAL_MODELS_HOME"


def model_folders() -> tuple[str, ...]:
    """Folders in which models are looked for, first to last."""
    external = os.environ.get(EXTERNAL_HOME)
    cache = os.environ.get("DATA_JUICER_MODELS_CACHE") or os.path.join(cache_home(), "models")
    return (external, cache) if external else (cache,)


def cache_home() -> str:
    """DataJuicer's cache folder, which need not exist."""
    return os.environ.get("DATA_JUICER_CACHE_HOME") or os.path.expanduser("~/.cache/data_juicer")


def copy_here(location: str) -> str:
    """A path of this machine: of a location of an object store, that of a copy. Raises: ConfigError."""
    if not is_cloud(location):
        return location
    from data_juicer.storage.locations.local_copies import local_copy

    return local_copy(location, os.path.join(cache_home(), "objects"))


def find_model(name: str) -> str | None:
    """The path of a model file or folder: `name` itself where that exists, else below the model folders."""
    candidates = (copy_here(name), *(os.path.join(folder, name) for folder in model_folders()))
    return next((path for path in candidates if os.path.exists(path)), None)


def need_model(name: str, *, operator: str, what: str) -> str:
    """The path of a model without which the operator cannot work.

    Raises: ConfigError: it is in none of the model folders.
    """
    found = find_model(name)
    if found is None:
        raise ConfigError(
            f"{operator}: the {what} {name} is in none of {', '.join(model_folders())}."
            f" Put it there, or name its folder: export {EXTERNAL_HOME}=FOLDER"
        )
    return found


def need_tokenizer(name: str, *, operator: str) -> str:
    """The `tokenizer.json` of a tokenizer given as a path or by its name on the Hugging Face hub.

    Raises: ConfigError: no folder that is searched has it.
    """
    folder = find_model(name) or _hub_snapshot(name)
    path = folder and (folder if os.path.isfile(folder) else os.path.join(folder, "tokenizer.json"))
    if not path or not os.path.isfile(path):
        searched = ", ".join((*model_folders(), _hub_cache()))
        raise ConfigError(
            f"{operator}: no tokenizer.json of {name!r}: it is no path and in none of {searched}."
            f" Give a local path, or put it at {os.path.join(model_folders()[0], name, 'tokenizer.json')}"
        )
    return path


def _hub_cache() -> str:
    home = os.environ.get("HF_HOME") or os.path.expanduser("~/.cache/huggingface")
    return os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub")


def _hub_snapshot(name: str) -> str | None:
    """The folder of the downloaded main revision of a repository of the Hugging Face hub."""
    repository = os.path.join(_hub_cache(), f"models--{name.replace('/', '--')}")
    try:
        with open(os.path.join(repository, "refs", "main"), encoding="ascii") as reference:
            return os.path.join(repository, "snapshots", reference.read().strip())
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def parsing(path: str, *, operator: str, what: str) -> Iterator[None]:
    """Name the file that a library refuses, whose own words seldom do.

    Raises: OperatorError: it cannot be parsed.
    """
    try:
        yield
    except Exception as error:  # whatever a library raises about a file
        reason = " ".join(str(error).split())
        raise OperatorError(
            f"{operator}: {path} cannot be read as a {what}: {reason or type(error).__name__}"
        ) from error
