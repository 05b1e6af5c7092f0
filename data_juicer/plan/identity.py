"""What of an operator decides its output: name, version, parameters, digests of its assets."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import xxhash

from data_juicer.errors import ConfigError, StoreError
from data_juicer.ops.base import Operator
from data_juicer.ops.catalog.registry import canonical_params
from data_juicer.plan.keys import digest
from data_juicer.storage import open_store
from data_juicer.store.manifest import OperatorIdentity

_CHUNK_BYTES = 1 << 20


def identify(operators: Iterable[Operator]) -> tuple[OperatorIdentity, ...]:
    """The identity of each operator. Raises: ConfigError: an asset cannot be read."""
    return tuple(
        OperatorIdentity(
            name=operator.name,
            version=str(operator.version),
            parameters=msgspec.json.decode(canonical_params(operator)),
            assets=digest_assets(operator),
        )
        for operator in operators
    )


def digest_assets(operator: Operator) -> dict[str, str]:
    """Path -> digest; of many together one digest of paths and digests. Raises: ConfigError: one cannot be read."""
    digests = {path: digest_file(f"operator {operator.name}", path) for path in operator.assets()}
    if not operator.assets_are_many:
        return digests
    return {"files": digest(*(part for item in digests.items() for part in item))}


def digest_file(who: str, path: str) -> str:
    """xxh3-128 in hex of a file that decides what a job does.

    Args:
        who: names it in the error.
    Raises: ConfigError: it cannot be read.
    """
    state = xxhash.xxh3_128()
    try:
        with open_store(path).open_read(path) as reader:
            for chunk in reader.chunks(_CHUNK_BYTES):
                state.update(chunk)
    except (FileNotFoundError, StoreError) as error:
        raise ConfigError(f"{who}: {path}: cannot be read: {error}") from error
    return str(state.hexdigest())
