"""The small JSON file that commits: what a checkpoint or a result consists of and what it was computed from. Pure."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from data_juicer.errors import CheckpointCorruptError, CheckpointError
from data_juicer.store.ledger import OperatorLedger

FORMAT_VERSION: Final = 1

RESULT_INDEX: Final = 1_000_000
"""Stands for "after the last operator" where results and checkpoints are compared."""


class DataFile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A file that a manifest names. `digest` is the xxh3-128 of its bytes in hex."""

    name: str
    size_bytes: int
    digest: str
    rows: int


class OperatorIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """All of an operator that decides its output; `assets` maps file names to digests."""

    name: str
    version: str
    parameters: dict[str, object]
    assets: dict[str, str] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A committed stage of one partition."""

    format_version: int = FORMAT_VERSION
    kind: Literal["checkpoint", "result", "summary"]
    job: str
    partition: int
    operator_index: int
    """The last operator applied, counted from 0; -1 for a result of a recipe without operators."""
    operator_name: str
    key: str
    fragment: str
    """Digest of the input bytes, of which and of `reader` and `operators` the key was made."""
    reader: str
    operators: tuple[OperatorIdentity, ...]
    files: tuple[DataFile, ...]
    """The layers of a checkpoint from the source upwards, or the one file of a result; of a summary its table and, where
    whole rows are gathered, those."""
    rows: int
    ledgers: tuple[OperatorLedger, ...]
    """Of `read` and of every operator up to this one; the last one of a summary is that of summarising."""
    dead_letters: tuple[DataFile, ...] = ()
    """Files of the rows taken out so far; of a summary, of those that no checkpoint holds."""
    traces: tuple[DataFile, ...] = ()
    """Files of what was sampled of the rows so far."""
    attempt: str
    run: int
    created: str
    """When it was staged, ISO 8601; told to people, compared with nothing."""
    save_s: float = 0.0
    """Seconds that encoding, writing and syncing took."""

    @property
    def all_files(self) -> tuple[DataFile, ...]:
        return (*self.files, *self.dead_letters, *self.traces)


class _Version(msgspec.Struct):
    format_version: int


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Manifest)
_VERSION: Final = msgspec.json.Decoder(_Version)


def encode_manifest(manifest: Manifest) -> bytes:
    return _ENCODER.encode(manifest)


def decode_manifest(data: bytes, path: str) -> Manifest:
    """Raises: CheckpointCorruptError: not a manifest. CheckpointError: written by a newer version."""
    try:
        version = _VERSION.decode(data).format_version
        if version > FORMAT_VERSION:
            raise CheckpointError(
                f"{path}: format version {version}; this data_juicer reads up to {FORMAT_VERSION}. "
                "Nothing was changed; use the version that wrote it."
            )
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CheckpointCorruptError(f"{path}: not a whole manifest ({error}).") from error
