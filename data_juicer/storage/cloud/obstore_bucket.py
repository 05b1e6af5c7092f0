"""Requests over the network, sent by obstore: Amazon S3 and its likes, Google Cloud Storage, Azure Blob Storage, or memory.

Where a bucket is and who may use it comes from the environment, as other tools read it, or from the store's own chain of
credentials (profiles, roles of instances and containers); nothing of it is kept here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

from data_juicer.storage.cloud.bucket import (
    ABSENT,
    ConditionFailed,
    Found,
    Listing,
    Multipart,
    RequestFault,
)
from data_juicer.storage.cloud.faults import explain_status
from data_juicer.storage.cloud.s3_parts import TOKEN, S3Client, S3Parts
from data_juicer.storage.files import Data

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Client

DELETED_AT_ONCE_MAX: Final = 1000
LISTED_AT_ONCE: Final = 1000
_STATUS: Final = re.compile(r"status code: (\d{3})")
_URL: Final = re.compile(r"https?://\S+")
_CODE: Final = re.compile(r"<Code>(\w+)</Code>")
_EXISTS: Final = frozenset({"BlobAlreadyExists"})
"""Azure answers 409 where an object must be absent and is not; S3 answers 412, and 409 where two requests met."""
_NO_NAME: Final = (
    "the name of an object there has an empty part, `.` or `..`, which is not read; rename that object"
)
_METADATA_HOSTS: Final = ("//169.254.169.254", "//169.254.170.2", "//metadata.google.internal")
"""Who is asked for credentials of the machine itself, where the environment has none."""

T = TypeVar("T")


class ObstoreBucket:
    """One bucket or container."""

    def __init__(
        self, scheme: str, name: str, client: Client, streaming: Client, *, names_uploads: bool = False
    ) -> None:
        """
        Args:
            client: sends each request once.
            streaming: the same bucket, for puts in parts, each of which may be repeated without harm.
            names_uploads: parts go through boto3, so that uploads have names. Of S3 alone.
        """
        self.scheme = scheme
        self.name = name
        self.requests = 0
        self._client = client
        self._streaming = streaming
        self._version_key: Literal["version", "e_tag"] = "version" if scheme == "gs" else "e_tag"
        self._guard = threading.Lock()
        self._parts = S3Client(name, self._count) if names_uploads else None

    def head(self, key: str) -> Found:
        import obstore

        found = self._send(key, lambda: obstore.get(self._client, key, options={"head": True}))
        return self._found(found.meta, found.attributes)

    def get(
        self, key: str, start: int = 0, stop: int | None = None, version: str | None = None
    ) -> tuple[Found, bytes]:
        import obstore

        if stop is not None and stop <= start:
            raise ValueError(f"{key}: no byte is in [{start}, {stop})")
        options: dict[str, Any] = {} if version is None else {"if_match": version}
        if start or stop is not None:
            options["range"] = {"offset": start} if stop is None else (start, stop)

        def fetch() -> tuple[Found, bytes]:
            found = obstore.get(self._client, key, options=options)  # type: ignore[arg-type]
            return self._found(found.meta, found.attributes), bytes(found.bytes())

        try:
            found, data = self._send(key, fetch)
        except RequestFault as fault:
            if fault.kind != "beyond":
                raise
            return self.head(key), b""
        expected = max(0, min(found.size_bytes, found.size_bytes if stop is None else stop) - start)
        if len(data) != expected:
            raise RequestFault("cut", f"{len(data):,} of {expected:,} bytes arrived")
        return found, data

    def put(self, key: str, data: Data, token: str = "", condition: str | None = None) -> str:
        import obstore

        mode: Any = "overwrite" if condition is None else "create"
        if condition:
            mode = {self._version_key: condition}
        put = self._send(
            key,
            lambda: obstore.put(
                self._client,
                key,
                bytes(data),
                mode=mode,
                attributes={TOKEN: token} if token else None,
                use_multipart=False,
            ),
        )
        return put[self._version_key] or ""

    def find_version(self, key: str) -> str:
        """Of an object as it is now; ABSENT where there is none. Raises: RequestFault."""
        try:
            return self.head(key).version
        except FileNotFoundError:
            return ABSENT

    def delete(self, keys: Sequence[str]) -> None:
        import obstore

        for start in range(0, len(keys), DELETED_AT_ONCE_MAX):
            some = list(keys[start : start + DELETED_AT_ONCE_MAX])
            try:
                self._send(some[0], lambda some=some: obstore.delete(self._client, some))  # type: ignore[misc]
            except (
                FileNotFoundError
            ):  # some stores tell of the first one that is not there, and leave the others
                if len(some) > 1:
                    for key in some:
                        self.delete([key])

    def list(self, prefix: str) -> Listing:
        import obstore

        # The client asks for page after page; a page holds as many names as the store likes.
        found = self._send(prefix, lambda: obstore.list_with_delimiter(self._client, prefix or None))
        objects = [self._found(meta, {}) for meta in found["objects"]]
        self._count((len(objects) + len(found["common_prefixes"])) // LISTED_AT_ONCE)
        return Listing(objects=objects, folders=list(found["common_prefixes"]))

    def copy(self, source: str, target: str) -> None:
        import obstore

        self._send(source, lambda: obstore.copy(self._client, source, target))

    def begin(self, key: str, token: str, part_bytes: int) -> Multipart:
        return S3Parts(self._parts, key, token) if self._parts else _Stream(self, key, token, part_bytes)

    def uploads(self, key: str) -> Sequence[str]:
        return list(self._parts.uploads(key)) if self._parts else []

    def abort(self, key: str, upload_id: str) -> None:
        if self._parts:
            self._parts.abort(key, upload_id)

    def _found(self, meta: Any, attributes: Any) -> Found:
        return Found(
            key=meta["path"],
            size_bytes=meta["size"],
            modified_s=meta["last_modified"].timestamp(),
            version=meta[self._version_key] or "",
            etag=meta["e_tag"] or "",
            token=attributes.get(TOKEN, ""),
        )

    # ---- one request

    def _send(self, key: str, request: Callable[[], T]) -> T:
        from obstore.exceptions import BaseError

        self._count(1)
        try:
            return request()
        except FileNotFoundError as error:
            if _code_of(error) in {"NoSuchBucket", "ContainerNotFound"}:
                raise RequestFault("refused", f"there is no bucket {self.name}") from None
            raise FileNotFoundError(2, "No such object", f"{self.scheme}://{self.name}/{key}") from None
        except BaseError as error:
            raise explain(error) from None
        except ValueError as error:  # a name that the client refuses to send
            raise RequestFault("refused", _NO_NAME) from error

    def _count(self, requests: int) -> None:
        with self._guard:
            self.requests += requests


class _Stream:
    """An object put in parts by obstore's writer, which sends several at once and holds no more of them in memory."""

    upload_id = ""

    def __init__(self, bucket: ObstoreBucket, key: str, token: str, part_bytes: int) -> None:
        import obstore

        self._bucket = bucket
        self._key = key
        self._writer: Any = obstore.open_writer(
            bucket._streaming,  # noqa: SLF001
            key,
            attributes={TOKEN: token},
            buffer_size=part_bytes,
            max_concurrency=4,
        )
        bucket._count(1)  # noqa: SLF001

    def put_part(self, data: Data) -> None:
        self._bucket._send(self._key, lambda: self._writer.write(bytes(data)))  # noqa: SLF001

    def complete(self, condition: str | None) -> None:
        """The client has no condition for this request, so the look comes just before it."""
        if condition is not None and self._bucket.find_version(self._key) != condition:
            raise ConditionFailed
        self._bucket._send(self._key, self._writer.close)  # noqa: SLF001

    def abort(self) -> None:
        self._writer = None


def explain(error: Exception) -> RequestFault | ConditionFailed:
    """What a refusal means. Of its text only status and code are kept: URLs in it may carry signatures."""
    from obstore import exceptions as e

    text = str(error).partition("\n\nDebug source")[0]
    status, code = _status_of(error), _code_of(error)
    is_condition = isinstance(error, e.AlreadyExistsError | e.PreconditionError | e.NotModifiedError)
    if is_condition and (status != 409 or code in _EXISTS):
        return ConditionFailed()
    if any(host in text for host in _METADATA_HOSTS) or (not status and "credential" in text.lower()):
        return RequestFault(
            "anonymous", "no credentials were found in the environment, and this machine has no role"
        )
    if isinstance(error, e.UnauthenticatedError):
        status = 401
    if not status:
        if "Invalid range" in text:
            return RequestFault("beyond", "the object ends before")
        if "body error" in text:
            return RequestFault("cut", "the answer was cut off")
        if "invalid path" in text:
            return RequestFault("refused", _NO_NAME)
        if "redirect without LOCATION" in text:
            return explain_status(301, "PermanentRedirect")
        if "HTTP error" in text:
            return _unanswered(str(error), text)
    return explain_status(status, code)


def _unanswered(whole: str, text: str) -> RequestFault:
    """
    Args:
        whole: with what the client says for its developers.
    """
    endpoint = _endpoint_of(text)
    if "BadScheme" in whole:
        return RequestFault(
            "refused", f"{endpoint} has no TLS, which is used only where AWS_ALLOW_HTTP is true"
        )
    if "kind: Connect" in whole:
        return RequestFault("unreachable", f"no connection to {endpoint}")
    return RequestFault("unclear", f"no answer came from {endpoint}")


def _endpoint_of(text: str) -> str:
    """Host and port of the URL of a request; nothing else of it is shown."""
    match = _URL.search(text)
    return urlsplit(match[0]).netloc.rpartition("@")[2] if match else "the endpoint"


def _status_of(error: Exception) -> int:
    match = _STATUS.search(str(error))
    return int(match[1]) if match else 0


def _code_of(error: Exception) -> str:
    match = _CODE.search(str(error))
    return match[1][:40] if match else ""
