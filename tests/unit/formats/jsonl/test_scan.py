from __future__ import annotations

import gzip

import pytest
import xxhash

from data_juicer.errors import InputError
from data_juicer.formats.base import Fragment, FragmentLimits, SourceFile
from data_juicer.formats.compression import compress
from data_juicer.formats.jsonl.scan import scan_chunks, scan_plain, unpack
from data_juicer.storage.posix import PosixStore
from tests.support.format_sources import LIMITS, WriteSource

SOURCE = SourceFile(index=3, path="x", format="jsonl", compression="none", size_bytes=0, mtime_ns=0)


def cut(data: bytes, *, rows_max: int = 1000, size_bytes_max: int = 1 << 20) -> list[tuple[Fragment, bytes]]:
    limits = FragmentLimits(rows_max=rows_max, size_bytes_max=size_bytes_max)
    return list(scan_chunks([data], SOURCE, limits, keep_bytes=True))


def test_a_fragment_names_its_rows_bytes_lines_and_digest() -> None:
    first, second = cut(b'{"a":1}\n\n{"a":2}\r\n{"a":3}', rows_max=2)
    assert first[1] == b'{"a":1}\n\n{"a":2}\r\n'
    assert second == (
        Fragment(
            source=3,
            row_start=2,
            row_stop=3,
            byte_start=18,
            byte_stop=25,
            digest=xxhash.xxh3_128_hexdigest(b'{"a":3}'),
            line_start=4,
        ),
        b'{"a":3}',
    )


def test_a_text_without_rows_has_no_fragments() -> None:
    assert cut(b"") == []
    assert cut(b"\n \t\r\n\n  ") == []
    assert cut(b"\xef\xbb\xbf") == []


def test_a_byte_order_mark_belongs_to_no_fragment() -> None:
    ((fragment, data),) = cut(b"\xef\xbb\xbf{}\n")
    assert (fragment.byte_start, fragment.byte_stop, data) == (3, 6, b"{}\n")


def test_fragments_are_cut_by_size_and_a_larger_row_stands_alone() -> None:
    rows = [b"1" * 40 + b"\n", b"2" * 40 + b"\n", b"3" * 500 + b"\n", b"4\n"]
    pieces = cut(b"".join(rows), size_bytes_max=90)
    assert [data for _, data in pieces] == [rows[0] + rows[1], rows[2], rows[3]]


def test_appended_rows_change_only_the_last_fragment() -> None:
    lines = b"".join(b'{"n":%d}\n' % number for number in range(95))
    before, after = cut(lines, rows_max=10), cut(lines + b"{}\n" * 20, rows_max=10)
    assert after[:9] == before[:9]
    assert after[9] != before[9]


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 7, 64, 1000])
def test_fragments_do_not_depend_on_how_the_text_is_chunked(chunk_size: int) -> None:
    data = b"\xef\xbb\xbf" + b'\n  {"a":1}\n \t \n{"bbbbbbbbbbbbbbbbbbbbbbbbbbb":2}\r\n\r\n' * 30 + b" {}"
    limits = FragmentLimits(rows_max=7, size_bytes_max=100)
    chunks = [data[at : at + chunk_size] for at in range(0, len(data), chunk_size)]
    assert list(scan_chunks(chunks, SOURCE, limits, keep_bytes=True)) == cut(
        data, rows_max=7, size_bytes_max=100
    )


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_packed_sources_of_several_members_are_cut_like_plain_ones(written: WriteSource, kind: str) -> None:
    lines = b"".join(b'{"n":%d}\n' % number for number in range(2500))
    packed = compress(lines[:9000], kind) + compress(lines[9000:], kind)  # type: ignore[arg-type]
    source = written(packed, "corpus.jsonl" + {"gzip": ".gz", "zstd": ".zst"}[kind])
    plain = written(lines)
    pieces = list(unpack(PosixStore(), source, LIMITS))
    assert [fragment for fragment, _ in pieces] == list(scan_plain(PosixStore(), plain, LIMITS))
    assert b"".join(data for _, data in pieces) == lines


@pytest.mark.parametrize(
    ("damage", "rows"), [("truncated", "1,000"), ("garbage behind", "1,000"), ("not packed", "0")]
)
def test_a_damaged_packed_source_is_refused_by_name(written: WriteSource, damage: str, rows: str) -> None:
    packed = gzip.compress(b'{"text":"a"}\n' * 1000)
    data = {"truncated": packed[:-9], "garbage behind": packed + b"x" * 30, "not packed": b'{"text":"a"}\n'}[
        damage
    ]
    source = written(data, "corpus.jsonl.gz")
    with pytest.raises(InputError, match=rf"corpus\.jsonl\.gz: the gzip stream .* after row {rows} "):
        list(unpack(PosixStore(), source, LIMITS))


def test_the_rows_before_the_damage_are_counted(written: WriteSource) -> None:
    whole = compress(b'{"text":"a"}\n' * 400_000, "gzip")
    source = written(whole[: len(whole) // 2], "corpus.jsonl.gz")
    with pytest.raises(InputError, match=r"after row [1-9][\d,]+ "):
        list(unpack(PosixStore(), source, LIMITS))


def test_packing_is_deterministic() -> None:
    assert compress(b"abc", "gzip") == compress(b"abc", "gzip")
    assert compress(b"abc", "gzip")[4:8] == bytes(4)
