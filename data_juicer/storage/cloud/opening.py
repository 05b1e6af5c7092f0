"""Which bucket a location means, and who may use it: from the environment, as other tools read it.

Keys in variables come first, then the profile that AWS_PROFILE names, then the store's own chain: roles of containers,
instances and workload identities. Nothing of it is kept by this process or written anywhere.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, Final

from data_juicer.errors import ConfigError
from data_juicer.storage.cloud import s3_parts
from data_juicer.storage.cloud.obstore_bucket import ObstoreBucket

_NO_RETRIES = {"max_retries": 0}
"""Requests are repeated by `patience.py`, which knows what became of them."""
CREDENTIALS_TTL: Final = timedelta(minutes=10)
"""What the client takes for how long keys of a profile are good. It asks again 5 minutes before that is over, and boto3 never gives keys that end
within 10 minutes where it can renew them: so none ends in use. The provider's own half an hour is longer than that."""
_MEMORY: dict[str, Any] = {}
"""Buckets of this process, by name."""


def open_bucket(scheme: str, name: str) -> ObstoreBucket:
    """Raises: ConfigError: obstore is not installed, or the environment does not say where the bucket is."""
    try:
        from obstore import store as stores
        from obstore.exceptions import BaseError
    except ImportError:
        raise ConfigError(
            f"{scheme}://{name}: object stores need an extra package. Nothing was changed. "
            "To install it: pip install 'data-juicer[cloud]'"
        ) from None
    if scheme == "memory":
        memory = _MEMORY.setdefault(name, stores.MemoryStore())
        return ObstoreBucket(scheme, name, memory, memory)
    make: Any = {"s3": stores.S3Store, "gs": stores.GCSStore, "az": stores.AzureStore}[scheme]
    options = _profile_options() if scheme == "s3" else {}
    try:
        return ObstoreBucket(
            scheme,
            name,
            make(name, retry_config=_NO_RETRIES, **options),
            make(name, **options),
            names_uploads=scheme == "s3" and s3_parts.is_installed(),
        )
    except BaseError as error:
        detail = str(error).partition("\n")[0].rpartition(": ")[2]
        raise ConfigError(
            f"{scheme}://{name}: the environment does not say how to reach it: {detail}. Nothing was changed; "
            "docs/storage.md names the variables."
        ) from None


def _profile_options() -> dict[str, Any]:
    """Credentials of a profile, where the environment holds no key and names a profile or one was set up.

    Raises: ConfigError: boto3, which reads profiles, is not installed, or the profile cannot be read.
    """
    environ = os.environ
    if environ.get("AWS_ACCESS_KEY_ID") or environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return {}
    given = environ.get("AWS_PROFILE") or environ.get("AWS_SHARED_CREDENTIALS_FILE")
    files = [
        environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials",
        environ.get("AWS_CONFIG_FILE") or "~/.aws/config",
    ]
    if not given and not any(os.path.exists(os.path.expanduser(file)) for file in files):
        return {}
    try:
        import boto3
        from obstore.auth.boto3 import Boto3CredentialProvider

        session = boto3.Session()
        options = {"credential_provider": Boto3CredentialProvider(session, ttl=CREDENTIALS_TTL)}
        return options | ({"region": session.region_name} if session.region_name else {})
    except ImportError:
        raise ConfigError(
            "AWS profiles are read by boto3, which is not installed: pip install boto3. Nothing was changed."
        ) from None
    except Exception as error:  # whatever botocore finds wrong with the files
        raise ConfigError(f"AWS profile: {str(error).splitlines()[0][:200]}. Nothing was changed.") from None
