"""What every format answers to: sources, fragments, the rows read from one fragment, results encoded and merged."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, Protocol

import msgspec

from data_juicer.errors import COMMITTED_IS_SAFE, InputError, StoreError

if TYPE_CHECKING:
    from data_juicer.rows.batch import Batch
    from data_juicer.rows.place import Place
    from data_juicer.storage.base import Store

Compression = Literal["none", "gzip", "zstd", "bzip2", "xz", "lz4"]
"""Of files that are read; results are written with the first three."""

TOO_LONG: Final = "too_long"
"""Type of the error of a row that is longer than partition.max_row_mb; its dead letter need not hold the whole row."""
LONG_ROW_BYTES_KEPT: Final = 1000
"""Of a row that is too long; the rest stays in the source."""
NULL_TEXT: Final = "null_text"
"""Type of the error of a row whose text is null or missing, in every format."""
SOURCE_SHIFT_BITS: Final = 40
"""A row id is the source's index shifted by this, plus the row's number in its source: 2^40 rows, 2^24 sources."""


class ReadOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a recipe says that a file is to be read; which format takes which is in `formats.registry`."""

    encoding: str = ""
    """Of text; empty: UTF-8, or what a byte order mark says."""
    delimiter: str = ""
    """Between values; empty: what the suffix or the header says."""
    quotechar: str = ""
    """Around values; empty: a double quote."""
    column_names: tuple[str, ...] = ()
    """Of a table without a header; empty: the first record is the header."""
    columns: tuple[str, ...] = ()
    """Of a table with types, those that are read; empty: all. Their order is that of the file."""
    field: str = ""
    """The member of the one object of a JSON file that holds the rows."""


class SourceFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One input file. Size and time decide whether it has to be read again on a resume."""

    index: int
    path: str
    format: str
    """One of `formats.registry.FORMATS`."""
    compression: Compression
    size_bytes: int
    mtime_ns: int
    options: ReadOptions = ReadOptions()
    input: int = 0
    """Number of the input that named it, in the order of the recipe; of several, the first."""


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """The files of an input that are not read."""

    given: str
    """The folder or pattern, as the recipe has it."""
    counts: dict[str, int]
    """Suffix -> files, the most frequent first."""

    @property
    def files(self) -> int:
        return sum(self.counts.values())


class Fragment(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Consecutive rows of one source. For compressed sources bytes and lines are those of the unpacked text."""

    source: int
    row_start: int
    row_stop: int
    byte_start: int
    byte_stop: int
    digest: str
    """xxh3-128 in hex of the bytes [byte_start, byte_stop); of Parquet with the schema, which decides what they mean."""
    line_start: int = 0
    """Number of the first line, 1 for the first of the file; 0 in formats without lines."""
    groups: tuple[int, ...] = ()
    """The number of the first row group of the source that these rows are in, and then the row of the source with
    which each row group begins, from that one on; empty in formats without row groups."""
    columns: tuple[str, ...] = ()
    """Those that its rows have, where the file has more; digest and bytes are of these alone."""
    long_row_bytes: int = 0
    """Of the one row of a copy that is too long to be kept: the copy holds its first LONG_ROW_BYTES_KEPT bytes, and the
    digest is of those and of this length."""
    suffix: str = ""
    """That of the source's name, such as ".jsonl", where operators are to know it; else empty."""
    converted_bytes: int = 0
    """Of a copy whose rows were converted: its JSON Lines. Bytes and lines of the fragment are those of the source all
    the same, and after the JSON Lines the copy says where each row is (`formats.jsonl.converted`)."""
    places_bytes: int = 0
    """Of that."""

    @property
    def identity(self) -> str:
        """What its rows are to operators: the digest, and the suffix where they know it."""
        return self.digest + self.suffix

    @property
    def rows(self) -> int:
        return self.row_stop - self.row_start

    @property
    def copy_bytes(self) -> int:
        """The size of a copy that holds it alone."""
        if self.converted_bytes:
            return self.converted_bytes + self.places_bytes
        return LONG_ROW_BYTES_KEPT if self.long_row_bytes else self.byte_stop - self.byte_start


class FragmentLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much one fragment may hold; a single larger row is a fragment of its own."""

    rows_max: int
    size_bytes_max: int
    row_bytes_max: int = 0
    """A longer row is a fragment of its own and, since it is never used, not copied; 0: no limit."""


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that could not be read."""

    place: Place
    raw: bytes
    error_type: str
    message: str
    is_whole: bool = True
    """False where `raw` is only the beginning of a row that is too long."""


class ReadRows(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one fragment: the good ones as a batch, the bad ones by name."""

    batch: Batch
    bad: tuple[BadRow, ...]
    rows_in: int
    rows_left_out: int = 0
    """Rows that the recipe's mixture does not take."""
    rows_repeated: int = 0
    """Copies of rows that it takes several times."""


class FragmentReader(Protocol):
    """Reads one fragment."""

    def __call__(
        self,
        store: Store,
        path: str,
        fragment: Fragment,
        text_keys: tuple[str, ...],
        *,
        row_bytes_max: int,
        offset: int | None = None,
        null_is_empty: bool = False,
    ) -> ReadRows:
        """Rows of a fragment, whose bytes start at `offset` of `path` (default: at `fragment.byte_start`).

        Args:
            null_is_empty: a text that is null or missing is the empty text; else its row is bad, of type NULL_TEXT.

        Raises: InputError: the file cannot be read, or its bytes are not those that the scan saw.
        """


class Outline(Protocol):
    """Finds the fragments of one file, without their digests, from the surveys of its ranges."""

    def add(self, survey: bytes) -> list[Fragment]:
        """The fragments that are known with the survey of the next range."""

    def finish(self) -> list[Fragment] | None:
        """The last ones; None: this file must be unpacked."""


class SharedScan(msgspec.Struct, frozen=True, kw_only=True):
    """How several processes scan one file. The fragments are those of `InputFormat.scan`, whatever the ranges are.

    Ranges of bytes are surveyed, each by itself; the fragments are outlined from the surveys in their order; and fragments are
    digested, each by itself.
    """

    survey: Callable[[Store, SourceFile, int, int], bytes] | None = None
    """What the range [start, stop) of bytes tells; None: the outline needs no survey."""
    applies: Callable[[Store, SourceFile], bool] = lambda _store, _source: True
    """Whether this file can be scanned so; a look at its first bytes."""
    outline: Callable[[Store, SourceFile, FragmentLimits], Outline]
    digest: Callable[[Store, SourceFile, Sequence[Fragment]], list[str]]
    """The digests of outlined fragments."""


class InputFormat(msgspec.Struct, frozen=True, kw_only=True):
    """How files of a format are read. A format whose files cannot be cut has no `scan`; its rows are unpacked into copies."""

    scan: Callable[[Store, SourceFile, FragmentLimits], Iterable[Fragment] | None] | None = None
    """The fragments of a file that is not packed, to be read where they are; None: this file must be unpacked."""
    shared: SharedScan | None = None
    """The same by several processes, where a file can be cut."""
    unpack: Callable[[Store, SourceFile, FragmentLimits], Iterable[tuple[Fragment, bytes]]]
    """The fragments of a file of any compression, each with the bytes of a copy that holds it alone."""
    copies: str = ""
    """The format of those copies; empty: the same."""
    read: FragmentReader
    """Reads fragments of files, and of copies in this format."""
    check: Callable[[Store, SourceFile, Sequence[str]], None]
    """Looks at the first rows before anything is created. Raises: InputError: they lack a text key, or cannot be read."""


Parts = Sequence[str]
"""Paths of the results of partitions, in the order of the input."""
ReadPart = Callable[[str], bytes]


class ExportOptions(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """How a recipe says that the result is to be written; which format takes which is in `formats.registry`."""

    row_group_size: int | None = None
    """Rows of a row group of Parquet; None: some 32 MB."""
    compression: str | None = None
    """Of Parquet and Arrow; None: what is usual."""
    compression_level: int | None = None
    delimiter: str | None = None
    """Between values of CSV; None: what the format has."""
    header: bool = True
    """Whether CSV begins with the names of its columns."""
    tokenizer: str = ""
    """The `tokenizer.json` that makes tokens."""
    text_key: str = ""
    """The text that is made tokens; empty: the first of text_keys."""
    append_eod: bool = True
    """Whether a token that ends it is after each document."""
    eod_token: str = ""
    """That token; empty: the first of the usual ones that the tokenizer has."""
    export_stats: bool = True
    """Whether stats and tags of the rows go into a file of their own beside the export."""
    tokenizer_digest: str = ""
    """Of the file; no option, but found at the start."""


class Merge(msgspec.Struct, frozen=True, kw_only=True):
    """How results of partitions become one file, in two passes over them and in the memory of a few."""

    survey: Callable[[Parts, ReadPart], Any]
    """What holds every row of every part, such as a schema."""
    write: Callable[[Parts, ReadPart, Any, BinaryIO], None]
    """Some of the parts as one file, given what `survey` found in all."""
    beside: Mapping[str, Callable[[Parts, ReadPart, Any, BinaryIO], None]] = msgspec.field(
        default_factory=dict
    )
    """Suffix -> what writes another file beside each one, of the same parts. They are meaningless without each other."""
    describe: Callable[[Sequence[str], Sequence[str], Any], Mapping[str, bytes]] | None = None
    """Names and digests of all files, and what `survey` found -> further files in their folder, the last of which makes
    the others valid."""


class ResultEncoder(Protocol):
    def __call__(self, batch: Batch, compression: Compression, *, keep_stats: bool) -> bytes:
        """The result of a partition; equal bytes for equal rows."""


class OutputFormat(msgspec.Struct, frozen=True, kw_only=True):
    """How files of a format are written."""

    encode: ResultEncoder | None = None
    """None: no result of a partition has this format."""
    encode_intermediate: Callable[[Batch, str], bytes]
    """Whole rows with all stats, in one of `FileFormat.intermediates`."""
    merges: Mapping[str, Merge] = msgspec.field(default_factory=dict)
    """Format of the results of partitions -> how they become one file; results of a format that is not here are joined
    byte by byte."""
    configure: Callable[[ExportOptions], OutputFormat] | None = None
    """The same format with options; None: it has none."""


@contextlib.contextmanager
def reading_input(path: str) -> Iterator[None]:
    """What a store says of a file that it cannot read becomes an error of the input. Raises: InputError."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except StoreError as error:
        remedy = f" {COMMITTED_IS_SAFE}. {error.remedy}" if error.remedy else ""
        reason = (error.reason or error.finding).removesuffix(".")
        raise InputError(f"{path}: cannot be read: {reason}.{remedy}") from error


def read_range(store: Store, path: str, start: int, stop: int) -> bytes:
    """The bytes [start, stop) of a file.

    Raises: InputError: the file cannot be read or is shorter.
    """
    with reading_input(path):
        data = store.read_range(path, start, stop)
    check_length(path, start, stop, data)
    return data


def check_length(path: str, start: int, stop: int, data: bytes) -> None:
    """Raises: InputError: these are not all of the bytes [start, stop) of a file."""
    filled = start + len(data)
    if filled < stop:
        raise source_changed(path, f"it ends at byte {filled:,}, the scan saw bytes up to {stop:,}")


def source_changed(path: str, finding: str) -> InputError:
    """The error for a file whose bytes are no longer those of the scan."""
    return InputError(
        f"{path}: {finding}. The input changed while the job was running; "
        "committed work is safe. Start the job again: it takes up the input as it is now."
    )
