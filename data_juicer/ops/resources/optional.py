"""Libraries that only some operators need; each is part of an extra, and imported when an operator is prepared."""

from __future__ import annotations

from importlib.util import find_spec

from data_juicer.errors import ConfigError


def need(library: str, *, operator: str, extra: str = "text") -> None:
    """Check, without importing it, that a library is installed.

    Args:
        library: the name of the module that is imported.
        operator: the operator that needs it, for the message.
        extra: the extra of this package that brings it.

    Raises: ConfigError: it is not installed; the message says what to type.
    """
    if find_spec(library) is None:
        raise ConfigError(
            f"{operator} needs {library}, which is not installed: pip install 'data-juicer[{extra}]'"
        )
