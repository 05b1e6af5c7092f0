"""Objects of S3 that are put in parts, sent by boto3: it names the upload, so that another process can end what this one left.

The client of all other requests keeps the name to itself, and has no condition for the completion.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import Any, Final

from data_juicer.storage.cloud.bucket import ABSENT, ConditionFailed, RequestFault
from data_juicer.storage.cloud.faults import explain_status
from data_juicer.storage.files import Data

TOKEN: Final = "djtoken"  # noqa: S105 - the name of a field of an object


class S3Parts:
    """One object on its way, and the requests about such objects."""

    def __init__(self, client: S3Client, key: str, token: str) -> None:
        self._client = client
        self._key = key
        self._parts: list[dict[str, Any]] = []
        made = client.send("create_multipart_upload", Key=key, Metadata={TOKEN: token})
        self.upload_id: str = made["UploadId"]

    def put_part(self, data: Data) -> None:
        number = len(self._parts) + 1
        sent = self._client.send(
            "upload_part", Key=self._key, UploadId=self.upload_id, PartNumber=number, Body=bytes(data)
        )
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})

    def complete(self, condition: str | None) -> None:
        wanted: dict[str, str] = {}
        if condition is not None:
            wanted = {"IfNoneMatch": "*"} if condition == ABSENT else {"IfMatch": condition}
        self._client.send(
            "complete_multipart_upload",
            Key=self._key,
            UploadId=self.upload_id,
            MultipartUpload={"Parts": self._parts},
            **wanted,
        )

    def abort(self) -> None:
        self._client.abort(self._key, self.upload_id)


class S3Client:
    """Requests to one bucket, each sent once."""

    def __init__(self, bucket: str, count: Callable[[int], None]) -> None:
        """
        Args:
            count: is called with each request.
        """
        self._bucket = bucket
        self._count = count
        self._client: Any = None

    def abort(self, key: str, upload_id: str) -> None:
        """No error where there is no such upload any more. Raises: RequestFault."""
        try:
            self.send("abort_multipart_upload", Key=key, UploadId=upload_id)
        except FileNotFoundError:
            return

    def uploads(self, key: str) -> Iterator[str]:
        """Those of this key, page by page. Raises: RequestFault."""
        after: dict[str, str] = {}
        while True:
            page = self.send("list_multipart_uploads", Prefix=key, **after)
            yield from (each["UploadId"] for each in page.get("Uploads", ()) if each["Key"] == key)
            if not page.get("IsTruncated"):
                return
            after = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    def send(self, name: str, **arguments: Any) -> Any:
        """Raises: RequestFault, ConditionFailed; FileNotFoundError: there is no such upload."""
        from botocore import exceptions

        self._count(1)
        try:
            return getattr(self._connected(), name)(Bucket=self._bucket, **arguments)
        except exceptions.ClientError as error:
            raise _explain(error, arguments.get("Key", "")) from None
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
            raise RequestFault("anonymous", "no credentials were found in the environment") from None
        except exceptions.EndpointConnectionError:
            raise RequestFault("unreachable", "no connection to the endpoint") from None
        except exceptions.BotoCoreError:
            raise RequestFault("unclear", "no answer came") from None

    def _connected(self) -> Any:
        if self._client is None:
            import boto3
            from botocore.config import Config

            # As the other client reads the environment: it knows AWS_REGION, and names buckets in the path of an endpoint.
            is_path = os.environ.get("AWS_ENDPOINT_URL") and not os.environ.get(
                "AWS_VIRTUAL_HOSTED_STYLE_REQUEST"
            )
            config = Config(
                retries={"total_max_attempts": 1},
                request_checksum_calculation="when_required",
                s3={"addressing_style": "path" if is_path else "auto"},
            )
            self._client = boto3.client("s3", region_name=os.environ.get("AWS_REGION"), config=config)
        return self._client


def is_installed() -> bool:
    """Whether boto3 is."""
    return importlib.util.find_spec("boto3") is not None


def _explain(error: Any, key: str) -> RequestFault | ConditionFailed | FileNotFoundError:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(error.response.get("Error", {}).get("Code", ""))[:40]
    if code == "NoSuchUpload":
        return FileNotFoundError(2, "No such upload", key)
    if status == 412 or code == "PreconditionFailed":
        return ConditionFailed()
    return explain_status(status, code)
