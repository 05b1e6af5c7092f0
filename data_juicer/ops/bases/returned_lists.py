"""What a function of the user's gives back for several rows at once: a dict of lists. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def returned_lists(what: str, returned: Any) -> dict[str, list[Any]]:
    """The columns that the function gave, as lists of one length.

    Args:
        what: names the function at the beginning of an error.
    Raises: ValueError: it gave something else; which row is to blame is not known.
    """
    if not isinstance(returned, Mapping):
        raise ValueError(  # noqa: TRY004 - the rows are to blame as much
            f"{what} must return a dict of lists; it returned {returned!r:.80}"
        )
    for key, column in returned.items():
        if not isinstance(column, Iterable) or isinstance(column, str | bytes | Mapping):
            raise ValueError(  # noqa: TRY004
                f"{what} must return a dict of lists; field {key!r} is {type(column).__name__}, no list"
            )
    columns = {key: list(column) for key, column in returned.items()}
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(f"{key!r} {len(column)}" for key, column in list(columns.items())[:5])
        raise ValueError(f"{what} returned lists of different lengths: {lengths}")
    return columns
