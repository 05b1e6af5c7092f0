"""The one codec of JSON documents that a job keeps on disk: version, checksum, and an error for everything else. Pure.

A document begins `{"format_version":2,"checksum":"0123456789abcdef",...`. The checksum is the xxh3-64 of all bytes but its own
member, so that a changed digit is damage and not another number. Documents of format 1 were written without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic, TypeVar

import msgspec

from data_juicer.errors import CheckpointCorruptError, NewerFormatError
from data_juicer.portable import PortableJson
from data_juicer.version import VERSION

FORMAT_VERSION: Final = 2
"""Of every document that is written now."""
_FIRST_WITH_CHECKSUM: Final = 2
_BEGIN: Final = re.compile(
    rb'\{\s*"format_version":\s*(\d{1,9})\s*(?:\}|,(\s*)("checksum":\s*"([0-9a-f]{16})",\s*)?)'
)
_NOT_DECODED: Final = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)

DocumentT = TypeVar("DocumentT", bound=msgspec.Struct)


class VersionedJson(Generic[DocumentT]):
    """Encodes and decodes one kind of document, a Struct whose first field is `format_version`."""

    def __init__(self, document: type[DocumentT], version: int = FORMAT_VERSION) -> None:
        """
        Args:
            version: the newest format that is read, and the one that is written.
        """
        self._version = version
        self._json: PortableJson[DocumentT] = PortableJson(document)

    def encode(self, document: DocumentT, indent: int | None = None) -> bytes:
        """The bytes of a document; equal documents have equal bytes.

        Args:
            indent: spaces, for people to read; None: in one line.
        """
        data = self._json.encode(document)
        if indent is not None:
            data = msgspec.json.format(data, indent=indent) + b"\n"
        begin = _BEGIN.match(data)
        if begin is None or begin[2] is None or int(begin[1]) != self._version:
            raise ValueError(f"a document begins with format_version {self._version}, not with {data[:40]!r}")
        place = begin.end()
        space = b"" if indent is None else b" "
        member = b'"checksum":%s"%s",%s' % (space, _digest(data, place, place), begin[2])
        view = memoryview(data)  # a document may be hundreds of megabytes
        return b"".join((view[:place], member, view[place:]))

    def encode_with(
        self, document: DocumentT, member: str, items: Callable[[], Iterable[bytes]]
    ) -> Iterator[bytes]:
        """A document with one member more: a list that is too long to be objects, of items that are JSON already.

        Yields: the parts of the document.

        The member is one that the type of the document does not have, and another type may read.

        Args:
            items: called twice; each is one or several, with commas between them.
        """
        plain = self._json.encode(document)
        begin = _BEGIN.match(plain)
        if begin is None:
            raise ValueError(
                f"a document begins with format_version {self._version}, not with {plain[:40]!r}"
            )
        place = begin.end()

        def rest() -> Iterator[bytes]:
            yield b'"%s":[' % member.encode()
            for number, item in enumerate(items()):
                yield b"," if number else b""
                yield item
            yield b"],"
            yield plain[place:]

        yield plain[:place]
        yield b'"checksum":"%s",' % _digest_of(plain[:place], *rest())
        yield from rest()

    def decode(self, data: bytes | memoryview, path: str) -> DocumentT:
        """The document in a file.

        Args:
            path: named in errors.
        Raises: CheckpointCorruptError: the bytes are not what was written. NewerFormatError.
        """
        begin = _BEGIN.match(data)
        if begin is None:
            raise CheckpointCorruptError(f"{path}: damaged: it does not begin with a format_version.")
        version = int(begin[1])
        if version > self._version:
            raise NewerFormatError(
                f"{path}: format_version {version}, this data_juicer ({VERSION}) reads up to {self._version}. "
                "Nothing was changed. Use the data_juicer that wrote it, or a newer one."
            )
        if begin[4] is None and version >= _FIRST_WITH_CHECKSUM:
            raise CheckpointCorruptError(f"{path}: damaged: its checksum is missing.")
        if begin[4] is not None and begin[4] != _digest(data, begin.start(3), begin.end(3)):
            raise CheckpointCorruptError(
                f"{path}: damaged: its bytes do not have the checksum that it names."
            )
        try:
            return self._json.decode(data)
        except _NOT_DECODED as error:
            raise CheckpointCorruptError(f"{path}: damaged: {error}.") from error


def _digest(data: bytes | memoryview, start: int, stop: int) -> bytes:
    """xxh3-64 in hex of everything but the bytes [start, stop)."""
    view = memoryview(data)
    return _digest_of(view[:start], view[stop:])


def _digest_of(*parts: bytes | memoryview) -> bytes:
    import xxhash

    state = xxhash.xxh3_64()
    for part in parts:
        state.update(part)
    return state.hexdigest().encode()
