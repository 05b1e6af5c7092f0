r"""Personal data and secrets in texts, recognised by their form.

Each rule has a guard for RE2, which finds at least the rows where the rule's own expression matches. Guards write
Unicode digits as \p{Nd} and put [^!-~] where the expression has white space of any kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from data_juicer.kernels.patterns.timed import TimedPattern
from data_juicer.kernels.rows import map_part, map_rows, matching

_SPACE: Final = (
    "\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # what white space is to Python
)
_BEFORE_PATH: Final = rf"(^|[{_SPACE}\"'(\[=])"
_IN_PATH: Final = rf"[^{_SPACE}\"')\]]"
_BASE64: Final = "[A-Za-z0-9_=-]+"
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|[01]?\d\d?)"
_DIGIT_GUARD: Final = r"[^\x00-/:-\x7f]"  # also any character that may be a digit to Python, but not to RE2
_CONFIDENTIAL: Final = (
    "api[_-]?key|apikey|secret|password|passwd|token|auth|authorization|credential|license[_-]?key"
)


class Rule(msgspec.Struct, frozen=True):
    """What to replace; group 1, where there is one, stays."""

    guard: str
    """Empty for a rule out of a recipe, whose expression nobody has looked at: it gets a limit of time."""
    pattern: str
    everywhere: bool = False
    """Whether the expression means the same to RE2, which then does the replacing."""

    def redact(self, text: pa.Array, replacement: str) -> pa.Array:
        """The column with every match replaced: large_string, shape (rows,)."""
        needed = matching(text, self.guard)
        pattern = re.compile(self.pattern) if self.guard else TimedPattern(self.pattern, "")
        if self.everywhere:
            kept = r"\1" if pattern.groups else ""
            template = kept + replacement.replace("\\", r"\\")
            return map_part(
                text, needed, lambda part: pc.replace_substring_regex(part, self.pattern, template)
            )

        def replaced(match: Any) -> str:
            return (match[1] if pattern.groups else "") + replacement

        return map_rows(text, needed, lambda row: pattern.sub(replaced, row))


class _Emails(Rule, frozen=True):
    """Addresses, found from their @ on, since the expression alone takes quadratic time on a long run of letters."""

    def redact(self, text: pa.Array, replacement: str) -> pa.Array:
        behind_at = re.compile(self.pattern)

        def replaced(row: str) -> str:
            parts, done = [], 0
            at = row.find("@")
            while at >= 0:
                start = _local_part(row, done, at)
                match = behind_at.match(row, at) if start < at else None
                if match:
                    parts += [row[done:start], replacement]
                    done = match.end()
                at = row.find("@", max(at + 1, done))
            return "".join([*parts, row[done:]])

        return map_rows(text, matching(text, self.guard), replaced)


def _local_part(text: str, start: int, at: int) -> int:
    """Where the name before an @ starts, not before `start`; `at` where there is none."""
    run = at
    while run > start and (text[run - 1].isalnum() or text[run - 1] in "_.+-"):
        run -= 1
    while run < at and not (text[run].isascii() and text[run].isalnum()):
        run += 1
    return run


PEM: Final = (
    Rule("-----BEGIN ", r"(?s:-----BEGIN [A-Z0-9 -]+-----.*?-----END [A-Z0-9 -]+-----)", everywhere=True),
)
JWT: Final = (Rule(r"eyJ[\w=-]+\.", rf"\beyJ{_BASE64}\.{_BASE64}\.{_BASE64}\b"),)
URL: Final = (Rule("https?://", rf"https?://[^{_SPACE}\"'<>]+", everywhere=True),)
PATH: Final = (
    Rule(
        "/(?:User|home|tmp|etc|var|opt|Applications)",
        rf"{_BEFORE_PATH}/(?:Users?|home|tmp|etc|var|opt|Applications){_IN_PATH}*",
        everywhere=True,
    ),
    Rule(r"[A-Za-z]:\\", rf"{_BEFORE_PATH}[A-Za-z]:\\{_IN_PATH}*", everywhere=True),
    Rule(r"\\\\", rf"{_BEFORE_PATH}\\\\{_IN_PATH}+", everywhere=True),
)
EMAIL: Final = (_Emails("@", r"@[\w.-]+\.(?:[a-zA-Z]{2,}|\w{2,})"),)
SECRET: Final = (
    Rule(
        rf"(?i)(?:{_CONFIDENTIAL})[^!-~]*[:=]", rf"(?i)(\b(?:{_CONFIDENTIAL})\s*[:=]\s*[\"']?)[^\s\"',}}\]]+"
    ),
)
ID: Final = (
    Rule(
        r"(?i)(?:session|user|request|trace)[_-]?id[^!-~]*[:=]",
        r"(?i)\b((?:session|user|request|trace)[_-]?id)\s*[:=]\s*[\"']?[\w.-]+",
    ),
)
CHANNEL: Final = (
    Rule(
        r"(?i)channel",
        r"(?i)(\bchannel\s*[:=]\s*[\"']?|当前的\s*channel\s*[:：]\s*)"
        r"(?:feishu|dingtalk|wecom|wechat_work|email|mail|飞书|钉钉|企业微信|邮箱)\b",
    ),
)
OPEN_ID: Final = (
    Rule("(?i)ou_[0-9a-f]{32}", r"(?i)\bou_[0-9a-f]{32}\b"),
    Rule("u(?:id)?_[0-9a-zA-Z_-]{16}", r"\b(?:ou_|u_|uid_)[0-9a-zA-Z_-]{16,64}\b"),
)
PHONE: Final = (
    Rule(r"1[3-9]\p{Nd}{9}", r"\b1[3-9]\d{9}\b"),
    Rule(r"\+\p{Nd}{1,4}(?:[-.]|[^!-~])?\p{Nd}{6}", r"\+\d{1,4}[-.\s]?\d{6,14}\b"),
)
ID_CARD: Final = (
    Rule(
        r"[1-9]\p{Nd}{5}(?:19|20)\p{Nd}{2}",
        r"\b[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]\b",
    ),
)
IP: Final = (
    Rule(
        rf"{_DIGIT_GUARD}\.{_DIGIT_GUARD}{{1,3}}\.{_DIGIT_GUARD}{{1,3}}\.{_DIGIT_GUARD}",
        rf"(?<![0-9.])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9])",
    ),
    Rule(r"\[[0-9A-Fa-f:.]{3,}\]", r"\[[0-9A-Fa-f:.]{3,}\](?::\d{1,5})?\b"),
)
MAC: Final = (
    Rule("(?:[0-9A-Fa-f]{2}[:-]){5}", r"(?<![0-9A-Fa-f:])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b"),
)


def redact(text: pa.Array, rules: Sequence[tuple[Rule, str]]) -> pa.Array:
    """The column with each rule applied in order, with its replacement; only rows that some guard holds are looked at.

    Args:
        text: large_string, shape (rows,), no nulls; the result is of the same form.
    """
    if not rules:
        return text
    any_guard = "|".join(f"(?:{guard})" for guard in dict.fromkeys(rule.guard for rule, _ in rules))

    def redacted(part: pa.Array) -> pa.Array:
        for rule, replacement in rules:
            part = rule.redact(part, replacement)
        return part

    return map_part(text, matching(text, any_guard), redacted)
