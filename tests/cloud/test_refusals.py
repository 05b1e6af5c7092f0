"""What a refusal of a store means, by its kind, status and code; nothing else of its text is shown."""

from __future__ import annotations

import pytest
from obstore import exceptions as e

from data_juicer.storage.cloud.bucket import ConditionFailed, RequestFault
from data_juicer.storage.cloud.obstore_bucket import explain

SIGNED = "Error performing PUT https://h/b/k?sig=planted - Server returned non-2xx status code: "


NO_ANSWER = "Generic S3 error: Error performing GET https://name:planted@h:99/b/k?sig=planted in 2ms - "


def text(status: int, code: str) -> str:
    return f"{SIGNED}{status} X: <Error><Code>{code}</Code></Error>"


@pytest.mark.parametrize(
    "error",
    [
        e.AlreadyExistsError(text(412, "PreconditionFailed")),
        e.AlreadyExistsError(text(409, "BlobAlreadyExists")),
        e.PreconditionError(text(412, "ConditionNotMet")),
        e.PreconditionError(text(404, "NoSuchKey")),
        e.AlreadyExistsError("Object at location a already exists"),
    ],
)
def test_an_object_that_is_not_as_it_must_be_is_an_answer(error: Exception) -> None:
    assert isinstance(explain(error), ConditionFailed)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (e.AlreadyExistsError(text(409, "ConditionalRequestConflict")), "conflict"),
        (e.GenericError(text(503, "SlowDown")), "throttled"),
        (e.GenericError(text(429, "TooManyRequests")), "throttled"),
        (e.GenericError(text(500, "InternalError")), "unavailable"),
        (e.GenericError(text(400, "ExpiredToken")), "expired"),
        (e.GenericError(text(400, "RequestTimeout")), "unavailable"),
        (e.PermissionDeniedError(text(403, "AccessDenied")), "denied"),
        (e.PermissionDeniedError(text(403, "RequestTimeTooSkewed")), "refused"),
        (e.UnauthenticatedError("no token"), "denied"),
        (e.GenericError(text(501, "NotImplemented")), "refused"),
        (e.GenericError(text(400, "AuthorizationHeaderMalformed")), "refused"),
        (e.GenericError(text(403, "InvalidAccessKeyId")), "denied"),
        (e.GenericError(f"{NO_ANSWER}HTTP error\n\nDebug source:\nkind: Connect"), "unreachable"),
        (e.GenericError(f"{NO_ANSWER}HTTP error: builder error\n\nDebug source:\nBadScheme"), "refused"),
        (e.GenericError(f"{NO_ANSWER}HTTP error: operation timed out"), "unclear"),
        (e.GenericError(f"{NO_ANSWER}Received redirect without LOCATION, this"), "refused"),
        (e.InvalidPathError('Encountered object with invalid path: Path "a//" contained'), "refused"),
        (e.GenericError(text(400, "InvalidRequest")), "refused"),
        (e.GenericError("Generic S3 error: HTTP error: error sending request"), "unclear"),
        (e.GenericError("Generic S3 error: HTTP error: request or response body error"), "cut"),
        (e.GenericError("Error performing PUT http://169.254.169.254/latest/api/token"), "anonymous"),
    ],
)
def test_a_fault_has_its_kind_and_shows_no_address(error: Exception, kind: str) -> None:
    found = explain(error)
    assert isinstance(found, RequestFault)
    assert found.kind == kind
    assert "planted" not in str(found)
    assert "://" not in str(found)
