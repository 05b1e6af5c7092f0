"""What a refusal of an object store means, and what is said to people about it. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from data_juicer.errors import COMMITTED_IS_SAFE, StoreError
from data_juicer.storage.cloud.bucket import FaultKind, RequestFault

_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
)
_ELSEWHERE: Final = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)
_BY_CODE: Final[dict[str, tuple[FaultKind, str]]] = {
    **dict.fromkeys(_EXPIRED, ("expired", "the credentials have expired")),
    "RequestTimeTooSkewed": ("refused", "the clock of this machine is wrong"),
    "InvalidAccessKeyId": ("denied", "it does not know this access key"),
    "SignatureDoesNotMatch": ("denied", "the secret does not belong to the access key"),
    **dict.fromkeys(_ELSEWHERE, ("refused", "the bucket is in another region than the one that is set")),
    "InvalidObjectState": ("refused", "the object is in an archive; restore it first"),
    "NotImplemented": (
        "refused",
        "it does not know this request; docs/storage.md names what a server must know",
    ),
    "NoSuchBucket": ("refused", "there is no such bucket"),
    "ContainerNotFound": ("refused", "there is no such container"),
    "SlowDown": ("throttled", "it asks for fewer requests"),
    "RequestTimeout": ("unavailable", "it has a fault of its own"),
    "InternalError": ("unavailable", "it has a fault of its own"),
}
_BY_STATUS: Final[dict[int, tuple[FaultKind, str]]] = {
    401: ("denied", "access was denied"),
    403: ("denied", "access was denied"),
    409: ("conflict", "another request was under way"),
    416: ("beyond", "the object ends before"),
    429: ("throttled", "it asks for fewer requests"),
    503: ("throttled", "it asks for fewer requests"),
}
_LATER: Final = "Start the job again when the store answers."
_REMEDIES: Final[dict[FaultKind, str]] = {
    "expired": "Renew the credentials and start the job again.",
    "anonymous": "Set the variables that docs/storage.md names and start the job again.",
    "denied": "Set the permissions that docs/storage.md names and start the job again.",
    "refused": "Set that right and start the job again.",
    "unreachable": "See whether the endpoint is right, and start the job again when it answers.",
}


def explain_status(status: int, code: str) -> RequestFault:
    """
    Args:
        status: of HTTP; 0 where there was none.
        code: such as SlowDown; empty where there was none.
    """
    unknown: tuple[FaultKind, str] = ("refused", "the request was refused")
    if status >= 500:
        unknown = ("unavailable", "it has a fault of its own")
    kind, found = _BY_CODE.get(code) or _BY_STATUS.get(status) or unknown
    status_text = " ".join(word for word in (str(status or ""), code) if word)
    return RequestFault(kind, f"{found} ({status_text})" if status_text else found)


@contextlib.contextmanager
def translate_faults(doing: str, path: str) -> Iterator[None]:
    """Faults of requests as errors for people. Raises: StoreError."""
    try:
        yield
    except RequestFault as fault:
        remedy = _REMEDIES.get(fault.kind, _LATER)
        raise StoreError(
            f"{path}: {doing} failed: {fault}.",
            f"{COMMITTED_IS_SAFE}. {remedy}",
            reason=str(fault),
            remedy=remedy,
        ) from None


def changed_meanwhile(path: str, how: str) -> StoreError:
    """The error of a file that was "removed" or "replaced" between two requests for parts of it."""
    found, remedy = (
        f"it was {how} while it was read",
        "Start the job again: what has changed is processed anew.",
    )
    return StoreError(
        f"{path}: reading failed: {found}.",
        f"{COMMITTED_IS_SAFE}. {remedy}",
        reason=found,
        remedy=remedy,
    )
