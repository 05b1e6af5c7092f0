"""However a file is cut into ranges, its fragments are those of the scan in one pass."""

from __future__ import annotations

import random
from itertools import pairwise

import msgspec
import pytest

from data_juicer.errors import InputError
from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
from data_juicer.formats.jsonl import scan, shared_scan
from data_juicer.formats.jsonl.lines import BOM
from data_juicer.storage.memory import MemoryStore

PATH = "/in.jsonl"


def some_text(draw: random.Random) -> bytes:
    """Rows of all lengths, blank lines in places, with or without a byte order mark and a last line end."""
    lines = []
    for _ in range(draw.randrange(60)):
        kind = draw.random()
        if kind < 0.2:
            lines.append(draw.choice([b"", b" ", b"\t \r", b"\r"]))
        elif kind < 0.25:
            lines.append(b"x" * draw.randrange(200, 400))
        else:
            lines.append(b"y" * draw.randrange(1, 30) + draw.choice([b"", b"\r", b" "]))
    ends = b"\n" if lines and draw.random() < 0.5 else b""
    return (BOM if draw.random() < 0.3 else b"") + b"\n".join(lines) + ends


def shared(store: MemoryStore, source: SourceFile, limits: FragmentLimits, cuts: list[int]) -> list[Fragment]:
    outline = shared_scan.LineOutline(store, source, limits)
    found = []
    for start, stop in pairwise([0, *cuts, source.size_bytes]):
        found += outline.add(shared_scan.survey(store, source, start, stop))
    found += outline.finish()
    digests = shared_scan.digests(store, source, found)
    return [msgspec.structs.replace(each, digest=digest) for each, digest in zip(found, digests, strict=True)]


@pytest.mark.parametrize("seed", range(60))
def test_fragments_do_not_depend_on_the_ranges(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)
    for module in (scan, shared_scan):
        monkeypatch.setattr(module, "CHUNK_BYTES", draw.choice([1, 7, 64, 1 << 20]))
    monkeypatch.setattr(shared_scan, "_SEARCH_BYTES", draw.choice([1, 5, 1 << 16]))
    store, text = MemoryStore(), some_text(draw)
    store.stage(PATH, text)
    source = SourceFile(
        index=0, path=PATH, format="jsonl", compression="none", size_bytes=len(text), mtime_ns=0
    )
    limits = FragmentLimits(
        rows_max=draw.choice([1, 3, 10]),
        size_bytes_max=draw.choice([20, 100, 1000]),
        row_bytes_max=draw.choice([0, 25, 250]),
    )
    expected = list(scan.scan_plain(store, source, limits))
    for count in (0, 1, 6, 40):
        cuts = sorted(draw.randrange(1, len(text)) for _ in range(count if len(text) > 1 else 0))
        assert shared(store, source, limits, sorted(set(cuts))) == expected, (seed, cuts)


def test_a_file_that_ends_before_its_fragments_is_named_as_changed() -> None:
    store = MemoryStore()
    store.stage(PATH, b"{}\n" * 10)
    source = SourceFile(index=0, path=PATH, format="jsonl", compression="none", size_bytes=30, mtime_ns=0)
    outline = shared_scan.LineOutline(store, source, FragmentLimits(rows_max=5, size_bytes_max=100))
    fragments = [*outline.add(shared_scan.survey(store, source, 0, 30)), *outline.finish()]
    store.stage(PATH, b"{}\n" * 7)
    with pytest.raises(InputError, match="changed while the job was running"):
        shared_scan.digests(store, source, fragments)
