"""What filters measured of the rows of one partition: the file beside a result, and its part in each checkpoint. Pure.

The values of a stat are kept in the order of the rows, so that what another bound would have dropped is counted and not guessed.
Of a partition with more than EXACT_ROWS_MAX rows a KLL sketch is kept instead, of some ten kilobytes whatever the rows.
Nothing is decided from statistics: a job whose statistics are lost gives the same rows.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_juicer.errors import CheckpointCorruptError, NewerFormatError
from data_juicer.storage.files import Data
from data_juicer.version import VERSION

EXACT_ROWS_MAX: Final = 5_000
"""Rows of a partition up to which every value is kept: at most 8 bytes a row and stat, before the file is packed."""
SKETCH_K: Final = 400
"""Of a KLL sketch: ranks are right within 0.7 % of the rows, with 99 % confidence."""
STATS_SUFFIX: Final = "stats"
"""Of the file beside a result."""
STATS_METADATA: Final = b"data_juicer.stats"
"""Key of the statistics of a checkpoint among the metadata of its delta."""
_OTHER_BYTES_MAX: Final = 64
"""A row, of a stat that is no number; longer ones are left out, such as whole texts in a field."""
_STATS_VERSION: Final = 1
NUMBERS: Final = {
    str(kind): kind
    for kind in (
        pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(),
        pa.float32(), pa.float64(), pa.bool_(),
    )
}  # fmt: skip


_WORDS: Final = {str(kind): kind for kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())}


class StatColumn(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One stat of the rows that one filter was given."""

    name: str
    form: Literal["numbers", "words", "arrow", "sketch"]
    """`numbers`: the first bytes of all values, then the second ones and so on. `words`: the same of numbers in `words`.
    `arrow`: an IPC stream of one column. `sketch`: a KLL sketch of 64-bit floats."""
    data: bytes
    kind: str = ""
    """Type of the values, as Arrow names it."""
    words: tuple[bytes, ...] = ()
    """The values that there are; the number after the last one stands for null."""


class OperatorStats(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one filter measured of a partition."""

    operator_index: int
    operator_name: str
    rows: int
    """Rows whose stats were computed: those that reached the filter, rows that it failed on left out."""
    rows_kept: int
    is_aligned: bool
    """Whether a value stands for each row that reached the filter, in the order of the rows."""
    columns: tuple[StatColumn, ...]

    @property
    def is_exact(self) -> bool:
        return all(column.form != "sketch" for column in self.columns)

    def arrays(self) -> dict[str, pa.Array]:
        """The stats of each row by name, shape (rows,); those of which only a sketch is kept are missing.

        Raises: CheckpointCorruptError.
        """
        return {
            column.name: unpack_column(column, self.rows)
            for column in self.columns
            if column.form != "sketch"
        }

    def sketches(self) -> dict[str, Any]:
        """The KLL sketches by name. Raises: CheckpointCorruptError."""
        return {column.name: read_sketch(column.data) for column in self.columns if column.form == "sketch"}


class _File(msgspec.Struct, frozen=True, kw_only=True):
    stats_version: int = _STATS_VERSION
    operators: tuple[OperatorStats, ...]


_MAGIC: Final = b"DJSTATS2"
_LZ4: Final = pa.Codec("lz4")
"""A context of zstd takes half a megabyte of fresh memory a call: 0.2 ms, for 4 % fewer bytes."""
_CODECS: Final = {_MAGIC: _LZ4, b"DJSTATS1": pa.Codec("zstd")}
"""By how a file begins; earlier versions wrote zstd."""
_SIZE: Final = struct.Struct("<Q")
_HEAD_BYTES: Final = len(_MAGIC) + _SIZE.size
_FILE_BYTES_MAX: Final = 1 << 30
_NOT_DECODED: Final = (
    msgspec.MsgspecError,
    pa.ArrowException,
    OSError,
    ValueError,
    RecursionError,
    struct.error,
)
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_File)


def pack_stats(
    operator_index: int,
    operator_name: str,
    stats: Mapping[str, pa.Array],
    *,
    rows_kept: int,
    is_aligned: bool,
) -> OperatorStats:
    """The statistics of one filter over one partition.

    Args:
        stats: by name, shape (rows,), in the order of the rows.
    """
    rows = len(next(iter(stats.values()))) if stats else 0
    packed = (_packed(name, column, exact=rows <= EXACT_ROWS_MAX) for name, column in stats.items())
    return OperatorStats(
        operator_index=operator_index,
        operator_name=operator_name,
        rows=rows,
        rows_kept=rows_kept,
        is_aligned=is_aligned,
        columns=tuple(column for column in packed if column is not None),
    )


def encode_stats(operators: Iterable[OperatorStats]) -> bytes:
    """The bytes of a file of statistics: packed as a whole, which costs less than one column after the other."""
    plain = _ENCODER.encode(_File(operators=tuple(operators)))
    packed: bytes = _LZ4.compress(plain, asbytes=True)
    return _MAGIC + _SIZE.pack(len(plain)) + packed


def decode_stats(data: Data, name: str) -> tuple[OperatorStats, ...]:
    """Raises: CheckpointCorruptError: this is none. NewerFormatError."""
    try:
        codec, size_bytes = _head(data)
        plain = codec.decompress(memoryview(data)[_HEAD_BYTES:], size_bytes, asbytes=True)
        file = _DECODER.decode(plain)
    except _NOT_DECODED as error:
        raise CheckpointCorruptError(f"{name}: no statistics of filters ({error}).") from error
    if file.stats_version > _STATS_VERSION:
        raise NewerFormatError(
            f"{name}: statistics of version {file.stats_version}; this data_juicer ({VERSION}) reads {_STATS_VERSION}."
        )
    return file.operators


def _head(data: Data) -> tuple[pa.Codec, int]:
    """With what a file is packed, and how many bytes are. Raises: ValueError, struct.error: it does not begin as a file of statistics."""
    begin = bytes(memoryview(data)[:_HEAD_BYTES])
    (size_bytes,) = _SIZE.unpack(begin[len(_MAGIC) :])
    codec = _CODECS.get(begin[: len(_MAGIC)])
    if codec is None or size_bytes > _FILE_BYTES_MAX:
        raise ValueError("it does not begin as one")
    return codec, int(size_bytes)


def with_stats(delta: pa.Table, stats: bytes) -> pa.Table:
    """The delta of a checkpoint with encoded statistics among its metadata, where readers that know none pass over them."""
    return delta.replace_schema_metadata({STATS_METADATA: base64.b64encode(stats)})


def find_stats(delta: pa.Table) -> tuple[OperatorStats, ...]:
    """The statistics that a delta carries. Raises: CheckpointCorruptError. NewerFormatError."""
    encoded = (delta.schema.metadata or {}).get(STATS_METADATA)
    try:
        return (
            () if encoded is None else decode_stats(base64.b64decode(encoded, validate=True), "a checkpoint")
        )
    except binascii.Error as error:
        raise CheckpointCorruptError(f"statistics in a checkpoint are damaged ({error}).") from error


def join_stats(parts: Sequence[Mapping[str, pa.Array]]) -> dict[str, pa.Array]:
    """The stats of several batches as one, names that not all have, or not with one type, left out."""
    if len(parts) == 1:
        return dict(parts[0])
    names = [name for name in (parts[0] if parts else ()) if all(name in part for part in parts)]
    joined = {}
    for name in names:
        columns = [part[name] for part in parts]
        kinds = {column.type for column in columns if not pa.types.is_null(column.type)}
        if len(kinds) <= 1:
            kind = kinds.pop() if kinds else pa.null()
            joined[name] = pa.concat_arrays([column.cast(kind) for column in columns])
    return joined


def new_sketch(k: int = SKETCH_K) -> Any:
    """An empty KLL sketch of 64-bit floats."""
    import datasketches

    return datasketches.kll_doubles_sketch(k)


def read_sketch(data: bytes) -> Any:
    """Raises: CheckpointCorruptError."""
    import datasketches

    try:
        return datasketches.kll_doubles_sketch.deserialize(data)
    except Exception as error:  # what it raises is not said
        raise CheckpointCorruptError(f"a sketch of statistics is damaged ({error}).") from error


def _packed(name: str, column: pa.Array, *, exact: bool) -> StatColumn | None:
    kind = str(column.type)
    if kind in NUMBERS and (column.null_count == 0 or not exact):
        values = column.drop_null().to_numpy(zero_copy_only=False)
        if exact:
            return StatColumn(name=name, form="numbers", data=_planes(values), kind=kind)
        sketch, numbers = new_sketch(), values.astype(np.float64)
        sketch.update(numbers[~np.isnan(numbers)])
        return StatColumn(name=name, form="sketch", data=sketch.serialize())
    if not exact or column.nbytes > _OTHER_BYTES_MAX * max(len(column), 64):
        return None
    if kind in _WORDS:
        coded = column.dictionary_encode()
        words = [word.encode() if isinstance(word, str) else word for word in coded.dictionary.to_pylist()]
        numbers = coded.indices.fill_null(len(words)).to_numpy().astype(np.uint16)  # at most EXACT_ROWS_MAX
        return StatColumn(name=name, form="words", data=_planes(numbers), kind=kind, words=tuple(words))
    return arrow_column(name, column)


def arrow_column(name: str, column: pa.Array) -> StatColumn:
    """The values of a stat of any type."""
    sink = pa.BufferOutputStream()
    table = pa.table({name: column})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return StatColumn(name=name, form="arrow", data=sink.getvalue().to_pybytes(), kind=str(column.type))


def _planes(values: npt.NDArray[Any]) -> bytes:
    """The bytes of the values, those of equal weight together, so that small numbers are packed to little."""
    return values.view(np.uint8).reshape(len(values), values.itemsize).T.tobytes()


def unpack_column(column: StatColumn, rows: int) -> pa.Array:
    """The values, shape (rows,). Raises: CheckpointCorruptError."""
    try:
        if column.form == "numbers":
            array = _numbers(column.data, NUMBERS[column.kind], rows)
        elif column.form == "words":
            array = _spelled(column, rows)
        else:
            array = pa.ipc.open_stream(pa.py_buffer(column.data)).read_all().column(0).combine_chunks()
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise CheckpointCorruptError(f"statistics of {column.name} are damaged ({error}).") from error
    if len(array) != rows:
        raise CheckpointCorruptError(f"statistics of {column.name}: {len(array)} values of {rows} rows.")
    return array


def numbers_dtype(kind: pa.DataType) -> np.dtype[Any]:
    return np.dtype(np.bool_ if pa.types.is_boolean(kind) else kind.to_pandas_dtype())


def _numbers(data: bytes, kind: pa.DataType, rows: int) -> pa.Array:
    dtype = numbers_dtype(kind)
    by_byte = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, rows)
    return pa.array(np.ascontiguousarray(by_byte.T).view(dtype).reshape(rows))


def _spelled(column: StatColumn, rows: int) -> pa.Array:
    kind = _WORDS[column.kind]
    numbers = np.asarray(_numbers(column.data, pa.uint16(), rows)).astype(np.int32)
    words = pa.array(column.words, pa.large_binary()).cast(kind)
    return words.take(pa.array(numbers, mask=numbers >= len(column.words)))
