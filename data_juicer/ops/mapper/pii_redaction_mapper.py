"""Personal data and secrets, replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow as pa

from data_juicer.kernels.patterns.timed import TimedPattern
from data_juicer.ops.base import Mapper
from data_juicer.ops.mapper import _pii as pii
from data_juicer.rows import json_values

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch

Slot = tuple[Any, Any]
"""A dict or list, and the key or place in it where a text is."""

_VALUE_KEYS: Final = ("file_path", "path", "file", "arguments", "file_paths")
_TELLING: Final = tuple(f'"{key}"'.encode() for key in _VALUE_KEYS)


class PiiRedactionMapper(Mapper):
    """PII and secret redaction: replaces paths, addresses, personal numbers, secrets and identifiers with placeholders.

    They are recognised by their form: in the texts, messages and dialogues under `redact_keys`, and, anywhere in a row, in
    strings of lists and under file_path, path, file, arguments and file_paths.

    Example: mail kim@example.org -> mail [EMAIL_REDACTED]

    Args:
        mask_paths: paths below common Unix folders, of Windows drives and shares.
        mask_emails: e-mail addresses.
        mask_secrets: what follows words such as api_key, password or token and a colon or equals sign.
        mask_ids: identifiers of sessions, users, requests and traces, with their separator.
        mask_phones: Chinese mobile numbers and international numbers.
        mask_id_cards: Chinese identity card numbers.
        mask_channel_ids: names of channels an agent speaks through.
        mask_platform_open_ids: open ids of Feishu, DingTalk and WeCom.
        mask_pem: PEM blocks.
        mask_jwt: JSON web tokens.
        mask_urls: addresses of web pages.
        mask_ips: IPv4 addresses, and addresses in brackets with their port, or with a letter or digit after them.
        mask_macs: hardware addresses.
        path_replacement: what replaces a path.
        email_replacement: see above.
        secret_replacement: see above.
        id_replacement: see above.
        phone_replacement: see above.
        id_card_replacement: see above.
        channel_id_replacement: for channels and open ids.
        pem_replacement: see above.
        jwt_replacement: see above.
        url_replacement: see above.
        ip_replacement: see above.
        mac_replacement: see above.
        extra_patterns: pairs of a regular expression of Python's `re` and what replaces its matches.
        redact_keys: fields to work on; by default the text, query, response, dialog_history and messages.
        messages_key: which of them holds messages.
        only_redact_keys: leave all other fields alone.
    """

    name: ClassVar[str] = "pii_redaction_mapper"
    version: ClassVar[int] = 3

    def __init__(
        self,
        mask_paths: bool = True,
        mask_emails: bool = True,
        mask_secrets: bool = True,
        mask_ids: bool = True,
        mask_phones: bool = True,
        mask_id_cards: bool = True,
        mask_channel_ids: bool = True,
        mask_platform_open_ids: bool = True,
        mask_pem: bool = True,
        mask_jwt: bool = True,
        mask_urls: bool = False,
        mask_ips: bool = True,
        mask_macs: bool = True,
        path_replacement: str = "[PATH_REDACTED]",
        email_replacement: str = "[EMAIL_REDACTED]",
        secret_replacement: str = "[REDACTED]",  # noqa: S107 - what replaces one
        id_replacement: str = "[ID_REDACTED]",
        phone_replacement: str = "[PHONE_REDACTED]",
        id_card_replacement: str = "[ID_CARD_REDACTED]",
        channel_id_replacement: str = "[CHANNEL_ID_REDACTED]",
        pem_replacement: str = "[PEM_REDACTED]",
        jwt_replacement: str = "[JWT_REDACTED]",
        url_replacement: str = "[URL_REDACTED]",
        ip_replacement: str = "[IP_REDACTED]",
        mac_replacement: str = "[MAC_REDACTED]",
        extra_patterns: list[tuple[str, str]] | None = None,
        text_key: str = "text",
        redact_keys: list[str] | None = None,
        messages_key: str | None = "messages",
        only_redact_keys: bool = False,
    ) -> None:
        self.text_key = text_key
        chosen = (
            (mask_pem, pii.PEM, pem_replacement),
            (mask_jwt, pii.JWT, jwt_replacement),
            (mask_urls, pii.URL, url_replacement),
            (mask_paths, pii.PATH, path_replacement),
            (mask_emails, pii.EMAIL, email_replacement),
            (mask_secrets, pii.SECRET, secret_replacement),
            (mask_ids, pii.ID, id_replacement),
            (mask_channel_ids, pii.CHANNEL, channel_id_replacement),
            (mask_platform_open_ids, pii.OPEN_ID, channel_id_replacement),
            (mask_phones, pii.PHONE, phone_replacement),
            (mask_id_cards, pii.ID_CARD, id_card_replacement),
            (mask_ips, pii.IP, ip_replacement),
            (mask_macs, pii.MAC, mac_replacement),
        )
        self.rules = [(rule, replacement) for on, rules, replacement in chosen if on for rule in rules]
        self.rules += [(_extra(pattern), replacement) for pattern, replacement in extra_patterns or []]
        self.redact_keys = (
            [text_key, "query", "response", "dialog_history", "messages"]
            if redact_keys is None
            else redact_keys
        )
        self.messages_key = messages_key
        self.only_redact_keys = only_redact_keys

    def text_keys_read(self) -> tuple[str, ...]:
        return ()  # every field is optional

    def process(self, batch: Batch) -> Batch:
        columns = [key for key in self.redact_keys if _is_text(batch, key)]
        for key in columns:
            batch = batch.with_text(key, pii.redact(batch.text(key), self.rules))
        return self._redact_fields(batch, frozenset(columns))

    def _redact_fields(self, batch: Batch, done: frozenset[str]) -> Batch:
        """The fields of all rows but those that are done; their texts are redacted as one column."""
        raw = [batch.raw_row(row) for row in range(len(batch))]
        rows = [
            {
                key: json_values.decode(value)
                for key, value in fields.items()
                if key not in done and self._may_hold(key, value)
            }
            for fields in raw
        ]
        slots = [slot for row in rows for slot in self._slots(row)]
        texts = pa.array([holder[place] for holder, place in slots], pa.large_string())
        for (holder, place), text in zip(slots, pii.redact(texts, self.rules).to_pylist(), strict=True):
            holder[place] = text
        for key in dict.fromkeys(key for row in rows for key in row):
            before = [fields.get(key) for fields in raw]
            after = [_encoded(row, key, value) for row, value in zip(rows, before, strict=True)]
            if after != before:
                batch = batch.with_raw(key, pa.array(after, pa.large_binary()))
        return batch

    def _may_hold(self, key: str, raw: bytes) -> bool:
        if key in self.redact_keys:
            return True
        if self.only_redact_keys:
            return False
        return key in _VALUE_KEYS or b"[" in raw or any(name in raw for name in _TELLING)

    def _slots(self, row: dict[str, Any]) -> list[Slot]:
        """The texts of a row that are looked at, each once."""
        found = [slot for key in self.redact_keys if key in row for slot in self._slots_under(row, key)]
        if not self.only_redact_keys:
            found += _nested(row)
        return list({(id(holder), place): (holder, place) for holder, place in found}.values())

    def _slots_under(self, row: dict[str, Any], key: str) -> Iterator[Slot]:
        value = row[key]
        if isinstance(value, str):
            yield row, key
        elif isinstance(value, list) and key == self.messages_key:
            yield from (
                slot for message in value if isinstance(message, dict) for slot in _of_message(message)
            )
        elif isinstance(value, list) and key == "dialog_history":
            yield from (slot for pair in value if isinstance(pair, list) for slot in _strings(pair, range(2)))
        elif isinstance(value, list) and len(value) == 2:
            yield from _strings(value, range(2))


def _is_text(batch: Batch, key: str) -> bool:
    """Whether the field is a string in every row, and known to be one."""
    try:
        batch.text(key)
    except (KeyError, ValueError):
        return False
    return True


def _strings(holder: Any, places: Any) -> Iterator[Slot]:
    for place in places:
        if (place in holder if isinstance(holder, dict) else place < len(holder)) and isinstance(
            holder[place], str
        ):
            yield holder, place


def _of_message(message: dict[str, Any]) -> Iterator[Slot]:
    """What a message says, and the arguments of the tools it calls."""
    yield from _strings(message, ("content",))
    content = message.get("content")
    if isinstance(content, list):
        yield from _strings(content, range(len(content)))
        for block in content:
            if isinstance(block, dict):
                yield from _strings(block, ("text", "content"))
    for calls in (message.get("tool_calls"), message.get("tool_use")):
        for call in calls if isinstance(calls, list) else []:
            if not isinstance(call, dict):
                continue
            for holder in (call.get("function") or call.get("function_call"), call):
                if isinstance(holder, dict):
                    yield from _strings(holder, ("arguments",))
                    yield from _nested(holder.get("arguments"))


def _nested(value: Any) -> Iterator[Slot]:
    """Strings in lists and under telling keys, at any depth."""
    open_values = [value]
    while open_values:
        holder = open_values.pop()
        if isinstance(holder, dict):
            yield from _strings(holder, _VALUE_KEYS)
            open_values += holder.values()
        elif isinstance(holder, list):
            yield from _strings(holder, range(len(holder)))
            open_values += holder


def _encoded(row: dict[str, Any], key: str, before: bytes | None) -> bytes | None:
    """The raw value of a field: as it was where nothing in it changed."""
    if before is None or key not in row or row[key] == json_values.decode(before):
        return before
    return json_values.encode(row[key])


def _extra(pattern: str) -> pii.Rule:
    TimedPattern(pattern, "extra_patterns:")
    return pii.Rule("", pattern)
