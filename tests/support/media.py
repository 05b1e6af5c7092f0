"""Small media files made here: their headers say large sizes, so that reading the header can be told from reading the file."""

from __future__ import annotations

import struct
import wave
import zlib
from pathlib import Path


def write_png(path: Path, width: int, height: int) -> Path:
    """A PNG whose header says so many pixels, and that holds none."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(header) - 4) + header + struct.pack(">I", zlib.crc32(header))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    return path


def write_gif(path: Path, width: int, height: int) -> Path:
    path.write_bytes(b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + b";")
    return path


def write_jpeg(path: Path, width: int, height: int) -> Path:
    frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    path.write_bytes(b"\xff\xd8\xff\xc0" + frame + b"\xff\xd9")
    return path


def write_webp(path: Path, width: int, height: int) -> Path:
    """The extended form, whose header holds the size."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + size
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk)
    return path


def write_wav(path: Path, seconds: int, rate: int = 8000) -> Path:
    """One channel of silence."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes(bytes(seconds * rate))
    return path


def write_flac(path: Path, seconds: int, rate: int = 8000) -> Path:
    """A FLAC whose header says so many samples of one channel, and that holds none."""
    samples = seconds * rate
    numbers = (rate << 44) | (0 << 41) | (15 << 36) | samples
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + numbers.to_bytes(8, "big") + bytes(16)
    path.write_bytes(b"fLaC" + b"\x80" + len(info).to_bytes(3, "big") + info)
    return path


def write_mp4(path: Path, size_bytes: int) -> Path:
    """What is called a video and has its size."""
    path.write_bytes(b"\x00\x00\x00\x18ftypisom" + bytes(size_bytes - 12))
    return path
