"""What the status and the code of a refusal mean. Pure."""

from __future__ import annotations

from typing import Final

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
