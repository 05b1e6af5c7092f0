"""Packed files are read as their tools read them, or the limit is named; the row before damage is the true one."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from data_juicer.errors import InputError
from data_juicer.formats import compression
from data_juicer.formats.base import FragmentLimits
from data_juicer.formats.compression import BrokenStreamError, compress, read_unpacked
from data_juicer.formats.discover import discover
from data_juicer.formats.jsonl.read import read_fragment
from data_juicer.formats.jsonl.scan import scan_plain, unpack
from data_juicer.formats.places import resolve
from data_juicer.storage.posix import PosixStore

STORE = PosixStore()
RNG = random.Random(36)
TEXT = b"".join(b'{"text":"%d"}\n' % RNG.getrandbits(80) for _ in range(30_000))
KINDS: list[Any] = ["gzip", "zstd", "bzip2", "xz"]
SUFFIX = {"gzip": ".gz", "zstd": ".zst", "bzip2": ".bz2", "xz": ".xz"}


def unpacked(path: Path, data: bytes, kind: Any) -> tuple[bytes, str]:
    path.write_bytes(data)
    chunks = []
    try:
        chunks.extend(read_unpacked(STORE, str(path), kind))
    except BrokenStreamError as error:
        return b"".join(chunks), str(error)
    return b"".join(chunks), ""


@pytest.mark.parametrize("kind", KINDS)
def test_members_in_a_row_are_one_text(tmp_path: Path, kind: Any) -> None:
    packed = compress(TEXT[:1000], kind) + compress(TEXT[1000:], kind)
    assert unpacked(tmp_path / "a", packed, kind) == (TEXT, "")
    assert unpacked(tmp_path / "a", b"", kind) == (b"", "")


@pytest.mark.parametrize("zeros", [1, 511, 100_000])
def test_gzip_may_be_padded_with_zeros(tmp_path: Path, zeros: int) -> None:
    assert unpacked(tmp_path / "a", gzip.compress(TEXT) + b"\0" * zeros, "gzip") == (TEXT, "")
    assert (
        unpacked(tmp_path / "a", gzip.compress(TEXT) + b"\0" * zeros + gzip.compress(TEXT), "gzip")[0]
        == TEXT * 2
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_every_whole_row_before_a_cut_is_given(tmp_path: Path, kind: Any, share: float) -> None:
    packed = compress(TEXT, kind)
    cut = packed[: int(len(packed) * share)]
    given, reported = unpacked(tmp_path / "a", cut, kind)
    assert reported
    assert TEXT.startswith(given)
    if kind == "gzip":
        assert given == zlib.decompressobj(31).decompress(cut)
    elif kind == "zstd":
        assert len(given) > len(TEXT) * (share - 0.35)


def test_rows_before_damage_within_a_chunk_are_counted(tmp_path: Path) -> None:
    first = gzip.compress(TEXT)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(first + b"no gzip")
    (source,) = discover(STORE, [str(path)])
    with pytest.raises(InputError, match=r"after row 30,000 \(incorrect header check\)"):
        list(unpack(STORE, source, FragmentLimits(rows_max=1000, size_bytes_max=1 << 20)))


def test_a_window_that_is_too_large_is_reported_with_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd\x00" + bytes([(31 - 10) << 3]) + b"\0" * 20)
    with pytest.raises(InputError, match=r"a window of 2,048 MiB, at most 128 MiB are read"):
        list(read_unpacked(STORE, str(path), "zstd"))


@pytest.mark.parametrize("kind", KINDS)
def test_what_unpacks_to_more_than_any_text_is_refused(
    tmp_path: Path, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "FREE_BYTES", 8 << 20)
    (tmp_path / "a").write_bytes(compress(b"\0" * (64 << 20), kind))
    with pytest.raises(InputError, match=r"unpacks to more than 1,000 times its size"):
        list(read_unpacked(STORE, str(tmp_path / "a"), kind))


LIMITS = FragmentLimits(rows_max=4, size_bytes_max=3000, row_bytes_max=1000)
LONG = b'{"text":"' + b"x" * 200_000 + b'"}'


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", [b"", b"\n \n", b'{"text":"a"}\n', b'{"text":"a"}\n{"text":"b"}\n\n'])
@pytest.mark.parametrize("behind", [b"", b"\n", b'\n{"text":"c"}\n', b"\n" + LONG, b"\n\n\n"])
def test_a_row_that_is_too_long_is_the_same_dead_letter_packed_and_plain(
    tmp_path: Path, kind: Any, before: bytes, behind: bytes
) -> None:
    text = before + LONG + behind
    plain, packed = tmp_path / "a.jsonl", tmp_path / f"b.jsonl{SUFFIX[kind]}"
    plain.write_bytes(text)
    packed.write_bytes(compress(text, kind))
    one, other = discover(STORE, [str(plain), str(packed)])
    there = [(fragment, str(plain), None) for fragment in scan_plain(STORE, one, LIMITS)]
    here = []
    for number, (fragment, data) in enumerate(unpack(STORE, other, LIMITS)):
        assert len(data) == fragment.copy_bytes <= 70_000
        copy = tmp_path / f"copy{number}"
        copy.write_bytes(data)
        here.append((fragment, str(copy), 0))
    assert reported(here) == reported(there)
    assert sum(bad[0] == "too_long" for bad in reported(here)) == text.count(LONG)


def reported(read: list[Any]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for fragment, path, offset in read:
        rows = read_fragment(STORE, path, fragment, ("text",), row_bytes_max=1000, offset=offset)
        found += [(bad.error_type, bad.message, bad.raw, resolve(bad.place, fragment)) for bad in rows.bad]
        found += [
            ("good", *resolve(rows.batch.source.place(row), fragment)) for row in range(len(rows.batch))
        ]
    return found


PEAK = """
from data_juicer.storage.posix import PosixStore
STORE = PosixStore()
import re, sys
from data_juicer.formats.base import FragmentLimits
from data_juicer.formats.discover import discover
from data_juicer.formats.jsonl.scan import unpack
from data_juicer.errors import InputError
limits = FragmentLimits(rows_max=1000, size_bytes_max=4_000_000, row_bytes_max=4_000_000)
(source,) = discover(STORE, [sys.argv[1]])
try:
    for fragment, data in unpack(STORE, source, limits):
        pass
except InputError as error:
    assert "as no text does" in str(error) or "as in no text" in str(error), error
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) // 1024)  # of this program alone
"""


def peak_mb(path: Path) -> int:
    return int(
        subprocess.run([sys.executable, "-c", PEAK, str(path)], check=True, capture_output=True).stdout
    )


def packed_line(kind: Any, megabytes: int) -> bytes:
    """A row of so many MB. Members in a row are one text, and the middle is packed once: bzip2 takes long for it."""
    block = bytes(RNG.choices(b"abcdefghijklmnop", k=8000)) * 125
    return compress(b'{"text":"', kind) + compress(block, kind) * megabytes + compress(b'"}\n', kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bomb_takes_no_more_memory_than_rows_of_the_largest_size(tmp_path: Path, kind: Any) -> None:
    good = tmp_path / f"good.jsonl{SUFFIX[kind]}"
    good.write_bytes(packed_line(kind, 3) * 8)
    allowed = peak_mb(good) + 30  # the places of the line ends of a chunk that holds little else
    bombs = {
        "a line that is long": packed_line(kind, 80),
        "zeros": compress(b"\0" * 80_000_000, kind),
        "blank lines": compress(b'{"text":"a"}', kind)
        + compress((b" \n\n" * 7 + b"\n\r") * 50_000, kind) * 20,
    }
    for name, data in bombs.items():
        bomb = tmp_path / f"bomb.jsonl{SUFFIX[kind]}"
        bomb.write_bytes(data)
        assert peak_mb(bomb) <= allowed, name
