"""DataJuicer's `type: remote`: locations of S3, whose credentials are the environment's."""

from __future__ import annotations

from typing import Any

import pytest

from data_juicer.config.config import load_recipe
from data_juicer.config.fingerprint import dump
from data_juicer.errors import ConfigError

SECRET = "planted-secret"


def load(**source: Any) -> Any:
    return load_recipe({"dataset": {"configs": [{"type": "remote", "source": "s3", **source}]}}, {}, {})


def test_a_remote_source_is_its_location_and_survives_the_copy_in_the_job() -> None:
    config = load(path="S3://bucket/in/*.jsonl", weight=0.5)
    assert config.sources() == ("s3://bucket/in/*.jsonl",)
    assert load_recipe(dump(config), {}, {}).dataset == config.dataset


@pytest.mark.parametrize(
    ("source", "reported"),
    [
        (
            {"path": "s3://b3/x", "source": "arxiv"},
            r"configs\[0\]\.source: .*the remote sources are s3 and huggingface",
        ),
        ({"path": "/data/x"}, r"configs\[0\]\.path: .*is no location of s3://"),
        (
            {"path": "s3://bucket/x", "aws_secret_access_key": SECRET},
            "set AWS_SECRET_ACCESS_KEY in the environment",
        ),
        (
            {"path": "s3://bucket/x", "endpoint_url": f"http://k:{SECRET}@h"},
            "set AWS_ENDPOINT_URL in the environment",
        ),
        ({"path": "s3://bucket/x", "region": "x"}, r"configs\[0\]\.region: unknown setting"),
    ],
)
def test_what_a_remote_source_cannot_be_is_refused_without_its_secrets(
    source: dict[str, Any], reported: str
) -> None:
    with pytest.raises(ConfigError, match=reported) as refusal:
        load(**source)
    assert SECRET not in str(refusal.value)


def test_credentials_of_the_export_are_the_environments_too() -> None:
    given = {"aws_access_key_id": "k", "aws_secret_access_key": SECRET}
    with pytest.raises(
        ConfigError, match="set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY in the env"
    ) as refusal:
        load_recipe({"dataset_path": "in", "export_aws_credentials": given}, {}, {})
    assert SECRET not in str(refusal.value)
    load_recipe({"dataset_path": "in", "export_aws_credentials": None}, {}, {})
