"""The canonical form of the resolved settings, for job_summary.json, and digests of it. Pure.

What may be reused of an earlier run is decided by the keys of checkpoints, not by these digests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import xxhash

from data_juicer.config.schema import DEFAULTS, SPECS, JobConfig
from data_juicer.config.secrets import without_secrets
from data_juicer.config.sources.entries import DatasetConfig, OperatorEntry
from data_juicer.config.sources.validators import RequiredFields

_LATER: Final = frozenset({"keep_hashes_in_res_ds"})
"""Settings that earlier versions did not have: at their default they are in no digest, so that jobs of those stay complete."""


def dump(config: JobConfig) -> dict[str, Any]:
    """All settings as plain nested values, computed defaults filled in; `config.load_recipe` reads it back.

    Secrets are not among them: the variables are that hold them.
    """
    nested: dict[str, Any] = {}
    for key, value in config.flat().items():
        section, _, name = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = _plain(value)
    nested["process"] = without_secrets(nested["process"], config.secrets)
    return nested


def result_settings(config: JobConfig) -> dict[str, Any]:
    """The settings that can change the bytes of the result, by dotted key.

    The inputs count whichever of dataset_path and dataset named them.
    """
    values = {
        key: _plain(value)
        for key, value in config.flat().items()
        if SPECS[key].result and value != {} and not (key in _LATER and value == DEFAULTS[key])
    }
    del values["dataset"]
    mixture = config.mixture()
    taken: dict[str, Any] = (
        {} if mixture is None else {"mixture": [list(mixture.weights), mixture.max_sample_num]}
    )
    own = [source.load_dataset_kwargs for source in config.dataset.configs] if config.dataset else []
    if any(own):
        taken["load_dataset_kwargs of dataset"] = own
    return values | {"dataset_path": list(config.sources())} | taken


def canonical(plain: Mapping[str, Any]) -> bytes:
    """Equal values give equal bytes: JSON, sorted keys, no spaces, UTF-8. Order within lists counts."""
    return json.dumps(
        plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode(errors="surrogatepass")


def digest(plain: Mapping[str, Any]) -> str:
    """xxh3-128 of the canonical form, 32 hexadecimal digits."""
    return str(xxhash.xxh3_128_hexdigest(canonical(plain)))


def _plain(value: Any) -> Any:
    if isinstance(value, OperatorEntry | DatasetConfig | RequiredFields):
        return value.plain()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
