"""Helpers for names of files that operators written for DataJuicer import."""

from __future__ import annotations

import os

from data_juicer.utils.common_utils import dict_to_hash

__all__ = ["add_suffix_to_filename", "create_directory_if_not_exists", "dict_to_hash", "is_remote_path"]


def add_suffix_to_filename(filename: str, suffix: str) -> str:
    """`clip.mp4` with the suffix `_a` is `clip_a.mp4`."""
    stem, extension = os.path.splitext(filename)
    return f"{stem}{suffix}{extension}"


def create_directory_if_not_exists(directory_path: str) -> None:
    os.makedirs(os.path.abspath(directory_path), exist_ok=True)


def is_remote_path(path: str) -> bool:
    return path.startswith(("http://", "https://", "s3://", "gs://", "hdfs://"))
