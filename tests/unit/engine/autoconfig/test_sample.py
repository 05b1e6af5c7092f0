"""Samples of text, image, audio, video and mixed data, with the sizes that headers of media say."""

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_juicer.engine.autoconfig.choice import Machine, choose
from data_juicer.engine.autoconfig.media import FILES_MAX, READ_BYTES_MAX, HeaderStream, MediaFiles
from data_juicer.engine.autoconfig.modality import detect, media_of
from data_juicer.engine.autoconfig.sample import ROWS_MAX, Sample, take_sample
from data_juicer.formats.discover import discover
from data_juicer.storage.posix import PosixStore
from tests.support import media

STORE = PosixStore()


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def sampled(*inputs: Path, seed: int = 1) -> Sample:
    sources = discover(STORE, [str(path) for path in inputs])
    return take_sample(STORE, sources, ("text",), 64_000_000, seed, lambda _: None)


@pytest.mark.parametrize(
    ("row", "kinds"),
    [
        ({"text": "a"}, set()),
        ({"text": "see <__dj__image> here"}, {"image"}),
        ({"text": "", "images": ["a.png"]}, {"image"}),
        ({"text": "", "images": []}, set()),
        ({"text": "", "audios": ["x"]}, {"audio"}),
        ({"text": "", "clip": "films/a.MP4"}, {"video"}),
        ({"text": "photo.jpg"}, set()),
        ({"text": "", "url": "https://example.org/a.jpg"}, set()),
        ({"text": "", "note": "one\ntwo.png"}, set()),
        ({"text": "", "meta": {"path": "a.png"}, "n": 3, "nothing": None}, set()),
    ],
)
def test_media_are_known_by_field_token_and_suffix(row: dict[str, Any], kinds: set[str]) -> None:
    assert media_of(row, ("text",)).kinds == kinds


def test_a_stray_picture_does_not_make_data_of_pictures() -> None:
    assert detect([frozenset({"image"})] + [frozenset()] * 19).modality == "text"
    assert detect([frozenset({"image"})] * 2 + [frozenset()] * 18).modality == "image"


MAKERS: dict[str, tuple[Callable[..., Path], tuple[int, ...], int]] = {
    "a.png": (media.write_png, (4000, 3000), 36_000_000),
    "a.gif": (media.write_gif, (400, 300), 360_000),
    "a.jpg": (media.write_jpeg, (4000, 3000), 36_000_000),
    "a.webp": (media.write_webp, (4000, 3000), 36_000_000),
    "a.wav": (media.write_wav, (10,), 320_000),
    "a.flac": (media.write_flac, (3600,), 115_200_000),
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_header_of_a_medium_says_how_large_it_is(name: str, tmp_path: Path) -> None:
    make, size, decoded_bytes = MAKERS[name]
    path = make(tmp_path / name, *size)
    ((medium, given),) = media_of({"file": str(path)}, ()).files
    found = MediaFiles(STORE).look_at(medium, given, str(tmp_path))
    assert found is not None
    assert (found.size_bytes, found.decoded_bytes) == (path.stat().st_size, decoded_bytes)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.wav", "a.mp3", "a.mp4"])
@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"RIFF\xff\xff\xff\xff" * 99, bytes(5000)])
def test_a_damaged_header_leaves_the_size_of_the_file(name: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    ((medium, given),) = media_of({"file": name}, ()).files
    found = MediaFiles(STORE).look_at(medium, given, str(tmp_path))
    assert found is not None
    assert found.size_bytes == len(data)


def test_no_more_of_a_file_is_read_than_a_header_takes(tmp_path: Path) -> None:
    path = tmp_path / "large.mp3"
    path.write_bytes(random.Random(1).randbytes(3 * READ_BYTES_MAX))
    with STORE.open_read(str(path)) as reader:
        stream = HeaderStream(reader, 3 * READ_BYTES_MAX)
        assert len(stream.read()) + len(stream.read()) == READ_BYTES_MAX
        assert stream.seek(-10, 2) == 3 * READ_BYTES_MAX - 10
        assert stream.read(10) == b""


def test_what_is_no_file_is_not_opened_and_missing_ones_are_counted(tmp_path: Path) -> None:
    rows = [{"text": "a", "images": ["/dev/zero.png", "gone.png", str(tmp_path), "nul\0.png"]}]
    write_rows(tmp_path / "in.jsonl", rows)
    (tmp_path / "pipe.png").unlink(missing_ok=True)
    stats = sampled(tmp_path / "in.jsonl").stats
    assert stats.detected.modality == "image"
    assert stats.files_missing == 2  # a text with a NUL and a folder without a suffix are no files


def test_many_files_are_not_all_looked_at(tmp_path: Path) -> None:
    media.write_png(tmp_path / "a.png", 10, 10)
    files = MediaFiles(STORE)
    for number in range(FILES_MAX + 10):
        found = files.look_at("image", "a.png" if not number else f"{number}.png", str(tmp_path))
    assert found is not None
    assert found.decoded_bytes == 300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Media that rows refer to."""
    media.write_png(tmp_path / "a.png", 1000, 1000)
    media.write_wav(tmp_path / "a.wav", 5)
    media.write_mp4(tmp_path / "a.mp4", 500_000)
    return tmp_path


@pytest.mark.parametrize(
    ("row", "modality", "rows"),
    [
        ({"text": "words " * 50}, "text", 200),
        ({"text": "<__dj__image> a cat", "images": ["a.png"]}, "image", 50),
        ({"text": "", "audios": ["a.wav"]}, "audio", 30),
        ({"text": "", "videos": ["a.mp4"]}, "video", 10),
        ({"text": "", "images": ["a.png"], "audios": ["a.wav"]}, "multimodal", 20),
    ],
)
def test_each_modality_gets_the_size_of_the_specification(
    row: dict[str, Any], modality: str, rows: int, folder: Path
) -> None:
    sample = sampled(write_rows(folder / "in.jsonl", [row] * 120))
    choice = choose(sample.stats, None, Machine(workers=2, memory_bytes=16_000_000_000), sample.rows_total)
    assert (choice.modality, choice.rows) == (modality, rows)
    assert sample.stats.files_missing == 0


def test_the_same_input_gives_the_same_sample_from_all_over_it(tmp_path: Path) -> None:
    half = [{"text": "x" * 3000}] * 8000
    path = write_rows(
        tmp_path / "in.jsonl", [*half, *({"text": "y" * 3000, "images": ["z.png"]} for _ in half)]
    )
    one, again, other = sampled(path), sampled(path), sampled(path, seed=2)
    assert one.digest == again.digest != other.digest
    assert 0.9 * ROWS_MAX < one.stats.rows <= ROWS_MAX
    assert 0.1 < one.stats.detected.shares["image"] < 0.9  # the first half alone has none
    assert one.rows_total == pytest.approx(16_000, rel=0.05)


def test_every_format_is_sampled(tmp_path: Path) -> None:
    rows = [{"text": f"document {number}"} for number in range(500)]
    plain = write_rows(tmp_path / "a.jsonl", rows)
    packed = tmp_path / "b.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "c.parquet")
    (tmp_path / "d.csv").write_text("text\n" + "".join(f"{row['text']}\n" for row in rows))
    sample = sampled(*(tmp_path / name for name in ("a.jsonl", "b.jsonl.gz", "c.parquet", "d.csv")))
    assert (sample.stats.sources, sample.stats.rows) == (4, 1000)
    assert sample.stats.text_chars.mean == pytest.approx(12, abs=1)
