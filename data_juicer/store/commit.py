"""The one place that commits, and the one that takes a commit back.

A stage counts from the moment its manifest has its name. Everything the manifest names was synced before, by the
worker that staged it, so that no power loss leaves a manifest whose files are gone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from data_juicer.errors import CheckpointCorruptError, CheckpointError
from data_juicer.storage.base import Store
from data_juicer.storage.files import Data
from data_juicer.store.ledger import check_ledgers
from data_juicer.store.manifest import DataFile, Manifest, decode_manifest, encode_manifest

SET_ASIDE: Final = "set_aside"
_CHUNK_BYTES: Final = 8 << 20


def commit_manifest(store: Store, path: str, manifest: Manifest) -> bool:
    """Make one stage of one partition count. True when this call did it, False when an earlier attempt had.

    Raises: CheckpointError: the ledger does not balance, or another stage than this one has the name.
    """
    check_ledgers(manifest.ledgers, where=f"partition {manifest.partition}, {manifest.operator_name}")
    if manifest.ledgers and manifest.ledgers[-1].rows_out != manifest.rows:
        raise CheckpointError(
            f"partition {manifest.partition}: {manifest.rows} rows staged, {manifest.ledgers[-1].rows_out} in its ledger."
        )
    if store.put_if_absent(path, encode_manifest(manifest)):
        return True
    committed = read_manifest(store, path)
    if committed.key != manifest.key:
        raise CheckpointError(
            f"{path} was committed by run {committed.run} for another key while this run worked on it. Nothing was changed."
        )
    return False


def read_manifest(store: Store, path: str) -> Manifest:
    """Raises: CheckpointCorruptError, CheckpointError, FileNotFoundError."""
    return decode_manifest(store.read(path), path)


def set_aside(store: Store, paths: Iterable[str]) -> list[str]:
    """Take their names from damaged or stale manifests and keep the files; returns where they lie now.

    They go into a folder `set_aside` beside them, which no run reads. A file that is not there, because a driver that was taken
    for dead has just set it aside as well, is passed over.
    """
    targets: dict[str, str] = {}
    for path in paths:
        directory, name = os.path.split(path)
        aside_dir = os.path.join(directory, SET_ASIDE)
        store.make_own_dir(aside_dir)
        target = os.path.join(aside_dir, name)
        number = 1
        while store.exists(target):
            target = os.path.join(aside_dir, f"{name}.{number}")
            number += 1
        targets[path] = target
    return store.move(targets.items())


def read_checked(store: Store, directory: str, name: str, size_bytes: int | None, digest: str) -> bytes:
    """The bytes of a committed file, whose digest alone tells where its size is not known. Raises: CheckpointCorruptError: it is missing, or not what was committed."""
    try:
        data = store.read(os.path.join(directory, name))
    except FileNotFoundError as error:
        raise CheckpointCorruptError(f"{name} is missing.", file=name) from error
    check_file(data, name, len(data) if size_bytes is None else size_bytes, digest)
    return data


def check_stored(store: Store, directory: str, file: DataFile) -> None:
    """`read_checked` of a file that may be larger than memory and is only to be checked. Raises: CheckpointCorruptError."""
    import xxhash

    if file.size_bytes <= _CHUNK_BYTES:
        read_checked(store, directory, file.name, file.size_bytes, file.digest)
        return
    digest = xxhash.xxh3_128()
    try:
        with store.open_read(os.path.join(directory, file.name)) as reader:
            size_bytes = reader.stat().size_bytes
            if size_bytes != file.size_bytes:
                raise _wrong_size(file.name, size_bytes, file.size_bytes)
            for chunk in reader.chunks(_CHUNK_BYTES, 0, size_bytes):
                digest.update(chunk)
    except FileNotFoundError as error:
        raise CheckpointCorruptError(f"{file.name} is missing.", file=file.name) from error
    if digest.hexdigest() != file.digest:
        raise _wrong_digest(file.name)


def check_file(data: Data, name: str, size_bytes: int, digest: str) -> None:
    """Raises: CheckpointCorruptError: these are not the bytes that were committed."""
    import xxhash

    if len(memoryview(data)) != size_bytes:
        raise _wrong_size(name, len(memoryview(data)), size_bytes)
    if xxhash.xxh3_128_hexdigest(data) != digest:
        raise _wrong_digest(name)


def _wrong_size(name: str, size_bytes: int, expected: int) -> CheckpointCorruptError:
    return CheckpointCorruptError(
        f"{name} holds {size_bytes:,} bytes, its manifest says {expected:,}.", file=name
    )


def _wrong_digest(name: str) -> CheckpointCorruptError:
    return CheckpointCorruptError(f"{name} does not have the digest that its manifest says.", file=name)
