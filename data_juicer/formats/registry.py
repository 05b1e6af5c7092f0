"""Every format, one line each: which files it reads, what it writes, and the module that does so.

Light, so that settings can be checked and `--help` shown without Arrow; the module is imported when it is used. A new
format is one module with a `READER`, a `WRITER` or both (`formats.base`), and one line in `FORMATS`
(docs/design/0050-formats.md).
"""

from __future__ import annotations

import importlib
import os.path
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, cast

import msgspec

from data_juicer.errors import InputError

if TYPE_CHECKING:
    from data_juicer.formats.base import Compression, ExportOptions, InputFormat, OutputFormat, ReadOptions


class FileFormat(msgspec.Struct, frozen=True, kw_only=True):
    """A format of files."""

    name: str
    module: str
    """Holds `READER`, an `InputFormat`, where files are read, and `WRITER`, an `OutputFormat`, where they are written."""
    suffixes: Mapping[str, Compression] = msgspec.field(default_factory=dict)
    """Of files that are read; the longest that fits counts."""
    exports: Mapping[str, Compression] = msgspec.field(default_factory=dict)
    """Values of `export_type` that are written; a dot before them is the suffix of the file."""
    intermediates: tuple[str, ...] = ()
    """Compressions of intermediate files, empty where there are none in this format; `auto` stands for the first."""
    has_schema: bool = False
    """Whether rows are Arrow values with types, which another format with types can keep."""
    parts: str = ""
    """The format of a partition's result, before results are merged to an export of this format, for rows that have a
    schema; empty: none, such rows pass as JSON Lines too."""
    options: tuple[str, ...] = ()
    """Fields of `ReadOptions` that say how files of this format are read."""
    joins: bool = False
    """Whether several small files may be read as one partition: their rows are JSON Lines when they are read."""
    exports_as: str = ""
    """The name of the files in the folder that an export is (`data.arrow`), or the suffix that they have in any case
    (`.bin`); empty: the export path is that of the file."""
    always_parts: bool = False
    """Whether results of partitions are in the format `parts` whatever the sources are."""
    export_options: tuple[str, ...] = ()
    """Fields of `ExportOptions` that say how files of this format are written."""

    def writer_with(self, options: ExportOptions) -> OutputFormat:
        """What writes files of this format as the options say."""
        writer = self.writer
        return writer if writer.configure is None else writer.configure(options)

    def taken(self, options: ReadOptions) -> ReadOptions:
        """As much of the options as this format takes."""
        from data_juicer.formats.base import ReadOptions

        return ReadOptions(**{name: getattr(options, name) for name in self.options})

    @property
    def reader(self) -> InputFormat:
        return cast("InputFormat", importlib.import_module(self.module).READER)

    @property
    def writer(self) -> OutputFormat:
        return cast("OutputFormat", importlib.import_module(self.module).WRITER)


LINES: Final = "jsonl"
"""The format in which rows pass that have no schema in common."""
TEXT: Final = "text"
"""The format of files that are one row each."""

_PACKED: Final[Mapping[str, Compression]] = {
    "": "none",
    ".gz": "gzip",
    ".zst": "zstd",
    ".bz2": "bzip2",
    ".xz": "xz",
    ".lz4": "lz4",
}
"""What follows the suffix of text -> its compression."""
_DOCUMENTS: Final = (
    "txt md markdown rst tex html xml css sql "
    "asm bat bash c c++ cc cmake cmd command cpp cs dockerfile f f03 f08 f77 f90 f95 for fpp go h h++ "
    "hh hpp hs java jl js lua m makefile perl php php3 php4 php5 phps phpt pl pm pod ps1 psd1 psm1 py "
    "rb rs scala sh smali ts tsx vb zsh"
)
"""Suffixes of text and code, those that DataJuicer's formatter of texts takes; .docx and .pdf hold no text."""


def _suffixes(*names: str) -> dict[str, Compression]:
    return {f".{name}{packed}": compression for name in names for packed, compression in _PACKED.items()}


_ALL: Final = (
    FileFormat(
        name=LINES,
        module="data_juicer.formats.jsonl.format",
        suffixes=_suffixes("jsonl"),
        options=("encoding",),
        joins=True,
        exports={"jsonl": "none", "jsonl.gz": "gzip", "jsonl.zst": "zstd"},
        intermediates=("none", "gzip", "zstd"),  # plain, so that anything can read it
    ),
    FileFormat(
        name="json",
        module="data_juicer.formats.json.format",
        suffixes=_suffixes("json"),
        options=("encoding", "field"),
        joins=True,
        exports={"json": "none"},
    ),
    FileFormat(
        name="parquet",
        module="data_juicer.formats.parquet.format",
        suffixes={".parquet": "none"},
        options=("columns",),
        exports={"parquet": "none"},
        export_options=("row_group_size", "compression", "compression_level"),
        intermediates=("snappy", "gzip", "zstd", "lz4", "none"),  # always was written with snappy
        has_schema=True,
        parts="parquet",
    ),
    FileFormat(
        name="arrow",
        module="data_juicer.formats.arrow.format",
        suffixes={".arrow": "none"},
        options=("columns",),
        exports={"arrow": "none"},
        export_options=("compression",),
        parts="parquet",
        has_schema=True,
        intermediates=("none", "zstd", "lz4"),  # uncompressed, so that it can be mapped into memory
    ),
    FileFormat(
        name="csv",
        module="data_juicer.formats.csv.format",
        suffixes=_suffixes("csv", "tsv"),
        options=("encoding", "delimiter", "quotechar", "column_names"),
        exports={"csv": "none", "tsv": "none"},
        export_options=("delimiter", "header"),
    ),
    FileFormat(
        name="huggingface",
        module="data_juicer.formats.huggingface.format",
        exports={"huggingface": "none"},
        exports_as="data.arrow",
        parts="parquet",
    ),
    FileFormat(
        name="megatron",
        module="data_juicer.formats.megatron.format",
        exports={"megatron": "none"},
        exports_as=".bin",
        export_options=("tokenizer", "text_key", "append_eod", "eod_token"),
        parts="megatron",
        always_parts=True,
    ),
    FileFormat(
        name="warc",
        module="data_juicer.formats.warc.format",
        suffixes=_suffixes("warc", "wet"),
    ),
    FileFormat(
        name=TEXT,
        module="data_juicer.formats.text.format",
        suffixes=_suffixes(*_DOCUMENTS.split()),
        options=("encoding",),
        joins=True,
    ),
)
FORMATS: Final[Mapping[str, FileFormat]] = {each.name: each for each in _ALL}

SUFFIXES: Final[Mapping[str, tuple[str, Compression]]] = {
    suffix: (each.name, compression) for each in _ALL for suffix, compression in each.suffixes.items()
}
"""Suffix of a file that is read -> its format and compression."""

EXPORTS: Final[Mapping[str, tuple[str, Compression]]] = {
    kind: (each.name, compression) for each in _ALL for kind, compression in each.exports.items()
}
"""`export_type` -> format and compression."""


def format_named(name: str) -> FileFormat:
    """Raises: InputError: there is none, as where a job was begun by a later version."""
    found = FORMATS.get(name)
    if found is None:
        raise InputError(f"the format {name!r} is not known to this version; there are {', '.join(FORMATS)}.")
    return found


def suffix_of(path: str) -> str:
    """The longest known suffix that a name ends in, in lower case; of another name what is after its last dot."""
    _, *rest = os.path.basename(path).lower().split(".")
    longest = "." + ".".join(rest[-2:])
    if not rest:
        return ""
    return longest if longest in SUFFIXES else f".{rest[-1]}"


def result_format(export_format: str, sources: Iterable[str]) -> str:
    """The format of the results of partitions: one with types where every source has them and the export keeps them."""
    asked = FORMATS[export_format]
    keeps = asked.always_parts or all(format_named(name).has_schema for name in sources)
    return asked.parts if asked.parts and keeps else LINES


def file_suffix(format_name: str, compression: str) -> str:
    """The suffix of a file, without its first dot. Compression shows where it wraps the file, as it does JSON Lines."""
    kinds = {known: kind for kind, known in FORMATS[format_name].exports.items()}
    return kinds.get(cast("Compression", compression), format_name)
