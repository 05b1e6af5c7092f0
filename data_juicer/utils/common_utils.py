"""Small helpers that operators written for DataJuicer import."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def stats_to_number(s: Any, reverse: bool = True) -> float:
    """A value as a number, as `number_of` says.

    Returns: a number that sorts last where there is none: the lowest with `reverse`, else the highest.
    """
    number = number_of(s)
    return number if number is not None else float(-sys.maxsize if reverse else sys.maxsize)


def number_of(value: Any) -> float | None:
    """A value as a number: of a list the mean, of a text what it says; None where it is none, or NaN."""
    try:
        if isinstance(value, str | int):
            number = float(value)
        elif value is None or (isinstance(value, list) and not value):
            return None
        else:
            import numpy as np

            number = float(np.asarray(value).mean())
    except OverflowError:  # an integer of over 300 digits
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        return None
    return None if math.isnan(number) else number


def dict_to_hash(input_dict: Mapping[str, Any], hash_length: int | None = None) -> str:
    """SHA-256 in hex of the sorted items of a dict, or its first digits."""
    digest = hashlib.sha256(str(sorted(input_dict.items())).encode()).hexdigest()
    return digest[:hash_length] if hash_length else digest


def nested_access(data: Any, path: str, digit_allowed: bool = True) -> Any:
    """What is at a path with dots, such as `meta.tags.0`; None where nothing does."""
    for key in path.split("."):
        try:
            data = data[int(key) if digit_allowed and key.isdigit() else key]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def is_string_list(var: Any) -> bool:
    return isinstance(var, list) and all(isinstance(item, str) for item in var)


def is_float(s: Any) -> bool:
    """Whether it can be read as a number."""
    try:
        float(s)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def avg_split_string_list_under_limit(
    str_list: Sequence[str], token_nums: Sequence[int], max_token_num: int | None = None
) -> list[list[str]]:
    """The texts in as few consecutive lists as their tokens allow, about as many tokens in each.

    Args:
        token_nums: tokens of each text.
        max_token_num: of a list, which holds more only where one text has more; None: no bound.
    """
    total = sum(token_nums)
    if max_token_num is None or len(str_list) != len(token_nums) or total <= max_token_num:
        return [list(str_list)]
    share = total / (total // max_token_num + 1)
    lists: list[list[str]] = []
    batch: list[str] = []
    tokens = 0
    for text, count in zip(str_list, token_nums, strict=True):
        if batch and tokens + count > max_token_num:
            lists.append(batch)
            batch, tokens = [], 0
        batch.append(text)
        tokens += count
        if tokens > share:
            lists.append(batch)
            batch, tokens = [], 0
    return [*lists, batch] if batch else lists
