"""What must not be written down or shown: values of settings that are named like secrets, and credentials in addresses.

Settings are redacted by their names where they are stored. Texts that come from elsewhere, messages of exceptions above
all, are searched for the secrets that this process was given: `know` registers them, `hide` takes them out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

REDACTED: Final = "***"
SECRET_PREFIX: Final = "DJ_SECRET_"  # noqa: S105 - the beginning of a name
"""Of variables that stand for a secret that was written into a recipe or a command."""
VALUE_LENGTH_MIN: Final = 6
"""A shorter secret is not searched for in texts: too many words would be taken out that are none."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


_SECRET_WORDS: Final = _words(
    "apikey apikeys credential credentials passphrase passwd password passwords pwd secret secrets"
)
_NO_TOKEN_BEFORE: Final = _words(
    "audio begin bos cls end eos image mask max min num pad sep special stop text total unk video word"
)
_NO_KEY_BEFORE: Final = _words(
    "answer audio caption choices chunk column context data dict dominant dst entity event field file group hash history",
    "id image index input json label lang message messages meta metadata output primary prompt query question reference",
    "response row sample schema sort source src stat stats suffix summary support system tag tags target text topic union",
    "url usage video",
)
"""Words in front of `key` in names of fields, which parameters of operators name."""
_SECRET_KEYS: Final = _words("access api auth encryption private secret signing")
"""Words in front of `keys`."""
_NO_SECRET_BEHIND: Final = _words(
    "count dir env file format id length mode name names num path pattern replacement size type url"
)
"""Last words of names that say where a secret is, how many, or what stands for it."""

_USER_INFO: Final = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://)([^\s/@?#'\"]+)@")
_QUERY: Final = re.compile(
    r"([?&](?:[\w-]*(?:api_?key|token|secret|password|signature|credential)|key|sig)=)([^&\s#'\"]+)",
    re.IGNORECASE,
)

_known: set[str] = set()


def is_secret_name(name: str) -> bool:
    """Whether a setting or parameter of this name holds a secret: `api_key`, `hf_token`, `dbPassword`; not `text_key`."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _NO_SECRET_BEHIND:
        return False
    if _SECRET_WORDS & set(words):
        return True
    *before, last = ["", *words]
    return (
        (last == "key" and before[-1] not in _NO_KEY_BEFORE)
        or (last in {"token", "tokens"} and before[-1] not in _NO_TOKEN_BEFORE)
        or (last == "keys" and before[-1] in _SECRET_KEYS)
    )


def find_secrets(
    value: Any, path: tuple[str, ...] = (), *, is_secret: bool = False
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path and text of every secret in plain values: texts below a secret name, and addresses with credentials."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from find_secrets(
                inner, (*path, str(name)), is_secret=is_secret or is_secret_name(str(name))
            )
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from find_secrets(inner, (*path, str(index)), is_secret=is_secret)
    elif isinstance(value, str) and value and (is_secret or hide_addresses(value) != value):
        yield path, value


def redact(value: Any, *, is_secret: bool = False) -> Any:
    """Plain values with `***` for every secret, and addresses without their credentials."""
    if isinstance(value, Mapping):
        return {
            name: redact(inner, is_secret=is_secret or is_secret_name(str(name)))
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(inner, is_secret=is_secret) for inner in value]
    if isinstance(value, str):
        return (REDACTED if value else value) if is_secret else hide_addresses(value)
    return value


def hide_addresses(text: str) -> str:
    """The text with `***` for user and password of every address, and for parameters of addresses that are secrets."""
    if "://" in text:
        text = _USER_INFO.sub(rf"\1{REDACTED}@", text)
    if "=" in text:
        text = _QUERY.sub(rf"\1{REDACTED}", text)
    return text


def know(values: Iterable[str]) -> None:
    """Remember secrets of this process, of addresses their credentials, so that `hide` finds them in any text."""
    for value in values:
        parts = [value]
        if hide_addresses(value) != value:
            parts = [part for match in _USER_INFO.finditer(value) for part in match[2].split(":", 1)]
            parts += [match[2] for match in _QUERY.finditer(value)]
        _known.update(part for part in parts if len(part) >= VALUE_LENGTH_MIN)


def hide(text: str) -> str:
    """The text without secrets that this process knows, and without credentials of addresses."""
    for value in _by_length():
        if value in text:
            text = text.replace(value, REDACTED)
    return hide_addresses(text)


def hide_json(data: bytes) -> bytes:
    """Encoded JSON without secrets that this process knows in any of its texts."""
    if not _known:  # the usual case, asked for each event
        return data
    import json

    for value in _by_length():
        for ascii_only in (False, True):
            encoded = json.dumps(value, ensure_ascii=ascii_only)[1:-1].encode("utf-8", "surrogatepass")
            if encoded in data:
                data = data.replace(encoded, REDACTED.encode())
    return data


def _by_length() -> list[str]:
    """The longest first: one secret may be a part of another."""
    return sorted(_known, key=len, reverse=True)
