"""An object store that exists in a test only: it loses answers, tells old listings, throttles, and does so again for the same seed.

`ObjectModel` is the store, with a clock of its own; each `ModelBucket` is one process that talks to it, which may crash.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from data_juicer.clock import Clock
from data_juicer.storage.cloud.bucket import (
    ABSENT,
    ConditionFailed,
    FaultKind,
    Found,
    Listing,
    Multipart,
    RequestFault,
)
from data_juicer.storage.cloud.object_store import ObjectStore
from data_juicer.storage.cloud.patience import Patience
from data_juicer.storage.files import Data
from data_juicer.storage.locations.routed import RoutedStore
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.crashing_store import PowerLoss

Fault = Literal[
    "reset", "lost", "error", "error_after", "throttled", "conflict", "cut", "crash", "crash_after"
]
"""What becomes of one request: `lost`, `error_after` and `crash_after` have their effect, the others have none."""
EFFECTIVE: Final = frozenset({"lost", "error_after", "crash_after", "cut"})
_KINDS: Final[dict[Fault, FaultKind]] = {
    "reset": "unclear",
    "lost": "unclear",
    "error": "unavailable",
    "error_after": "unavailable",
    "throttled": "throttled",
    "conflict": "conflict",
    "cut": "cut",
}
Precondition = Literal["absent", "version", "complete", "get"]
"""Of a put, of a put by version, of the completion of parts, of a read."""

T = TypeVar("T")


@dataclass(slots=True)
class _Object:
    data: bytes
    version: str
    token: str
    modified_s: float
    removed: bool = False


@dataclass
class ObjectModel:
    """One bucket, in memory."""

    clock: Clock = field(default_factory=ManualClock)
    stale_s: float = 0.0
    """For so long a listing does not show what was put or removed."""
    ignores: frozenset[Precondition] = frozenset()
    """Preconditions that this store pays no heed to, to see that they are missed."""
    objects: dict[str, _Object] = field(default_factory=dict)
    uploads: dict[str, tuple[str, str, list[bytes]]] = field(default_factory=dict)
    """Upload -> key, token, parts so far."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _listed: dict[str, list[tuple[float, int | None]]] = field(default_factory=dict)
    """Key -> when it got which size, None where it was removed; for listings that are late."""

    def now_s(self) -> float:
        return self.clock.now().timestamp()

    def contents(self) -> dict[str, bytes]:
        return {key: stored.data for key, stored in sorted(self.objects.items())}

    # ---- effects

    def find(self, key: str) -> _Object:
        if key not in self.objects:
            raise FileNotFoundError(2, "No such object", key)
        return self.objects[key]

    def put(self, key: str, data: bytes, token: str, condition: str | None) -> str:
        current = self.objects.get(key)
        if condition == ABSENT and current is not None and "absent" not in self.ignores:
            raise ConditionFailed
        if condition and "version" not in self.ignores and (current is None or current.version != condition):
            raise ConditionFailed
        version = f'"{next(self._numbers)}"'
        self.objects[key] = _Object(data, version, token, self.now_s())
        self._note(key, len(data))
        return version

    def delete(self, key: str) -> None:
        if self.objects.pop(key, None) is not None:
            self._note(key, None)

    def _note(self, key: str, size_bytes: int | None) -> None:
        self._listed.setdefault(key, []).append((self.now_s(), size_bytes))

    def listed(self) -> Iterator[Found]:
        """Every object as a listing shows it."""
        seen_s = self.now_s() - self.stale_s
        for key in sorted(self._listed):
            size_bytes = None
            for moment_s, size in self._listed[key]:
                if not self.stale_s or moment_s <= seen_s:
                    size_bytes = size
            if size_bytes is not None:
                current = self.objects.get(key)
                version, modified_s = (current.version, current.modified_s) if current else ("", 0.0)
                yield Found(key=key, size_bytes=size_bytes, modified_s=modified_s, version=version)


class Faults:
    """Which request of one process goes wrong, and how."""

    def __init__(
        self, at: dict[int, Fault] | None = None, ratio: float = 0.0, seed: int = 0, latency_s: float = 0.0
    ) -> None:
        """
        Args:
            at: number of a request, from 1 -> what becomes of it.
            ratio: of all others, how many go wrong at random.
        """
        self._at = at or {}
        self._ratio = ratio
        self._random = random.Random(seed)  # noqa: S311 - a seed makes the same faults again
        self.latency_s = latency_s

    def of(self, number: int, name: str) -> Fault | None:
        if number in self._at:
            return self._at[number]
        if self._random.random() >= self._ratio:
            return None
        kinds: list[Fault] = ["reset", "lost", "error", "error_after", "throttled"]
        kinds += ["cut"] if name == "get" else ["conflict"] if name == "put" else []
        return self._random.choice(kinds)


class ModelBucket:
    """One process that talks to the model."""

    scheme = "memory"
    name = "model"

    def __init__(self, model: ObjectModel, faults: Faults | None = None) -> None:
        self._model = model
        self._faults = faults or Faults()
        self.requests = 0
        self.log: list[tuple[str, str]] = []
        """Every request: its name, and a key."""
        self._is_off = False

    # ---- requests

    def head(self, key: str) -> Found:
        return self._answer("head", key, lambda: self._found(key))

    def get(
        self, key: str, start: int = 0, stop: int | None = None, version: str | None = None
    ) -> tuple[Found, bytes]:
        def get() -> tuple[Found, bytes]:
            current = self._model.find(key)
            if version is not None and current.version != version and "get" not in self._model.ignores:
                raise ConditionFailed
            return self._found(key), current.data[start:stop]

        return self._answer("get", key, get)

    def put(self, key: str, data: Data, token: str = "", condition: str | None = None) -> str:
        kept = bytes(data)
        return self._answer("put", key, lambda: self._model.put(key, kept, token, condition))

    def delete(self, keys: Sequence[str]) -> None:
        def delete() -> None:
            for key in keys:
                self._model.delete(key)

        self._answer("delete", keys[0], delete)

    def list(self, prefix: str) -> Listing:
        def listing() -> Listing:
            objects, folders = [], dict[str, None]()
            for found in self._model.listed():
                if not found.key.startswith(prefix):
                    continue
                name, slash, _ = found.key[len(prefix) :].partition("/")
                if slash:
                    folders[prefix + name] = None
                else:
                    objects.append(found)
            return Listing(objects=objects, folders=list(folders))

        return self._answer("list", prefix, listing)

    def copy(self, source: str, target: str) -> None:
        def copy() -> None:
            current = self._model.find(source)
            self._model.put(target, current.data, current.token, None)

        self._answer("copy", source, copy)

    def begin(self, key: str, token: str, part_bytes: int) -> Multipart:
        def begin() -> str:
            upload_id = f"upload-{next(self._model._numbers)}"  # noqa: SLF001
            self._model.uploads[upload_id] = (key, token, [])
            return upload_id

        return _ModelParts(self, self._model, key, self._answer("begin", key, begin))

    def uploads(self, key: str) -> Sequence[str]:
        pending = self._model.uploads
        return self._answer(
            "uploads", key, lambda: [name for name, (of, _, _) in pending.items() if of == key]
        )

    def abort(self, key: str, upload_id: str) -> None:
        self._answer("abort", key, lambda: self._model.uploads.pop(upload_id, None))

    # ---- one request

    def _answer(self, name: str, key: str, effect: Callable[[], T]) -> T:
        if self._is_off:
            raise PowerLoss("the machine is off")
        self.requests += 1
        self.log.append((name, key))
        if isinstance(self._model.clock, ManualClock):
            self._model.clock.advance(self._faults.latency_s)
        fault = self._faults.of(self.requests, name)
        answer = effect() if fault is None or fault in EFFECTIVE else None
        if fault in {"crash", "crash_after"}:
            self._is_off = True
            raise PowerLoss(f"at request {self.requests}: {name} {key}")
        if fault is not None:
            raise RequestFault(_KINDS[fault], f"request {self.requests} ({name} {key}): {fault}")
        return answer  # type: ignore[return-value]

    def _found(self, key: str) -> Found:
        current = self._model.find(key)
        return Found(
            key=key,
            size_bytes=len(current.data),
            modified_s=current.modified_s,
            version=current.version,
            token=current.token,
        )


class _ModelParts:
    def __init__(self, bucket: ModelBucket, model: ObjectModel, key: str, upload_id: str) -> None:
        self._bucket = bucket
        self._model = model
        self._key = key
        self._answered = 0
        self.upload_id = upload_id

    def put_part(self, data: Data) -> None:
        kept = bytes(data)
        uploads = self._held()

        def put() -> None:  # a part that is sent again replaces itself
            uploads[self._answered :] = [kept]

        self._bucket._answer("put_part", self._key, put)  # noqa: SLF001
        self._answered += 1

    def complete(self, condition: str | None) -> None:
        def complete() -> None:
            if self.upload_id not in self._model.uploads:
                raise FileNotFoundError(2, "No such upload", self._key)
            _, token, parts = self._model.uploads[self.upload_id]
            heeded = None if "complete" in self._model.ignores else condition
            self._model.put(self._key, b"".join(parts), token, heeded)
            del self._model.uploads[self.upload_id]

        self._bucket._answer("complete", self._key, complete)  # noqa: SLF001

    def abort(self) -> None:
        self._bucket.abort(self._key, self.upload_id)

    def _held(self) -> list[bytes]:
        if self.upload_id not in self._model.uploads:
            raise FileNotFoundError(2, "No such upload", self._key)
        return self._model.uploads[self.upload_id][2]


ROOT: Final = "memory://model"
"""Where everything in a model is."""


def store_of(
    model: ObjectModel, faults: Faults | None = None, tries_max: int = 30
) -> tuple[RoutedStore, ModelBucket]:
    """What one process has of a model: the store of all locations, and the bucket that it sends requests to."""
    from data_juicer.storage.posix import PosixStore

    bucket = ModelBucket(model, faults)
    store = ObjectStore(bucket, Patience(model.clock, seed=7, tries_max=tries_max))
    return RoutedStore(lambda root: store if root == ROOT else PosixStore(), None), bucket
