"""Sizes of media files from their headers. Nothing is decoded, and of a hostile file no more is read than a header takes.

`imagesize` and `tinytag`, two small libraries without dependencies (the extra `media`), know the headers of png, jpeg, gif, webp, wav,
flac, mp3 and mp4. Without them, and for other files, the size of the file counts.
"""

from __future__ import annotations

import contextlib
import io
import os.path
from typing import BinaryIO, Final, cast

from data_juicer.engine.autoconfig.modality import Medium
from data_juicer.engine.autoconfig.sample_stats import MediumFile
from data_juicer.errors import StoreError
from data_juicer.storage.base import Store
from data_juicer.storage.files import Reader

FILES_MAX: Final = 500
"""Files that are looked at; of more, what those say is enough."""
READ_BYTES_MAX: Final = 1 << 20
"""Of one file, for its header."""
_PIXEL_BYTES: Final = 3
_SAMPLE_BYTES: Final = 4
_DECODED_BYTES_MAX: Final = 1 << 40


class MediaFiles:
    """Looks at files that rows refer to, each once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, MediumFile | None] = {}

    def look_at(self, medium: Medium, path: str, folder: str) -> MediumFile | None:
        """A file as a row names it: absolute, from the current folder, or from that of the row's file; None: there is none.

        After FILES_MAX files that are there, further ones are taken to be as the first of their medium.
        """
        for candidate in dict.fromkeys((os.path.abspath(path), os.path.join(folder, path))):
            if candidate not in self._known:
                if len(self._known) >= FILES_MAX:
                    return self._alike(medium)
                self._known[candidate] = self._look(medium, candidate)
            if (known := self._known[candidate]) is not None:
                return known
        return None

    def _alike(self, medium: Medium) -> MediumFile | None:
        return next((file for file in self._known.values() if file and file.medium == medium), None)

    def _look(self, medium: Medium, path: str) -> MediumFile | None:
        try:
            stat = self._store.stat(path)
            if stat.kind != "file":
                return None
            with self._store.open_read(path) as reader:
                stream = cast("BinaryIO", HeaderStream(reader, stat.size_bytes))
                decoded = decoded_bytes(medium, path, stream)
        except (FileNotFoundError, StoreError, ValueError):  # a path with a NUL is none
            return None
        return MediumFile(medium=medium, size_bytes=stat.size_bytes, decoded_bytes=decoded)


class HeaderStream(io.RawIOBase):
    """A file of a store as a stream to be read and searched by libraries, which ends after READ_BYTES_MAX bytes read."""

    def __init__(self, reader: Reader, size_bytes: int) -> None:
        super().__init__()
        self._reader = reader
        self._size_bytes = size_bytes
        self._place = 0
        self._left = READ_BYTES_MAX

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size_bytes}[whence]
        self._place = max(0, start + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        wanted = self._size_bytes if size is None or size < 0 else size
        data = self._reader.read(self._place, min(self._place + min(wanted, self._left), self._size_bytes))
        self._place += len(data)
        self._left -= len(data)
        return data


def decoded_bytes(medium: Medium, path: str, stream: BinaryIO) -> int:
    """Bytes of all pixels of a picture, or samples of a sound; 0 where the header is not understood.

    Videos are read picture by picture: their decoded size is no size that a worker has.
    """
    with contextlib.suppress(Exception):  # a damaged or hostile header says nothing, in whatever way
        match medium:
            case "image":
                return _bounded(_pixel_bytes(stream))
            case "audio":
                return _bounded(_sound_bytes(path, stream))
            case "video":
                return 0
    return 0


def _bounded(size_bytes: int) -> int:
    """A header may say anything."""
    return min(max(0, size_bytes), _DECODED_BYTES_MAX)


def _pixel_bytes(stream: BinaryIO) -> int:
    import imagesize

    width, height = imagesize.get(stream)
    return int(width) * int(height) * _PIXEL_BYTES


def _sound_bytes(path: str, stream: BinaryIO) -> int:
    from tinytag import TinyTag

    tag = TinyTag.get(filename=os.path.basename(path), file_obj=stream, tags=False)
    return int((tag.duration or 0.0) * (tag.samplerate or 0) * (tag.channels or 1)) * _SAMPLE_BYTES
