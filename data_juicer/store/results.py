"""Publishing: the results of all partitions become one export, all of it or nothing."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import msgspec

from data_juicer.errors import CheckpointCorruptError
from data_juicer.formats.base import Compression, ExportOptions
from data_juicer.formats.registry import FORMATS
from data_juicer.storage.base import Store
from data_juicer.storage.files import Data, Upload
from data_juicer.storage.locations.uri import absolute
from data_juicer.store.commit import read_checked
from data_juicer.store.export.exported_rows import relative_folder
from data_juicer.store.export.line_shards import LineShard, SealedShard, plan_line_shards, write_line_shard
from data_juicer.store.export.parts import Parts, PublishedPart
from data_juicer.store.export.results_manifest import (
    RESULTS_CODEC,
    ExportedFile,
    ResultsManifest,
    find_results,
    is_as_written,
)
from data_juicer.store.export.row_stats import ROW_STATS_SUFFIX, write_row_stats
from data_juicer.store.manifest import DataFile

if TYPE_CHECKING:
    from data_juicer.formats.base import Merge

SMALL_BYTES: Final = 1 << 16
"""Parts that are smaller are checked when they are joined: each would be opened twice otherwise."""
PUT_PARTS_MAX: Final = 5_000
"""The document of more is streamed."""
SHARED_BYTES: Final = 256_000_000
"""From so many bytes on the shards of an export are written by workers."""
ShareShards = Callable[[Sequence[LineShard]], list[SealedShard]]
_DATASETS_DIGITS: Final = 5
"""Of the numbers of files in a folder that `datasets` saves."""


KeepOnce = Callable[[Sequence[ExportedFile]], bool]
"""Given the files that are the parts, one after the other, reads them back and says whether the parts need no files of their own."""


class ExportTarget(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    """Of the file, or that from which the names of several are made."""
    given_path: str = ""
    """As the recipe has it, where an export is a folder or a pair of files; empty: the same."""
    format: str
    """One of `formats.registry.EXPORTS`."""
    compression: Compression
    shard_size_bytes: int
    """0: one file. Of parts that are joined, before compression; a row is never split."""
    options: ExportOptions = ExportOptions()
    row_stats_path: str = ""
    """Of the file of stats of all rows; empty: none is written."""
    is_numbered: bool = False
    """Files have numbers as `datasets` numbers them, also where there is one."""

    @property
    def parts_are_packed(self) -> bool:
        """Whether workers compress the rows of each partition, so that joining files joins the packed members."""
        return self.compression != "none" and not self.shard_size_bytes


def checks_while_joining(target: ExportTarget, part_format: str) -> Callable[[DataFile], bool]:
    """Whether a file of results need not be checked before `publish`, which checks it when it is joined."""
    small = 0 if _find_merge(target, part_format) is not None or target.shard_size_bytes else SMALL_BYTES

    def is_checked(file: DataFile) -> bool:
        is_stats = file.name.endswith(f".{ROW_STATS_SUFFIX}")
        return bool(target.row_stats_path) if is_stats else file.size_bytes < small

    return is_checked


def publish(
    store: Store,
    manifest_path: str,
    manifest: ResultsManifest,
    parts: Parts,
    target: ExportTarget,
    part_format: str,
    heartbeat: Callable[[], None] = lambda: None,
    columns: bytes = b"",
    share: ShareShards | None = None,
    keep_once: KeepOnce | None = None,
) -> ResultsManifest:
    """Join the parts into the export, beside it first, then under its name.

    Killed anywhere, it is done again from the start: until the rename the old export stays, and files of an earlier
    export with another number of shards are known from the manifest and removed.

    Args:
        heartbeat: called before each part is read; what it raises ends the publishing.
        columns: some rows in the format of the parts; an export that is merged has their columns if it has no rows.
        share: has the shards of a large export of lines written by workers; None: all are written here.
        keep_once: asked about an export that is the parts, byte for byte.
    Raises: StoreError.
    """
    path = absolute(target.path)
    store.make_dirs(os.path.dirname(path))
    earlier = _exported_before(store, manifest_path, manifest.job)

    def put(**changes: Any) -> ResultsManifest:
        document = msgspec.structs.replace(manifest, **changes)
        pieces = RESULTS_CODEC.encode_with(document, "parts", parts.packed)
        if len(parts) <= PUT_PARTS_MAX:
            store.put(manifest_path, b"".join(pieces))
            return document
        with store.open_write(manifest_path) as upload:
            for piece in pieces:
                upload.write(piece)
        return document

    put(exports=earlier)
    results_dir = os.path.dirname(manifest_path)
    store.discard_uploads(path, manifest.job)
    with contextlib.ExitStack() as undone:
        merge = _find_merge(target, part_format)
        is_joined = merge is None and not target.shard_size_bytes
        has_names = bool(target.shard_size_bytes or (merge and (merge.beside or merge.describe)))
        size_bytes = parts.size_bytes if is_joined else None

        def begin() -> _Shard:
            upload = store.new_upload(path, manifest.job, size_bytes, beside=has_names)
            undone.callback(upload.discard)
            return _Shard(upload)

        by_lines = bool(target.shard_size_bytes) and merge is None
        lines = _plan_lines(store, results_dir, parts, target) if by_lines else []
        if share is not None and len(lines) > 1 and parts.size_bytes >= SHARED_BYTES:
            undone.callback(store.discard_uploads, path, manifest.job)
            sealed = share(lines)
        else:
            written = (
                _write_lines(store, begin, results_dir, lines, target, heartbeat)
                if by_lines
                else _write_shards(store, begin, results_dir, parts, target, part_format, heartbeat, columns)
            )
            sealed = [shard.sealed() for shard in written]
        names = _names(target, sealed)
        if target.row_stats_path and parts.have_row_stats:
            store.discard_uploads(target.row_stats_path, manifest.job)
            stats = _Shard(store.new_upload(target.row_stats_path, manifest.job))
            undone.callback(stats.upload.discard)
            rows = ((part.file, part.rows, part.row_stats) for part in parts)
            write_row_stats(store, results_dir, rows, stats.write, heartbeat)
            sealed, names = [*sealed, stats.sealed()], [*names, target.row_stats_path]
        exports = tuple(_exported(shard, name) for shard, name in zip(sealed, names, strict=True))
        both = {file.path: file for file in (*earlier, *exports)}
        put(exports=tuple(both.values()))
        # What makes other files valid is gone before they change, and comes after them.
        depend = [name for shard, name in zip(sealed, names, strict=True) if shard.suffix or shard.name]
        if refused := store.remove_all(name for name in depend if store.exists(name)):
            raise refused[0]
        store.publish((shard.upload, name) for shard, name in zip(sealed, names, strict=True))
    _remove_stale(store, earlier, names)
    exports = tuple(
        file
        if file.modified_ns
        else msgspec.structs.replace(file, modified_ns=store.stat(file.path).modified_ns)
        for file in exports
    )
    holding = _holding(target, exports, len(lines) if by_lines else int(is_joined))
    kept = len(holding) if keep_once is not None and holding and keep_once(holding) else 0
    folder = relative_folder(os.path.dirname(results_dir), exports[0].path) if kept else ""
    return put(exports=exports, is_exported=True, parts_in_exports=kept, export_folder=folder)


def _remove_stale(store: Store, earlier: Sequence[ExportedFile], names: Sequence[str]) -> None:
    """Remove files of an earlier export that have no place in this one, as far as they still are this job's."""
    stale = [file for file in earlier if file.path not in names and is_as_written(store, file.path, file)]
    if refused := store.remove_all(file.path for file in stale):
        raise refused[0]


def _holding(target: ExportTarget, exports: Sequence[ExportedFile], joined: int) -> Sequence[ExportedFile]:
    """The files that are the parts, byte for byte, one after the other.

    Args:
        joined: how many of the first were joined from parts or cut from them.
    """
    is_packed_anew = target.shard_size_bytes and target.compression != "none"
    return () if is_packed_anew else exports[:joined]


class _Shard:
    """A file of the export on its way, as a binary file that digests what is written into it."""

    def __init__(self, upload: Upload) -> None:
        import xxhash

        self.upload = upload
        self._digest = xxhash.xxh3_128()
        self._is_digested = True
        self.closed = False
        self.suffix = ""
        self.name = ""

    def write(self, data: Data) -> int:
        self._digest.update(data)
        return self.upload.write(data)

    def writelines(self, chunks: Iterable[Data]) -> None:
        for piece in chunks:
            self.write(piece)

    def append_part(self, path: str) -> None:
        """A part whose digest is known: its bytes do not come through this process."""
        self._is_digested = False
        self.upload.append_file(path)

    def append_checked(self, store: Store, directory: str, part: PublishedPart) -> None:
        """A small part, which is checked on its way. Raises: CheckpointCorruptError."""
        self._is_digested = False
        self.upload.write(read_checked(store, directory, part.file, part.size_bytes, part.digest))

    def tell(self) -> int:
        return self.upload.tell()

    def flush(self) -> None:
        self.upload.flush()

    def sealed(self) -> SealedShard:
        self.upload.seal()
        return SealedShard(upload=self.upload, digest=self.digest, suffix=self.suffix, name=self.name)

    @property
    def digest(self) -> str:
        """Of what was written so far; empty where parts were appended."""
        return self._digest.hexdigest() if self._is_digested else ""


def _exported(shard: SealedShard, path: str) -> ExportedFile:
    return ExportedFile(
        path=path,
        size_bytes=shard.upload.tell(),
        digest=shard.digest,
        modified_ns=shard.upload.modified_ns(),
    )


def _exported_before(store: Store, manifest_path: str, job: str) -> tuple[ExportedFile, ...]:
    """The files that an earlier publishing of this job wrote; none where that is not known any more."""
    try:
        manifest = find_results(store, manifest_path)
    except CheckpointCorruptError:
        return ()
    return manifest.exports if manifest is not None and manifest.job == job else ()


def _write_shards(
    store: Store,
    begin: Callable[[], _Shard],
    directory: str,
    parts: Parts,
    target: ExportTarget,
    part_format: str,
    heartbeat: Callable[[], None],
    columns: bytes,
) -> Iterator[_Shard]:
    """Write the files of an export that is merged, or one file, one after the other; each is whole when it is yielded."""
    merge = _find_merge(target, part_format)
    if merge is not None:
        paths = [os.path.join(directory, part.file) for part in parts]
        yield from _write_merged(store, begin, paths, target, merge, heartbeat, columns)
    else:
        shard = begin()
        for part in parts:
            heartbeat()
            if part.size_bytes < SMALL_BYTES:
                shard.append_checked(store, directory, part)
            else:
                shard.append_part(os.path.join(directory, part.file))
        yield shard


def _plan_lines(store: Store, directory: str, parts: Parts, target: ExportTarget) -> list[LineShard]:
    files = [(part.file, part.size_bytes) for part in parts]
    return plan_line_shards(store, directory, files, target.shard_size_bytes)


def _write_lines(
    store: Store,
    begin: Callable[[], _Shard],
    directory: str,
    lines: Sequence[LineShard],
    target: ExportTarget,
    heartbeat: Callable[[], None],
) -> Iterator[_Shard]:
    for each in lines:
        shard = begin()
        write_line_shard(store, directory, each, target.compression, shard.write, heartbeat)
        yield shard


def _find_merge(target: ExportTarget, part_format: str) -> Merge | None:
    """How parts become the export; None: they are joined byte by byte."""
    return FORMATS[target.format].writer_with(target.options).merges.get(part_format)


def _write_merged(
    store: Store,
    begin: Callable[[], _Shard],
    paths: Sequence[str],
    target: ExportTarget,
    merge: Merge,
    heartbeat: Callable[[], None],
    columns: bytes,
) -> Iterator[_Shard]:
    def read(path: str) -> bytes:
        heartbeat()
        return store.read(path)

    found = merge.survey([""], lambda _: columns) if columns else merge.survey(paths, read)
    main: list[_Shard] = []
    for group in _groups(store, paths, target.shard_size_bytes):
        shard = begin()
        merge.write(group, read, found, cast("BinaryIO", shard))
        main.append(shard)
        yield shard
        for suffix, write in merge.beside.items():
            shard = begin()
            shard.suffix = suffix
            write(group, read, found, cast("BinaryIO", shard))
            yield shard
    if merge.describe is not None:
        names = _shard_names(target, len(main))
        digests = [shard.digest for shard in main]
        for name, data in merge.describe(names, digests, found).items():
            shard = begin()
            shard.name = name
            shard.write(data)
            yield shard


def _groups(store: Store, paths: Sequence[str], size_bytes: int) -> Iterator[Sequence[str]]:
    """The parts of each shard: one that is merged ends with a partition."""
    if not size_bytes:
        yield paths
        return
    group: list[str] = []
    group_bytes = 0
    for path in paths:
        size = store.stat(path).size_bytes
        if group and group_bytes + size > size_bytes:
            yield group
            group, group_bytes = [], 0
        group.append(path)
        group_bytes += size
    yield group


def shard_pattern(path: str) -> re.Pattern[str]:
    """Every name that a shard of this export may have, such as `name-00-of-05.jsonl`."""
    stem, dot, suffix = os.path.basename(path).partition(".")
    return re.compile(rf"{re.escape(stem)}-\d+-of-\d+{re.escape(dot + suffix)}")


def _names(target: ExportTarget, shards: Sequence[SealedShard]) -> list[str]:
    """The paths of all files of an export, in the order in which they were written."""
    main = iter(_shard_names(target, sum(not (shard.suffix or shard.name) for shard in shards)))
    names: list[str] = []
    last = absolute(target.path)
    for shard in shards:
        if shard.name:
            names.append(os.path.join(os.path.dirname(last), shard.name))
        elif shard.suffix:
            names.append(os.path.splitext(last)[0] + shard.suffix)
        else:
            last = next(main)
            names.append(last)
    return names


def _shard_names(target: ExportTarget, count: int) -> list[str]:
    """`name-00-of-05.jsonl` and so on, as DataJuicer names them; the path itself without sharding."""
    if not target.shard_size_bytes and not target.is_numbered:
        return [absolute(target.path)]
    directory, name = os.path.split(absolute(target.path))
    stem, dot, suffix = name.partition(".")
    width = _DATASETS_DIGITS if target.is_numbered else len(str(count)) + 1
    return [
        os.path.join(directory, f"{stem}-{number:0{width}d}-of-{count:0{width}d}{dot}{suffix}")
        for number in range(count)
    ]
