"""What a checkpoint was computed from, as one digest. Pure.

    key_0 = H(fragment digest, reader settings)
    key_k = H(key_{k-1}, operator name, version, parameters, digests of its assets)

and of a dataset operator b, with i the position of the partition in the input,

    resolve_key_b = H(operator b, key_{b-1} of every partition in the order of the input)
    key_b = H(key_{b-1}, resolve_key_b, i)

Two runs with the same key hold the same rows. Settings that cannot change a row (np, backend, paths, retries,
compression, logging) are in no key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
import xxhash

from data_juicer.store.manifest import OperatorIdentity

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def digest(*parts: bytes | str) -> str:
    """xxh3-128 in hex of the parts, each with its length, so that no two lists of parts run together."""
    state = xxhash.xxh3_128()
    for part in parts:
        data = part.encode(errors="surrogatepass") if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return str(state.hexdigest())


def _framed(part: str) -> bytes:
    """A part as `digest` takes it in: its length, then itself."""
    return len(part).to_bytes(8, "little") + part.encode(errors="surrogatepass")


_KEY_LENGTH: Final = (32).to_bytes(8, "little")


def canonical(value: object) -> bytes:
    """JSON with sorted keys."""
    return _ENCODER.encode(value)


class KeyMaker:
    """The keys of every partition of a job: what does not depend on the partition is digested once."""

    def __init__(
        self,
        reader: str,
        operators: Sequence[OperatorIdentity],
        export: str,
        resolve_keys: Mapping[int, str] | None = None,
    ) -> None:
        """
        Args:
            resolve_keys: of each dataset operator by its index, as `plan_resolve_keys` makes them.
        """
        self.reader = reader
        self.operators = tuple(operators)
        self.resolve_keys = dict(resolve_keys or {})
        self._steps = tuple(digest(canonical(identity)) for identity in operators)
        self._framed_steps = tuple(_framed(step) for step in self._steps)
        self._export = export

    @property
    def pipeline(self) -> str:
        """Digest of all that decides a key beside the fragment and, after dataset operators, its position."""
        resolves = [f"{index}:{key}" for index, key in sorted(self.resolve_keys.items())]
        return digest(self.reader, self._export, *self._steps, *resolves)

    def place(self, position: int) -> int:
        """The position as far as it decides a key."""
        return position if self.resolve_keys else 0

    def keys(self, fragment: str, position: int) -> tuple[str, ...]:
        """The key before the first operator and after each, shape (operators + 1,)."""
        key = digest(fragment, self.reader)
        made = [key]
        for index, step in enumerate(self._framed_steps):
            if index in self.resolve_keys:
                key = digest(key, self.resolve_keys[index], str(position))
            else:  # as `digest(key, step)`, of which there are as many as partitions times operators
                key = xxhash.xxh3_128_hexdigest(_KEY_LENGTH + key.encode() + step)
            made.append(key)
        return tuple(made)

    def summary_key(self, key_before: str, index: int) -> str:
        """The key of what operator `index` makes of the rows with this key."""
        return digest("summary", key_before, self._steps[index])

    def result_key(self, last_key: str) -> str:
        """The key of a partition's result: of its rows and of how they are written out."""
        return digest(last_key, self._export)


def plan_resolve_keys(
    reader: str,
    operators: Sequence[OperatorIdentity],
    dataset_operators: Iterable[int],
    fragments: Sequence[str],
) -> dict[int, str]:
    """The key of each dataset operator's decisions.

    Args:
        dataset_operators: indices of the dataset operators.
        fragments: digest of every partition, in the order of the input.
    """
    made: dict[int, str] = {}
    for dataset_operator in sorted(dataset_operators):
        maker = KeyMaker(reader, operators[: dataset_operator + 1], "", made)
        step = digest(canonical(operators[dataset_operator]))
        before = (
            maker.keys(fragment, position)[dataset_operator] for position, fragment in enumerate(fragments)
        )
        made[dataset_operator] = digest(step, *before)
    return made
