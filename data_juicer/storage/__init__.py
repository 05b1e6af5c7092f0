"""Where bytes are: one contract (`base.py`), the stores that keep it, and how any process opens one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_juicer.errors import ConfigError

if TYPE_CHECKING:
    from data_juicer.storage.base import Store


def open_store(location: str) -> Store:
    """The store of a path or a URI, such as `/data/jobs` or `file:///data/jobs`.

    Raises: ConfigError: no store serves the scheme.
    """
    from data_juicer.storage.posix import PosixStore

    scheme, marks, _ = location.partition("://")
    if not marks or scheme.lower() == "file":
        return PosixStore()
    raise ConfigError(
        f"{location}: no store serves {scheme}:// yet; name a path of this machine's file systems. Nothing was changed."
    )
