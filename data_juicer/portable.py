r"""Texts that UTF-8 cannot hold, carried through JSON and msgpack unchanged. Pure.

Names of files are bytes; Python reads a byte that is no UTF-8 as half a surrogate pair, which no document can hold. Such a text
is written as a mark, `\0name:`, and itself with that byte as `\xff`, any other half as `\ud800` and a backslash as two. No
path holds a NUL, and a text that begins with the mark is escaped too, so that every text comes back as it was. Everything
else is written as it is.
"""

from __future__ import annotations

import functools
import mmap
import re
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import msgspec

MARK: Final = "\0name:"
_MARK_IN_JSON: Final = b'"\\u0000name:'
_MARK_IN_MSGPACK: Final = MARK.encode()
_TO_ESCAPE: Final = re.compile("[\\\\\ud800-\udfff]")
_ESCAPED: Final = re.compile(r"\\(?:(\\)|x([89a-f][0-9a-f])|u(d[89a-f][0-9a-f]{2}))")
_HALVES_OF_BYTES: Final = 0xDC00
"""Python reads byte 0xff of a name as U+DCFF, and so on from 0x80."""

ValueT = TypeVar("ValueT")


def escape(text: str) -> str:
    """A text that UTF-8 can hold; nearly every text is returned as it is."""
    if not text.startswith(MARK):
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    return MARK + _TO_ESCAPE.sub(_escaped, text)


def unescape(text: str) -> str:
    """The text that was given to `escape`."""
    if not text.startswith(MARK):
        return text
    return _ESCAPED.sub(_unescaped, text[len(MARK) :])


class PortableJson(Generic[ValueT]):
    """JSON of one type, with every text in it."""

    def __init__(self, kind: Any) -> None:
        """
        Args:
            kind: the type, or a union of types.
        """
        self._kind = kind

    @functools.cached_property
    def _decoder(self) -> msgspec.json.Decoder[ValueT]:
        """Made when the first value is read: the annotations of a large union take milliseconds."""
        return msgspec.json.Decoder(self._kind)

    def encode(self, value: ValueT) -> bytes:
        return encode_json(value)

    def decode(self, data: bytes | memoryview) -> ValueT:
        """Raises: what a decoder of msgspec raises."""
        if not _holds_mark(data):
            return self._decoder.decode(data)
        plain = _each_text(msgspec.json.decode(data), unescape)
        found: ValueT = msgspec.convert(plain, self._kind, str_keys=True)
        return found


class PortableMsgpack(Generic[ValueT]):
    """Msgpack of one type, with every text in it."""

    def __init__(self, kind: Any) -> None:
        """
        Args:
            kind: the type, or a union of types.
        """
        self._kind = kind

    @functools.cached_property
    def _decoder(self) -> msgspec.msgpack.Decoder[ValueT]:
        """Made when the first value is read: the annotations of a large union take milliseconds."""
        return msgspec.msgpack.Decoder(self._kind)

    def decode(self, data: bytes) -> ValueT:
        """Raises: what a decoder of msgspec raises."""
        if _MARK_IN_MSGPACK not in data:
            return self._decoder.decode(data)
        plain = _each_text(msgspec.msgpack.decode(data), unescape)
        found: ValueT = msgspec.convert(plain, self._kind, builtin_types=(bytes,))
        return found


def encode_json(value: object) -> bytes:
    """JSON of any value, with every text in it."""
    try:
        data = _JSON.encode(value)
    except UnicodeEncodeError:
        data = _MARK_IN_JSON
    return data if _MARK_IN_JSON not in data else _JSON.encode(_each_text(msgspec.to_builtins(value), escape))


def encode_msgpack(value: object) -> bytes:
    """Msgpack of any value, with every text in it."""
    try:
        data = _MSGPACK.encode(value)
    except UnicodeEncodeError:
        data = _MARK_IN_MSGPACK
    if _MARK_IN_MSGPACK not in data:
        return data
    return _MSGPACK.encode(_each_text(msgspec.to_builtins(value, builtin_types=(bytes,)), escape))


def _holds_mark(data: bytes | memoryview) -> bool:
    buffer = data.obj if isinstance(data, memoryview) else data
    if isinstance(buffer, mmap.mmap):  # a large document, which is not copied to be looked at
        return buffer.find(_MARK_IN_JSON, 0) >= 0
    return _MARK_IN_JSON in bytes(buffer)


_JSON: Final = msgspec.json.Encoder()
_MSGPACK: Final = msgspec.msgpack.Encoder()


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_each_text(key, change): _each_text(each, change) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_each_text(each, change) for each in value)
    return value


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] == "\\":
        return "\\\\"
    byte = code - _HALVES_OF_BYTES
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else f"\\u{code:04x}"


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return "\\"
    return chr(_HALVES_OF_BYTES + int(match[2], 16)) if match[2] else chr(int(match[3], 16))
