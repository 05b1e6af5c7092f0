"""Where bytes are: one contract (`base.py`), the stores that keep it, and how any process opens one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_juicer.errors import ConfigError

if TYPE_CHECKING:
    from data_juicer.storage.base import Store


def open_store(*locations: str) -> Store:
    """The store of paths and URIs, such as `/data/jobs`, `file:///data/jobs` or `s3://bucket/jobs`; of all of them at once.

    Raises: ConfigError: no store serves the scheme, or its package is not installed.
    """
    from data_juicer.storage.locations.uri import CLOUD_SCHEMES, ROUTED, scheme_of
    from data_juicer.storage.posix import PosixStore

    is_cloud = False
    for location in locations:
        scheme = scheme_of(location)
        if scheme in CLOUD_SCHEMES or location == ROUTED:
            is_cloud = True
        elif scheme not in {"", "file"}:
            raise ConfigError(
                f"{location}: no store serves {scheme}:// yet; name a path of this machine's file systems, or a location "
                "of s3://, gs:// or az://. Nothing was changed."
            )
    if not is_cloud:
        return PosixStore()
    from data_juicer.storage.locations.routed import RoutedStore

    is_alone = any(scheme_of(location) == "memory" for location in locations)
    return RoutedStore(_store_of_root, None if is_alone else ROUTED)


def serving(store: Store, *locations: str) -> Store:
    """The store, or where it is that of this machine's paths alone, one that serves these locations too. Raises: ConfigError."""
    from data_juicer.storage.locations.uri import is_cloud
    from data_juicer.storage.posix import PosixStore

    return (
        open_store(*locations) if isinstance(store, PosixStore) and any(map(is_cloud, locations)) else store
    )


def _store_of_root(root: str) -> Store:
    """Raises: ConfigError."""
    from data_juicer.storage.locations.uri import scheme_of
    from data_juicer.storage.posix import PosixStore

    scheme = scheme_of(root)
    if not scheme:
        return PosixStore()
    from data_juicer.storage.cloud.object_store import ObjectStore
    from data_juicer.storage.cloud.opening import open_bucket

    return ObjectStore(open_bucket(scheme, root.partition("://")[2]))
