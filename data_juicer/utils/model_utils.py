"""Models for operators written for DataJuicer: those that are on this machine; nothing is downloaded or unpickled.

`prepare_model` names a model in the driver and finds its files, `get_model` loads it in a worker, once for all operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from data_juicer.errors import ConfigError
from data_juicer.ops.resources import models, optional, punkt
from data_juicer.utils.lazy_loader import LazyLoader

torch = LazyLoader("torch")
transformers = LazyLoader("transformers")


class ModelKey(msgspec.Struct, frozen=True):
    """A model that was prepared: its kind and the files that it is loaded from."""

    kind: str
    files: tuple[str, ...]


_loaded: dict[ModelKey, Any] = {}


def prepare_model(model_type: str, **model_kwargs: Any) -> ModelKey:
    """Find the files of a model.

    Raises: ConfigError: there is no loader for models of this type, a library is missing, or the files are not there.
    """
    find = _FINDERS.get(model_type)
    if find is None:
        known = ", ".join(sorted(_FINDERS))
        raise ConfigError(f"models of type {model_type!r} cannot be loaded yet; those that can: {known}")
    return find(model_kwargs)


def get_model(model_key: ModelKey | None = None, rank: int | None = None, use_cuda: bool = False) -> Any:
    """The model, loaded into this process with its first use. `rank` and `use_cuda` are DataJuicer's."""
    del rank, use_cuda
    if model_key is None:
        return None
    if model_key not in _loaded:
        _loaded[model_key] = _LOADERS[model_key.kind](model_key.files)
    return _loaded[model_key]


def free_models(clear_model_zoo: bool = True) -> None:
    if clear_model_zoo:
        _loaded.clear()


def prepare_sentencepiece_model(model_path: str, **model_params: Any) -> ModelKey:
    """The SentencePiece model of a file."""
    del model_params
    return _sentencepiece({"file": model_path})


def _sentencepiece(given: Mapping[str, Any]) -> ModelKey:
    optional.need("sentencepiece", operator="a SentencePiece model", extra="perplexity")
    name = given.get("file") or f"{given['lang']}.sp.model"
    return ModelKey("sentencepiece", (models.need_model(name, operator="operator", what="model"),))


def _kenlm(given: Mapping[str, Any]) -> ModelKey:
    optional.need("kenlm", operator="a KenLM model", extra="perplexity")
    name = given.get("name_pattern", "{}.arpa.bin").format(given["lang"])
    return ModelKey("kenlm", (models.need_model(name, operator="operator", what="model"),))


def _nltk(given: Mapping[str, Any]) -> ModelKey:
    optional.need("nltk", operator="a Punkt model")
    return ModelKey("nltk", punkt.punkt_files(given["lang"], operator="operator"))


def _load_sentencepiece(files: tuple[str, ...]) -> Any:
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_file=files[0])


def _load_kenlm(files: tuple[str, ...]) -> Any:
    import kenlm

    return kenlm.Model(files[0])


_FINDERS: Final[Mapping[str, Callable[[Mapping[str, Any]], ModelKey]]] = {
    "kenlm": _kenlm,
    "nltk": _nltk,
    "sentencepiece": _sentencepiece,
}
_LOADERS: Final[Mapping[str, Callable[[tuple[str, ...]], Any]]] = {
    "kenlm": _load_kenlm,
    "nltk": punkt.load_punkt,
    "sentencepiece": _load_sentencepiece,
}
