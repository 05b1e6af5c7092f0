"""The contract of a store kept with the requests of an object store: no links, no renames, no syncs.

An object that is put is durable and seen whole when the answer comes. A conditional put whose answer was lost is sent again
and refused, by what the first try put: the object is looked at then, and the token that it carries decides.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import uuid
from collections.abc import Callable, Iterable, Iterator

from data_juicer.errors import StoreError
from data_juicer.storage.base import Store
from data_juicer.storage.capabilities import AppendLog, OwnDirectory
from data_juicer.storage.cloud.bucket import (
    ABSENT,
    Bucket,
    ConditionFailed,
    Found,
    Listing,
)
from data_juicer.storage.cloud.directory import ObjectDirectory
from data_juicer.storage.cloud.faults import changed_meanwhile, translate_faults
from data_juicer.storage.cloud.patience import Patience
from data_juicer.storage.cloud.reader import ObjectReader
from data_juicer.storage.cloud.segments import SegmentedLogs, SegmentsReader, only_segments, stat_of
from data_juicer.storage.cloud.upload import (
    NOTE_SUFFIX,
    STAGED_SUFFIX,
    ObjectUpload,
    decode_note,
    staged_prefix,
)
from data_juicer.storage.files import Data, Entry, Reader, Stat, Upload


class ObjectStore(Store):
    """One bucket, whose objects are called `s3://bucket/key`. What is below a key and a slash makes a directory of it."""

    has_links = False
    tells_changes = True

    def __init__(self, bucket: Bucket, patience: Patience | None = None) -> None:
        self.bucket = bucket
        self.patience = patience or Patience()
        self._root = f"{bucket.scheme}://{bucket.name}"
        self.uri = None if bucket.scheme == "memory" else self._root
        self._uploads: builtins.list[ObjectUpload] = []
        self._logs = SegmentedLogs(self)

    @property
    def requests(self) -> int:
        return self.bucket.requests

    @property
    def throttled(self) -> int:
        return self.patience.throttled

    # ---- reading

    def read(self, path: str) -> bytes:
        key = self.key_of(path)
        try:
            with translate_faults("reading", path):
                _, data = self.patience.ask(lambda _: self.bucket.get(key))
        except FileNotFoundError:
            with self._log_reader(path) as log:
                return log.read(0, log.stat().size_bytes)
        return data

    def read_range(self, path: str, start: int, stop: int) -> bytes:
        key = self.key_of(path)
        if start >= stop:
            return b""
        try:
            with translate_faults("reading", path):
                return self.patience.ask(lambda _: self.bucket.get(key, start, stop))[1]
        except FileNotFoundError:
            with self._log_reader(path) as log:
                return log.read(start, stop)

    def open_read(self, path: str) -> Reader:
        try:
            found = self._head(path)
        except FileNotFoundError:
            return self._log_reader(path)
        return ObjectReader(self, path, found, self._stat_of(path, found))

    def open_with(self, path: str, size_bytes: int) -> tuple[Reader, bytes]:
        """A reader and the first bytes, with one request. Raises: FileNotFoundError, StoreError."""
        key = self.key_of(path)
        with translate_faults("reading", path):
            found, data = self.patience.ask(lambda _: self.bucket.get(key, 0, size_bytes))
        return ObjectReader(self, path, found, self._stat_of(path, found)), data

    def fetch(self, path: str, start: int, stop: int, version: str) -> bytes:
        """The bytes [start, stop) of one version of an object, all of them. Raises: StoreError."""
        key = self.key_of(path)
        try:
            with translate_faults("reading", path):
                return self.patience.ask(lambda _: self.bucket.get(key, start, stop, version))[1]
        except FileNotFoundError:
            raise changed_meanwhile(path, "removed") from None
        except ConditionFailed:
            raise changed_meanwhile(path, "replaced") from None

    def stat(self, path: str) -> Stat:
        if (known := self._logs.find_stat(path)) is not None:
            return known
        try:
            return self._stat_of(path, self._head(path))
        except FileNotFoundError:
            below = self._below(path)
            if segments := only_segments(below.objects, below.folders):
                return stat_of(path, segments)
            if not below.objects and not below.folders:
                raise
        return Stat(size_bytes=0, modified_ns=0, identity=path, kind="directory")

    def entries(self, path: str) -> builtins.list[Entry]:
        found, prefix = self._below(path), f"{key}/" if (key := self.key_of(path)) else ""
        named: dict[str, Found | None] = {folder[len(prefix) :]: None for folder in found.folders}
        named |= {each.key[len(prefix) :]: each for each in found.objects}
        return [
            Entry(
                name=name,
                path=f"{path}/{name}",
                kind="directory" if each is None else "file",
                stat=None if each is None else self._stat_of(f"{path}/{name}", each),
            )
            for name, each in sorted(named.items())
            if name
        ]

    def used_bytes(self, path: str) -> int:
        """Listings tell sizes: no object is looked at."""
        used, prefixes = 0, [f"{key}/" if (key := self.key_of(path)) else ""]
        with contextlib.suppress(StoreError):
            while prefixes:
                prefix = prefixes.pop()
                with translate_faults("listing", path):
                    found = self.patience.ask(lambda _, prefix=prefix: self.bucket.list(prefix))  # type: ignore[misc]
                used += sum(each.size_bytes for each in found.objects)
                prefixes += [f"{folder}/" for folder in found.folders]
        return used

    # ---- writing

    def put(self, path: str, data: Data) -> None:
        self.put_version(path, data, None)

    def put_if_absent(self, path: str, data: Data) -> bool:
        return self.put_version(path, data, ABSENT) is not None

    def put_if_unchanged(self, path: str, data: Data, version: str) -> bool:
        return version != ABSENT and self.put_version(path, data, version) is not None

    def stage(self, path: str, data: Data) -> None:
        self.put_version(path, data, None)

    @contextlib.contextmanager
    def stage_many(self, directory: str) -> Iterator[Callable[[str, Data], None]]:
        yield lambda name, data: self.stage(os.path.join(directory, name), data)

    def write(self, path: str, data: Data) -> None:
        self.put_version(path, data, None)

    def new_upload(
        self, path: str, writer: str = "", size_bytes: int | None = None, *, beside: bool = False
    ) -> Upload:
        upload = ObjectUpload(self, path, writer, size_bytes, beside=beside)
        self._uploads = [each for each in self._uploads if not each.is_settled] + [upload]
        return upload

    def adopt_upload(self, path: str, writer: str, ticket: str, size_bytes: int) -> Upload:
        return ObjectUpload.adopted(self, path, writer, ticket, size_bytes)

    def publish(self, uploads: Iterable[tuple[Upload, str]]) -> None:
        for upload, path in uploads:
            if not isinstance(upload, ObjectUpload):
                raise TypeError("an upload is published by the store that it was begun on")
            upload.publish(path)

    def discard_uploads(self, path: str, writer: str) -> None:
        for upload in self._uploads:
            if (upload.path, upload.writer) == (path, writer):
                upload.discard()
        directory, prefix = os.path.split(staged_prefix(path, writer))
        left = [f"{directory}/{name}" for name in self.list(directory) if name.startswith(prefix)]
        self._end_uploads(
            f"{directory}/.{os.path.basename(path)}.", [at for at in left if at.endswith(NOTE_SUFFIX)]
        )
        if refused := self.remove_all(at for at in left if at.endswith((STAGED_SUFFIX, NOTE_SUFFIX))):
            raise refused[0]

    def end_uploads(self, directory: str, names: Iterable[str]) -> None:
        notes = [f"{directory}/{name}" for name in names if name.endswith(NOTE_SUFFIX)]
        if notes:
            self._end_uploads(f"{directory}/.", notes)
            self.remove_all(notes)

    def _end_uploads(self, beside: str, notes: builtins.list[str]) -> None:
        """End the uploads that notes of one writer tell of.

        Args:
            beside: begins the names of notes of all writers to the same path.
        """
        notes_found = {at: note for at in notes if (note := decode_note(self.read(at))) is not None}
        if not notes_found:
            return
        directory, prefix = os.path.split(beside)
        others = [f"{directory}/{name}" for name in self.list(directory) if name.startswith(prefix)]
        foreign = [
            decode_note(self.read(at)) for at in others if at.endswith(NOTE_SUFFIX) and at not in notes_found
        ]
        spared = {note.upload_id for note in foreign if note is not None}
        with translate_faults("discarding", directory):
            for note in notes_found.values():
                ids = [note.upload_id] if note.upload_id else self._begun(note.key, spared | set(note.before))
                for upload_id in ids:
                    self.patience.ask(lambda _, key=note.key, name=upload_id: self.bucket.abort(key, name))  # type: ignore[misc]

    def _begun(self, key: str, spared: set[str]) -> builtins.list[str]:
        """Uploads of a key whose driver was killed before it could note their names."""
        return [name for name in self.patience.ask(lambda _: self.bucket.uploads(key)) if name not in spared]

    def move(self, pairs: Iterable[tuple[str, str]]) -> builtins.list[str]:
        moved = []
        for path, target in pairs:
            source, key = self.key_of(path), self.key_of(target)
            try:
                with translate_faults("copying", path):
                    self.patience.ask(lambda _, source=source, key=key: self.bucket.copy(source, key))  # type: ignore[misc]
            except FileNotFoundError:
                continue
            self.remove(path)
            moved.append(target)
        return moved

    def remove(self, path: str) -> None:
        if self._logs.is_written(path):
            self._logs.remove(path)
            return
        key = self.key_of(path)
        with translate_faults("removing", path):
            self.patience.ask(lambda _: self.bucket.delete([key]))

    def remove_all(self, paths: Iterable[str]) -> builtins.list[StoreError]:
        keys = [self.key_of(path) for path in paths]
        if not keys:
            return []
        try:
            with translate_faults("removing", f"{self._root}/{keys[0]}"):
                self.patience.ask(lambda _: self.bucket.delete(keys))
        except StoreError as error:
            return [error]
        return []

    # ---- directories

    def check_writable(self, path: str) -> None:
        probe = f"{path}/.{uuid.uuid4().hex}"
        self.put(probe, b"")
        self.remove(probe)

    def open_own(self, path: str) -> contextlib.AbstractContextManager[OwnDirectory | None]:
        return contextlib.nullcontext(ObjectDirectory(self, self._logs, path))

    @property
    def logs(self) -> AppendLog:
        return self._logs

    # ---- inside, and for readers, uploads and logs

    def _below(self, path: str) -> Listing:
        prefix = f"{key}/" if (key := self.key_of(path)) else ""
        with translate_faults("listing", path):
            return self.patience.ask(lambda _: self.bucket.list(prefix))

    def segments_of(self, path: str) -> builtins.list[Found]:
        """Of a log, in order, the last one with its version; none where there is none. Raises: StoreError."""
        below = self._below(path)
        found = only_segments(below.objects, below.folders)
        if found and not found[-1].version:
            found[-1] = self._head(f"{self._root}/{found[-1].key}")
        return found

    def _log_reader(self, path: str) -> Reader:
        """Raises: FileNotFoundError: there is no log of this name. Documents are no logs, and are not looked for."""
        segments = [] if path.endswith(".json") else self.segments_of(path)
        if not segments:
            raise FileNotFoundError(2, "No such object", path)
        return SegmentsReader(self, path, segments)

    def key_of(self, path: str) -> str:
        """Raises: ValueError: the location is not of this bucket."""
        if path == self._root:
            return ""
        if not path.startswith(f"{self._root}/"):
            raise ValueError(f"{path} is not in {self._root}")
        return path[len(self._root) + 1 :]

    def _head(self, path: str) -> Found:
        key = self.key_of(path)
        if not key:
            raise FileNotFoundError(2, "No such object", path)
        with translate_faults("looking", path):
            return self.patience.ask(lambda _: self.bucket.head(key))

    def find_version(self, path: str) -> str:
        """Of an object as it is now; ABSENT where there is none. Raises: StoreError."""
        try:
            return self._head(path).version
        except FileNotFoundError:
            return ABSENT

    def put_version(self, path: str, data: Data, condition: str | None) -> str | None:
        """Put an object whole.

        Args:
            condition: the version that it must have, ABSENT, or None for any.
        Returns: its version; None, with nothing changed, where the condition did not hold. Raises: StoreError.
        """
        key, token = self.key_of(path), "" if condition is None else uuid.uuid4().hex

        def put(is_undecided: bool) -> str | None:
            try:
                return self.bucket.put(key, data, token, condition)
            except ConditionFailed:
                return self.find_ours(key, token) if is_undecided else None

        with translate_faults("writing", path):
            return self.patience.ask(put)

    def find_ours(self, key: str, token: str) -> str | None:
        """The version of an object that a put with this token made; None where another one did. Raises: RequestFault."""
        try:
            found = self.bucket.head(key)
        except FileNotFoundError:
            return None
        return found.version if found.token == token else None

    def _stat_of(self, path: str, found: Found) -> Stat:
        return Stat(
            size_bytes=found.size_bytes,
            modified_ns=modified_ns(found),
            identity=path,
            version=found.version or found.etag,
        )


def modified_ns(found: Found) -> int:
    """When an object was put, in nanoseconds.

    Stores tell whole seconds or milliseconds. What is below a second is taken from the ETag instead, so that an object that is
    replaced within a second by one of the same size does not look like the one before.
    """
    import xxhash

    return (
        int(found.modified_s) * 1_000_000_000
        + xxhash.xxh3_64_intdigest(found.content.encode()) % 1_000_000_000
    )
