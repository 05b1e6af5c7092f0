"""What a checkpoint was computed from, as one digest. Pure.

    key_0 = H(fragment digest, reader settings)
    key_k = H(key_{k-1}, operator name, version, parameters, digests of its assets)

Two runs with the same key hold the same rows. Settings that cannot change a row (np, backend, paths, retries,
compression, logging) are in no key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import xxhash

from data_juicer.store.manifest import OperatorIdentity

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def digest(*parts: bytes | str) -> str:
    """xxh3-128 in hex of the parts, each with its length, so that no two lists of parts run together."""
    state = xxhash.xxh3_128()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return str(state.hexdigest())


def canonical(value: object) -> bytes:
    """JSON with sorted keys."""
    return _ENCODER.encode(value)


class KeyMaker:
    """The keys of every partition of a job: what does not depend on the partition is digested once."""

    def __init__(self, reader: str, operators: Sequence[OperatorIdentity], export: str) -> None:
        self.reader = reader
        self.operators = tuple(operators)
        self._steps = tuple(digest(canonical(identity)) for identity in operators)
        self._export = export

    def keys(self, fragment: str) -> tuple[str, ...]:
        """The key before the first operator and after each, shape (operators + 1,)."""
        made = [digest(fragment, self.reader)]
        for step in self._steps:
            made.append(digest(made[-1], step))
        return tuple(made)

    def result_key(self, last_key: str) -> str:
        """The key of a partition's result: of its rows and of how they are written out."""
        return digest(last_key, self._export)
