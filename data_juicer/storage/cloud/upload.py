"""A stream into an object: one put where it is small, parts where it is not; seen when it is published."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from data_juicer.errors import COMMITTED_IS_SAFE, StoreError
from data_juicer.storage.cloud.bucket import Bucket, ConditionFailed, Multipart
from data_juicer.storage.cloud.faults import translate_faults
from data_juicer.storage.cloud.patience import Patience
from data_juicer.storage.files import Data, Reader, Upload

PART_BYTES: Final = 8 << 20
"""Less is put whole; more in parts of this size, or of a larger one where the stream is known to be long."""
PARTS_MAX: Final = 9_000
"""S3 takes 10,000."""
_NOBODY: Final = "unnamed"
"""A writer that gave no name."""
COPY_BYTES: Final = 8 << 20
NOTE_SUFFIX: Final = ".upload"
"""Ends the names of notes about parts that are on their way."""
STAGED_SUFFIX: Final = ".staged"
"""Ends the names of objects that wait for the name that they are published under."""


class Objects(Protocol):
    """What an upload needs of the store that it is an upload of."""

    bucket: Bucket
    patience: Patience

    def key_of(self, path: str) -> str: ...
    def find_version(self, path: str) -> str: ...
    def find_ours(self, key: str, token: str) -> str | None: ...
    def open_with(self, path: str, size_bytes: int) -> tuple[Reader, bytes]: ...
    def put_version(self, path: str, data: Data, condition: str | None) -> str | None: ...
    def put(self, path: str, data: Data) -> None: ...
    def move(self, pairs: Iterable[tuple[str, str]]) -> list[str]: ...
    def remove(self, path: str) -> None: ...
    def end_uploads(self, directory: str, names: Iterable[str]) -> None: ...


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What a writer has begun to put in parts."""

    key: str
    before: tuple[str, ...]
    """Uploads of the key that others had begun before."""
    upload_id: str = ""
    """Its own; empty as long as it is not known to be begun."""


class ObjectUpload(Upload):
    """What is to be published as `path` goes there in parts, which the store shows when they are complete.

    What gets its name last is staged as an object of its own when it is sealed, and copied within the store when it is published.
    """

    def __init__(
        self, store: Objects, path: str, writer: str, size_bytes: int | None, *, beside: bool
    ) -> None:
        self.path = path
        self.writer = writer
        self.is_settled = False
        """It is published, or discarded."""
        self._store = store
        self._token = uuid.uuid4().hex
        self._staged = f"{staged_prefix(path, writer)}{self._token}{STAGED_SUFFIX}" if beside else ""
        self._is_staged = False
        self._condition = store.find_version(path) if writer and not beside else None
        """What `path` holds when this begins: nobody else may have published there when this is."""
        self._part_bytes = max(PART_BYTES, -(-(size_bytes or 0) // PARTS_MAX))
        self._buffer = bytearray()
        self._size_bytes = 0
        self._parts: Multipart | None = None
        self._has_strays = False
        """The answer to a beginning was lost: there may be one more upload than is known."""
        self._note = ""
        """Where the next run finds what this one began; empty where there is none."""

    @classmethod
    def adopted(cls, store: Objects, path: str, writer: str, ticket: str, size_bytes: int) -> ObjectUpload:
        """One that another process sealed. Raises: ValueError: the ticket is none of this writer's for the path."""
        upload = cls(store, path, writer, size_bytes, beside=True)
        prefix = staged_prefix(path, writer)
        name = os.path.basename(ticket)
        if not (name.startswith(os.path.basename(prefix)) and name.endswith(STAGED_SUFFIX)):
            raise ValueError(f"{ticket} is no upload of {writer} for {path}")
        upload._staged, upload._is_staged = os.path.join(os.path.dirname(prefix), name), True
        upload._size_bytes = size_bytes
        return upload

    def ticket(self) -> str:
        return os.path.basename(self._staged)

    def write(self, data: Data) -> int:
        view = memoryview(data).cast("B")
        if not self.is_settled:
            self._buffer += view
            self._size_bytes += len(view)
            while len(self._buffer) > self._part_bytes:
                self._send(bytes(self._buffer[: self._part_bytes]))
                del self._buffer[: self._part_bytes]
        return len(view)

    def append_file(self, path: str) -> None:
        reader, data = self._store.open_with(path, COPY_BYTES)
        with reader:
            self.write(data)
            for start in range(len(data), reader.stat().size_bytes, COPY_BYTES):
                self.write(reader.read(start, start + COPY_BYTES))

    def tell(self) -> int:
        return self._size_bytes

    def seal(self) -> None:
        """What is published as `path` is put then: a store does not become full in between."""
        if self._staged and not self._is_staged and not self.is_settled:
            self._finish(self._staged, None)
            self._is_staged = True

    def publish(self, path: str) -> None:
        """Raises: StoreError: it was discarded; somebody else has published there since it began; the store refuses it."""
        if self.is_settled:
            raise StoreError(f"{path}: publishing failed: the upload was discarded.")
        if self._staged:
            if not self._store.move([(self._staged, path)]):
                raise StoreError(f"{path}: publishing failed: {self._staged} was removed by somebody else.")
        elif path != self.path:
            raise ValueError(f"{path}: the upload was begun as {self.path}")
        elif not self._finish(path, self._condition):
            raise StoreError(
                f"{path}: publishing failed: it was changed by somebody else while this run wrote it.",
                f"{COMMITTED_IS_SAFE}; start the job again to publish it over that.",
            )
        self.is_settled = True
        self._forget()

    def discard(self) -> None:
        if self.is_settled:
            return
        self.is_settled = True
        self._buffer.clear()
        if self._is_staged:
            self._store.remove(self._staged)
        elif (parts := self._parts) is not None:
            with translate_faults("discarding", self.path):
                self._store.patience.ask(lambda _: parts.abort())
        self._forget()

    def _send(self, data: bytes) -> None:
        with translate_faults("writing", self.path):
            if self._parts is None:
                self._parts = self._begin()
            parts = self._parts
            try:
                self._store.patience.ask(lambda _: parts.put_part(data))
            except FileNotFoundError:
                raise self._removed() from None

    def _begin(self) -> Multipart:
        """A note says what is begun before it is, so that the next run finds it wherever this one is killed."""
        bucket, key = self._store.bucket, self._store.key_of(self._staged or self.path)
        note = Note(key=key, before=tuple(self._store.patience.ask(lambda _: bucket.uploads(key))))
        self._note = f"{staged_prefix(self.path, self.writer)}{self._token}{NOTE_SUFFIX}"
        self._store.put(self._note, encode_note(note))

        def begin(is_undecided: bool) -> Multipart:
            self._has_strays = self._has_strays or is_undecided
            return bucket.begin(key, self._token, self._part_bytes)

        parts = self._store.patience.ask(begin)
        if parts.upload_id and not self._has_strays:
            self._store.put(self._note, encode_note(msgspec.structs.replace(note, upload_id=parts.upload_id)))
        return parts

    def _forget(self) -> None:
        """Nothing is left of the parts that anybody had to end, but what a lost answer may have begun."""
        if self._note and self._has_strays:
            directory, name = os.path.split(self._note)
            self._store.end_uploads(directory, [name])
        elif self._note:
            self._store.remove(self._note)

    def _finish(self, path: str, condition: str | None) -> bool:
        """Make an object of what was written. False where the condition does not hold."""
        if self._parts is not None:
            self._send(bytes(self._buffer))
            is_ours = self._complete(self._parts, path, condition)
        else:
            is_ours = self._store.put_version(path, self._buffer, condition) is not None
        self._buffer.clear()
        return is_ours

    def _complete(self, parts: Multipart, path: str, condition: str | None) -> bool:
        """Where the answer is lost, the token of the object that is there decides."""
        key = self._store.key_of(path)

        def complete(is_undecided: bool) -> bool:
            try:
                parts.complete(condition)
            except ConditionFailed:
                return is_undecided and self._store.find_ours(key, self._token) is not None
            except FileNotFoundError:
                if is_undecided and self._store.find_ours(key, self._token) is not None:
                    return True
                raise
            return True

        try:
            with translate_faults("publishing", path):
                return self._store.patience.ask(complete)
        except FileNotFoundError:
            raise self._removed() from None

    def _removed(self) -> StoreError:
        return StoreError(f"{self.path}: publishing failed: its parts were removed by somebody else.")


def encode_note(note: Note) -> bytes:
    return msgspec.json.encode(note)


def decode_note(data: bytes) -> Note | None:
    """None where it is none: somebody else has written it."""
    try:
        return msgspec.json.decode(data, type=Note)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def staged_prefix(path: str, writer: str) -> str:
    """Begins the names of what a writer stages for a path."""
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name}.{writer or _NOBODY}.")
