"""Tables as bytes: parquet, arrow or jsonl, with the compressions that each format has.

Arrow is imported when a table is encoded or decoded: modules with only the types of documents import this one, and with them
whoever starts the first worker.
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Final, Literal

from data_juicer.errors import CheckpointCorruptError
from data_juicer.storage.files import Data

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["parquet", "arrow", "jsonl"]
Compression = Literal["snappy", "gzip", "zstd", "lz4", "none"]

COMPRESSIONS: Final[dict[Format, tuple[Compression, ...]]] = {
    "parquet": ("snappy", "gzip", "zstd", "lz4", "none"),
    "arrow": ("zstd", "lz4", "none"),
    "jsonl": ("gzip", "zstd", "none"),
}
"""What each format can be compressed with; the first is its default, except for jsonl, which people read plain."""

_JSONL_SCHEMA: Final = "arrow_schema"


def encode_table(table: pa.Table, file_format: Format, compression: Compression) -> memoryview:
    """The bytes of a file; the same table gives the same bytes."""
    if file_format == "parquet":
        return memoryview(_encode_parquet(table, compression))
    if file_format == "arrow":
        return memoryview(_encode_arrow(table, compression))
    plain = _encode_jsonl(table)
    if compression == "gzip":
        return memoryview(gzip.compress(plain, compresslevel=6, mtime=0))
    if compression == "zstd":
        import pyarrow as pa

        return memoryview(pa.Codec("zstd").compress(plain))
    return memoryview(plain)


def decode_table(data: Data, file_format: Format, name: str) -> pa.Table:
    """The table of a file that `encode_table` made; every compression is recognised by itself.

    Raises: CheckpointCorruptError: the bytes are none such.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if file_format == "parquet":
            return pq.read_table(pa.BufferReader(pa.py_buffer(data)), use_threads=False)
        if file_format == "arrow":
            return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(data))).read_all()
        return _decode_jsonl(bytes(data))
    except (pa.ArrowException, OSError, ValueError, KeyError, EOFError) as error:
        raise CheckpointCorruptError(f"{name}: not a whole {file_format} file ({error}).") from error


def _encode_parquet(table: pa.Table, compression: Compression) -> pa.Buffer:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression=compression,
        use_dictionary=False,
        write_statistics=False,
        row_group_size=max(1, table.num_rows),
    )
    return sink.getvalue()


def _encode_arrow(table: pa.Table, compression: Compression) -> pa.Buffer:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(
        compression=None if compression == "none" else compression, use_threads=False
    )
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue()


def _encode_jsonl(table: pa.Table) -> bytes:
    schema = base64.b64encode(table.schema.serialize().to_pybytes()).decode()
    lines = [json.dumps({_JSONL_SCHEMA: schema})]
    for row in table.to_pylist():
        values = {key: value.decode() if isinstance(value, bytes) else value for key, value in row.items()}
        lines.append(json.dumps(values, ensure_ascii=False))
    return ("\n".join(lines) + "\n").encode()


def _decode_jsonl(data: bytes) -> pa.Table:
    import pyarrow as pa

    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    elif data.startswith(b"\x28\xb5\x2f\xfd"):
        data = pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
    first, *lines = data.decode().split("\n")[:-1]
    schema = pa.ipc.read_schema(pa.BufferReader(base64.b64decode(json.loads(first)[_JSONL_SCHEMA])))
    rows = [json.loads(line) for line in lines]
    columns = []
    for field in schema:
        column = [row[field.name] for row in rows]
        if pa.types.is_large_binary(field.type):
            column = [None if value is None else value.encode() for value in column]
        columns.append(pa.array(column, field.type))
    return pa.Table.from_arrays(columns, schema=schema)
