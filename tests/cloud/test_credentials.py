"""Credentials that a profile gives for a short time: they are asked for again while a run goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.credentials import RefreshableCredentials

from data_juicer.storage import open_store
from data_juicer.storage.cloud import opening
from tests.support.cloud_jobs import DEDUPLICATED, exported, local_result, put_input, run


def test_keys_are_asked_for_again_before_they_can_end() -> None:
    asked_again = opening.CREDENTIALS_TTL - timedelta(minutes=5)
    assert asked_again < timedelta(seconds=RefreshableCredentials._mandatory_refresh_timeout)


def test_credentials_of_a_profile_are_renewed_while_a_run_goes_on(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expires = (datetime.now(UTC) + timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    program = tmp_path / "give.sh"
    program.write_text(
        f"echo given >> {tmp_path}/given\n"
        "n=$(wc -l < "
        f"{tmp_path}/given)\n"
        'printf \'{"Version": 1, "AccessKeyId": "short-lived-%s", "SecretAccessKey": "s", \''
        f' "$n"\nprintf \'"SessionToken": "t", "Expiration": "{expires}"}}\'\n'
    )
    config = tmp_path / "config"
    config.write_text(f"[profile lab]\nregion = us-east-1\ncredential_process = sh {program}\n")
    places = {
        "dataset_path": put_input(bucket),
        "export_path": f"{bucket}/out/r.jsonl",
        "work_dir": str(tmp_path / "work"),
    }
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    monkeypatch.setattr(opening, "CREDENTIALS_TTL", timedelta())
    run(places, DEDUPLICATED)
    store, given = open_store(bucket), tmp_path / "given"
    store.put(f"{bucket}/first", b"")
    before = given.stat().st_size
    for _ in range(500):  # for a tenth of a second the client takes what it was given last
        store.put(f"{bucket}/next", b"")
        if given.stat().st_size > before:
            break
    assert given.stat().st_size > before, "the same store asks again"
    files = [path.read_bytes() for path in (tmp_path / "work").rglob("*") if path.is_file()]
    assert not any(b"short-lived" in data for data in files)
    monkeypatch.undo()
    assert open_store(bucket).exists(f"{bucket}/out/r.jsonl")
    assert exported(f"{bucket}/out") == local_result(tmp_path)
