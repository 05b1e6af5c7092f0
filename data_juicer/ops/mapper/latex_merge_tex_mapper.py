"""LaTeX projects in archives."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from data_juicer.errors import StoreError
from data_juicer.ops.bases.row_mapper import RowMapper

if TYPE_CHECKING:
    from data_juicer.ops.context import OperatorContext


class LatexMergeTexMapper(RowMapper):
    """LaTeX project merging: joins all `.tex` files of an archive (.zip, .tar, .tar.gz, .tgz) into one text, in archive order.

    Bytes that are no UTF-8 become U+FFFD. An archive that cannot be read, or of another kind, gives an empty text.

    Example: compressed_file project.zip with a.tex and b.tex -> text with both, an empty line in between

    Args:
        compressed_file_key: the field with the path of the archive.
        separator: what is between two files.
        max_file_size: leave out files of more bytes, 0 or null for any size.
        max_total_size: leave out files with which the text would have more bytes, 0 or null for any size.
    """

    name: ClassVar[str] = "latex_merge_tex_mapper"
    context: OperatorContext | None = None

    def __init__(
        self,
        compressed_file_key: str = "compressed_file",
        separator: str = "\n\n",
        max_file_size: int | None = 50 * 1024 * 1024,
        max_total_size: int | None = 100 * 1024 * 1024,
    ) -> None:
        self.compressed_file_key = compressed_file_key
        self.separator = separator
        self.file_size_max = max_file_size or None
        self.total_size_max = max_total_size or None

    def text_keys_made(self) -> tuple[str, ...]:
        return (self.text_key,)

    def references_read(self) -> tuple[str, ...]:
        return (self.compressed_file_key,)

    def fields_read(self) -> tuple[str, ...]:
        return (self.compressed_file_key,)

    def fields_written(self) -> tuple[str, ...]:
        return (self.text_key,)

    def prepare(self, context: OperatorContext | None = None) -> None:
        self.context = context

    def map_row(self, row: dict[str, Any]) -> None:
        path = row.get(self.compressed_file_key)
        if not isinstance(path, str):
            raise ValueError(  # noqa: TRY004 - a value of the row
                f"field {self.compressed_file_key!r} must be the path of an archive, found {path!r:.80}"
            )
        try:
            with self._opened(path) as stream:
                files = list(self._files(path, stream))
        except (
            OSError,
            StoreError,
            EOFError,
            tarfile.TarError,
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,
        ):
            files = []
        row[self.text_key] = self.separator.join(file.decode("utf-8", "replace") for file in files)

    def _opened(self, path: str) -> BinaryIO:
        return io.BytesIO(self.context.read(path)) if self.context else open(path, "rb")

    def _files(self, path: str, stream: BinaryIO) -> Iterator[bytes]:
        total = 0
        for size, read in _members(path, stream):
            fits = self.file_size_max is None or size <= self.file_size_max
            if fits and (self.total_size_max is None or total + size <= self.total_size_max):
                total += size
                yield read()


def _members(path: str, stream: BinaryIO) -> Iterator[tuple[int, Callable[[], bytes]]]:
    """Unpacked size and content of each `.tex` file."""
    kind = path.lower()
    if kind.endswith(".zip"):
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if info.filename.endswith(".tex"):
                    yield info.file_size, partial(archive.read, info)
    elif kind.endswith((".tar", ".tar.gz", ".tgz")):
        with tarfile.open(fileobj=stream) as archive:
            for member in archive:
                member_stream = (
                    archive.extractfile(member) if member.isfile() and member.name.endswith(".tex") else None
                )
                if member_stream is not None:
                    yield member.size, member_stream.read
