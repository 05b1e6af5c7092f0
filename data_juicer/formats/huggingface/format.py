"""Results as a folder that `datasets.load_from_disk` opens: Arrow streams, and two descriptions that are written last."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec
import pyarrow as pa
import xxhash

from data_juicer.formats.base import OutputFormat
from data_juicer.formats.jsonl.format import encode_intermediate
from data_juicer.formats.parquet.merge import gathered, merges

if TYPE_CHECKING:
    from data_juicer.formats.base import Merge

_FINGERPRINT_DIGITS: Final = 16


def _write(schema: pa.Schema, tables: Iterable[pa.Table], sink: BinaryIO) -> None:
    """An IPC stream, uncompressed, so that it is mapped into memory."""
    with pa.ipc.new_stream(sink, schema) as writer:
        for table in gathered(tables):
            writer.write_table(table)


def _describe(names: Sequence[str], digests: Sequence[str], _: Any) -> Mapping[str, bytes]:
    """What `datasets` wants to know; the types of columns are those of the files."""
    fingerprint = xxhash.xxh3_128_hexdigest("".join(digests).encode())[:_FINGERPRINT_DIGITS]
    state: dict[str, Any] = {
        "_data_files": [{"filename": os.path.basename(name)} for name in names],
        "_fingerprint": fingerprint,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    info = {"citation": "", "description": "", "homepage": "", "license": ""}
    return {"dataset_info.json": _json(info), "state.json": _json(state)}


def _json(value: object) -> bytes:
    return json.dumps(value, indent=2).encode() + b"\n"


def _merge(merge: Merge) -> Merge:
    return msgspec.structs.replace(merge, describe=_describe)


WRITER: Final = OutputFormat(
    encode_intermediate=encode_intermediate,
    merges={name: _merge(merge) for name, merge in merges(_write).items()},
)
