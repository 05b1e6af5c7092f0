"""The small JSON file that commits: what a checkpoint or a result consists of and what it was computed from. Pure."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from data_juicer.redaction import redact
from data_juicer.store.ledger import OperatorLedger
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson

FileName = Annotated[str, msgspec.Meta(pattern=r"^[^/\x00]+$")]
"""Of a file in the directory that the document's kind says: a document never names a file elsewhere."""


class DataFile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A file that a manifest names. `digest` is the xxh3-128 of its bytes in hex."""

    name: FileName
    size_bytes: int
    digest: str
    rows: int


class OperatorIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """All of an operator that decides its output; `assets` maps file names to digests."""

    name: str
    version: str
    parameters: dict[str, object]
    assets: dict[str, str] = {}


def stored_identity(identity: OperatorIdentity) -> OperatorIdentity:
    """What a manifest says of an operator: all of it but secrets, which are in its key alone."""
    return msgspec.structs.replace(identity, parameters=redact(identity.parameters))


class LostRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row that became a dead letter because workers were lost over it. Nothing in the input says so: whoever computes the same
    rows again, for decisions that were made without it, has to leave it out again.
    """

    operator_index: int
    row: int
    """Its number among the rows that the operator was given, from 0."""
    origin: int
    """The row of the source that it came from, -1 for a row that an operator made."""
    reason: str


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
    """The deltas of a checkpoint from the source upwards, or the file of a result and, where they have stats or tags, those of its rows; of a summary its table and, where
    whole rows are gathered, those."""
    rows: int
    ledgers: tuple[OperatorLedger, ...]
    """Of `read` and of every operator up to this one; the last one of a summary is that of summarising."""
    dead_letters: tuple[DataFile, ...] = ()
    """Files of the rows excluded so far; of a summary, of those that no checkpoint holds."""
    traces: tuple[DataFile, ...] = ()
    """Files of what was sampled of the rows so far."""
    stats: tuple[DataFile, ...] = ()
    """The file of what filters measured of the rows, beside a result of which no row has stats or tags: with those it is in their
    file, and a checkpoint has it in its deltas. Nothing is decided from it, and manifests of earlier versions have none."""
    lost_rows: tuple[LostRow, ...] = ()
    produced: tuple[DataFile, ...] = ()
    """Files that operators made so far, in the job's `produced/`; rows refer to them by their digests."""
    attempt: str
    run: int
    created: str
    """When it was staged, ISO 8601; for people, compared with nothing."""
    save_s: float = 0.0
    """Seconds that encoding, writing and syncing took."""

    @property
    def all_files(self) -> tuple[DataFile, ...]:
        return (*self.files, *self.dead_letters, *self.traces, *self.stats)


_CODEC: Final = VersionedJson(Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    return _CODEC.encode(manifest)


def decode_manifest(data: bytes, path: str) -> Manifest:
    """Raises: CheckpointCorruptError: not a manifest. NewerFormatError."""
    return _CODEC.decode(data, path)
