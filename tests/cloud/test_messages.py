"""What people are told whose store, credentials or names are wrong: a line that says what to do, before anything is created."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.errors import DataJuicerError
from data_juicer.storage import open_store
from data_juicer.testing.clock import ManualClock
from data_juicer.testing.object_model import Precondition
from tests.support.cloud_jobs import DEDUPLICATED, put_input, run
from tests.support.flaky_proxy import flaky_proxy
from tests.support.model_jobs import model_job, new_model
from tests.support.model_jobs import run as run_on_model
from tests.support.s3_server import S3Server


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between two tries."""
    monkeypatch.setattr("data_juicer.storage.cloud.patience.SystemClock", ManualClock)


def refusal(bucket: str, tmp_path: Path, **places: str) -> str:
    """What is said of a job; a line."""
    given = {
        "dataset_path": f"{bucket}/in",
        "export_path": f"{bucket}/out/r.jsonl",
        "work_dir": str(tmp_path / "work"),
        **places,
    }
    with pytest.raises(DataJuicerError) as error:
        run(given, DEDUPLICATED[:1])
    assert "\n" not in str(error.value)
    assert not (tmp_path / "work").exists()
    return str(error.value)


REFUSED = [
    (403, "AccessDenied", "access was denied", "Set the permissions that docs/storage.md names"),
    (403, "InvalidAccessKeyId", "it does not know this access key", "Set the permissions"),
    (403, "SignatureDoesNotMatch", "the secret does not belong to the access key", "Set the permissions"),
    (301, "PermanentRedirect", "the bucket is in another region than the one that is set", "Set that right"),
    (
        400,
        "AuthorizationHeaderMalformed",
        "the bucket is in another region than the one that is set",
        "Set that right",
    ),
    (400, "ExpiredToken", "the credentials have expired", "Renew the credentials"),
    (404, "NoSuchBucket", "there is no such bucket", "Set that right"),
]


@pytest.mark.parametrize(
    ("status", "code", "found", "remedy"), REFUSED, ids=[code for _, code, _, _ in REFUSED]
)
def test_a_refusal_says_what_to_do(
    server: S3Server,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    found: str,
    remedy: str,
) -> None:
    def script(method: str, path: str) -> tuple[int, str]:
        return status, code

    with flaky_proxy((server.host, server.port), 0.0, 1, script) as (address, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        said = refusal(bucket, tmp_path)
    assert f"{found} ({status} {code}). Nothing was changed. {remedy}" in said


def test_a_store_that_takes_no_writes_is_found_before_the_first_row(
    server: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_input(bucket)

    def read_only(method: str, path: str) -> tuple[int, str] | None:
        return None if method in {"GET", "HEAD"} else (403, "AccessDenied")

    with flaky_proxy((server.host, server.port), 0.0, 1, read_only) as (address, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        said = refusal(bucket, tmp_path)
    assert f"{bucket}/out/r.jsonl: writing failed: access was denied (403 AccessDenied). No row" in said


@pytest.mark.usefixtures("quick")
def test_an_endpoint_where_nobody_answers_is_named(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert "no connection to 127.0.0.1:1. Nothing was changed. See whether the endpoint" in refusal(
        bucket, tmp_path
    )
    monkeypatch.setenv("AWS_ALLOW_HTTP", "false")
    assert "used only where AWS_ALLOW_HTTP is true. Nothing was changed. Set that right" in refusal(
        bucket, tmp_path
    )


def test_names_that_cannot_be_read_are_explained(server: S3Server, bucket: str, tmp_path: Path) -> None:
    import boto3

    boto3.client("s3").put_object(Bucket=bucket.removeprefix("s3://"), Key="in/a/../b.jsonl", Body=b"{}")
    assert "has an empty part, `.` or `..`, which is not read; rename that object" in refusal(
        bucket, tmp_path
    )


def test_names_with_blanks_signs_and_other_letters_are_read(bucket: str, tmp_path: Path) -> None:
    store = open_store(bucket)
    names = ["with space é ü.jsonl", "100%25 # ? +&.jsonl", "日本 [1].jsonl", "a=b;c,d'e.jsonl"]
    for name in names:
        store.put(f"{bucket}/in/{name}", b'{"text":"plain words"}\n')
    places = {
        "dataset_path": f"{bucket}/in",
        "export_path": f"{bucket}/out/ü 1.jsonl",
        "work_dir": f"{bucket}/w w",
    }
    run(places, DEDUPLICATED[:1])
    assert store.read(f"{bucket}/out/ü 1.jsonl").count(b"\n") == len(names)
    assert run(places, DEDUPLICATED[:1]).already_complete


@pytest.mark.parametrize("ignored", ["absent", "version"])
def test_a_store_that_ignores_what_a_put_demands_is_refused(ignored: Precondition) -> None:
    with pytest.raises(DataJuicerError, match="this store replaces objects whatever a put demands"):
        run_on_model(new_model(ignores=frozenset({ignored})), model_job())
