from __future__ import annotations

from pathlib import Path

import pytest

from data_juicer.formats.base import ReadRows, SourceFile
from data_juicer.formats.discover import discover
from data_juicer.formats.jsonl.read import read_fragment
from data_juicer.formats.jsonl.scan import scan_plain
from data_juicer.storage.posix import PosixStore
from tests.support.format_sources import LIMITS, ReadAll, WriteSource


@pytest.fixture
def written(tmp_path: Path) -> WriteSource:
    def write(data: bytes, name: str = "corpus.jsonl") -> SourceFile:
        path = tmp_path / name
        path.write_bytes(data)
        (source,) = discover(PosixStore(), [str(path)])
        return source

    return write


@pytest.fixture
def read_all(written: WriteSource) -> ReadAll:
    def read(data: bytes, *text_keys: str, row_bytes_max: int = 1 << 30) -> ReadRows:
        source = written(data)
        (fragment,) = scan_plain(PosixStore(), source, LIMITS)
        return read_fragment(
            PosixStore(), source.path, fragment, text_keys or ("text",), row_bytes_max=row_bytes_max
        )

    return read
