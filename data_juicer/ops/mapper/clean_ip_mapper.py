"""Removes IP addresses."""

from __future__ import annotations

from typing import ClassVar, Final

import pyarrow as pa

from data_juicer.kernels.rows import map_part, matching
from data_juicer.ops.bases.pattern_mapper import PatternMapper

# Every match holds one of these: three numbers of an IPv4 address, or seven parts of an IPv6 one (whose digits, being
# \d, may be of any script).
_NEEDED: Final = r"[0-9]\.[0-9]{1,3}\.[0-9]|(?::[0-9a-fA-F\x{80}-\x{10FFFF}]{1,4}){7}"


class CleanIpMapper(PatternMapper):
    """IP address removal: replaces IPv4 addresses and full IPv6 addresses anywhere: `v10.20.30.400` -> `v0`.

    Args:
        pattern: a regular expression to replace instead; `r'...'` around it is dropped.
        repl: what an address is replaced with.
    """

    name: ClassVar[str] = "clean_ip_mapper"
    default_pattern: ClassVar[str] = (
        r"(?:(?:1[0-9][0-9]\.)|(?:2[0-4][0-9]\.)|(?:25[0-5]\.)|(?:[1-9][0-9]\.)|(?:[0-9]\.)){3}"
        r"(?:(?:1[0-9][0-9])|(?:2[0-4][0-9])|(?:25[0-5])|(?:[1-9][0-9])|(?:[0-9]))|"
        r"([\da-fA-F]{1,4}:){7}[\da-fA-F]{1,4}"
    )

    def __init__(self, pattern: str | None = None, repl: str = "") -> None:
        super().__init__(pattern, repl)

    def map_default(self, text: pa.Array) -> pa.Array:
        return map_part(text, matching(text, _NEEDED), self.substitution.column)
