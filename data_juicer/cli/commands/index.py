"""dj-jobs index."""

from __future__ import annotations

import argparse
import json
import os
import textwrap
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from data_juicer.cli.output import Output
from data_juicer.cli.signals import StopSignals
from data_juicer.errors import CheckpointError, ConfigError
from data_juicer.monitor.table import format_table
from data_juicer.monitor.views.amounts import format_bytes
from data_juicer.printable import printable
from data_juicer.storage import open_store
from data_juicer.storage.base import Store
from data_juicer.storage.locations.uri import absolute
from data_juicer.store.index.segments import check_segment
from data_juicer.store.index.versions import (
    IndexVersion,
    find_unnamed,
    read_version,
    segments_dir,
    version_numbers,
)

NAME: Final = "index"
HELP: Final = "Show what an index of deduplicators holds, or make the n-grams of benchmarks."

_NGRAMS: Final = ".ngrams"


class IndexedJob(msgspec.Struct, frozen=True, kw_only=True):
    job: str
    since_version: int
    """The first version that has what it added."""
    rows_in: int
    rows: int
    compared_with: tuple[str, ...]
    size_bytes: int
    created: str


class IndexReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives of an index."""

    path: str
    version: int
    versions: tuple[int, ...]
    operator: str
    parameters: dict[str, Any]
    rows: int
    size_bytes: int
    jobs: tuple[IndexedJob, ...]
    unnamed_files: tuple[str, ...]
    """Segments that no version names: of jobs that run, or that never came to their end."""
    files_read: int = 0
    damaged: tuple[str, ...] = ()
    """With --verify: what is not what was committed, a sentence each."""


class NgramReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `--output json` gives of n-grams."""

    path: str
    n: int
    min_words: int
    ngrams: int
    texts: int
    texts_left_out: int
    sources: tuple[str, ...]
    size_bytes: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="the folder of an index, or a file of n-grams; with --write, benchmarks of any format",
    )
    parser.add_argument(
        "--verify", action="store_true", help="read every segment and compare it with its version"
    )
    parser.add_argument(
        "--write", metavar="FILE", help="make the n-grams of benchmarks, for ngram_overlap_filter"
    )
    parser.add_argument("--n", type=int, default=13, help="words of an n-gram (default: 13)")
    parser.add_argument(
        "--min_words",
        type=int,
        default=8,
        metavar="N",
        help="shorter benchmark texts are left out (default: 8)",
    )


def run(arguments: argparse.Namespace, output: Output, _: StopSignals) -> int | None:
    paths = [absolute(os.path.expanduser(path)) for path in arguments.paths]
    if arguments.write is not None:
        found = _write(paths, absolute(os.path.expanduser(arguments.write)), arguments.n, arguments.min_words)
        output.emit(found, lambda _: _ngram_lines(found))
        return None
    if len(paths) != 1:
        raise ConfigError("name one index; several benchmarks are read with --write. Nothing was changed.")
    if paths[0].endswith(_NGRAMS):
        found = _ngrams(open_store(paths[0]), paths[0])
        output.emit(found, lambda _: _ngram_lines(found))
        return None
    report = _report(open_store(paths[0]), paths[0], is_verified=arguments.verify)
    output.emit(report, lambda columns: _lines(report, columns))
    return 1 if report.damaged else None


# ---- an index of deduplicators


def _report(store: Store, path: str, *, is_verified: bool) -> IndexReport:
    """Raises: ConfigError: there is none. CheckpointError: its newest version cannot be read."""
    numbers = version_numbers(store, path)
    if not numbers:
        raise ConfigError(f"there is no index in {path}.")
    newest, since, damaged = read_version(store, path, numbers[-1]), dict[tuple[str, int, str], int](), []
    versions = []
    for number in numbers:
        try:
            versions.append(read_version(store, path, number))
        except CheckpointError as error:
            damaged.append(str(error))
    for version in versions:
        for each in version.additions:
            since.setdefault((each.job_uuid, each.operator_index, each.key), version.version)
    files = 0
    if is_verified:
        files, found = _verified(store, path, versions)
        damaged += found
    return IndexReport(
        path=path,
        version=newest.version,
        versions=tuple(numbers),
        operator=newest.keys.operator,
        parameters=newest.keys.parameters,
        rows=newest.rows,
        size_bytes=sum(segment.size_bytes for addition in newest.additions for segment in addition.segments),
        jobs=tuple(
            IndexedJob(
                job=each.job,
                since_version=since[each.job_uuid, each.operator_index, each.key],
                rows_in=each.rows_in,
                rows=each.rows,
                compared_with=tuple(
                    f"version {pin.version}" if pin.path == path else f"{pin.path} version {pin.version}"
                    for pin in each.compared_with
                ),
                size_bytes=sum(segment.size_bytes for segment in each.segments),
                created=each.created,
            )
            for each in newest.additions
        ),
        unnamed_files=() if damaged else tuple(find_unnamed(store, path)),
        files_read=files,
        damaged=tuple(damaged),
    )


def _verified(store: Store, path: str, versions: Sequence[IndexVersion]) -> tuple[int, list[str]]:
    """How many segments were read, and what is wrong with them."""
    segments = {
        segment.file: segment
        for version in versions
        for addition in version.additions
        for segment in addition.segments
    }
    damaged = []
    for segment in segments.values():
        try:
            check_segment(store, path, segment)
        except CheckpointError as error:
            damaged.append(str(error))
    return len(segments), damaged


def _lines(report: IndexReport, columns: int) -> list[str]:
    jobs = "1 job" if len(report.jobs) == 1 else f"{len(report.jobs):,} jobs"
    what = f"{report.rows:,} rows of {jobs}, {format_bytes(report.size_bytes)}"
    found = [
        f"{name} {json.dumps(value)}" for name, value in report.parameters.items() if value not in (None, [])
    ]
    keys = printable(f"keys of {report.operator}: {', '.join(found)}")
    lines = [
        f"version {report.version} of {printable(report.path)}: {what}",
        *textwrap.wrap(keys, max(columns, 40), subsequent_indent="  ", break_on_hyphens=False),
        "",
        *format_table(
            ["job", "version", "rows", "of", "size", "compared with"],
            [
                [
                    each.job,
                    str(each.since_version),
                    f"{each.rows:,}",
                    f"{each.rows_in:,}",
                    format_bytes(each.size_bytes),
                    ", ".join(each.compared_with) or "nothing",
                ]
                for each in report.jobs
            ],
            columns,
        ),
    ]
    if report.unnamed_files:
        count = len(report.unnamed_files)
        files = "1 file" if count == 1 else f"{count:,} files"
        lines += [
            "",
            f"{files} in {printable(segments_dir(report.path))} that no version names: of jobs that run, or never ended",
        ]
    if report.files_read and not report.damaged:
        read = "1 segment was" if report.files_read == 1 else f"{report.files_read:,} segments were"
        lines += ["", f"{read} read; nothing is wrong"]
    return [*lines, *(f"damaged: {printable(sentence)}" for sentence in report.damaged)]


# ---- n-grams of benchmarks


def _write(inputs: Sequence[str], path: str, n: int, min_words: int) -> NgramReport:
    """Raises: ConfigError, InputError, StoreError."""
    from data_juicer.formats.whole_files import read_whole_files
    from data_juicer.ops.resources.ngram_index import WORDS_MAX, NgramForm, encode_index, make_index

    if not path.endswith(_NGRAMS):
        raise ConfigError(f"--write {path}: the name must end in {_NGRAMS}. Nothing was changed.")
    if not 1 <= n <= WORDS_MAX:
        raise ConfigError(f"--n {n}: expected a number from 1 to {WORDS_MAX}. Nothing was changed.")
    if min_words < 1:
        raise ConfigError(f"--min_words {min_words}: expected a number from 1 on. Nothing was changed.")
    store = open_store(path, *inputs)
    index = make_index(NgramForm(n=n, words_min=min(min_words, n)), read_whole_files(store, inputs))
    store.make_dirs(os.path.dirname(path))
    store.put(path, encode_index(index))
    return _ngrams(store, path)


def _ngrams(store: Store, path: str) -> NgramReport:
    """Raises: ConfigError: there is none. InputError: it is damaged."""
    from data_juicer.ops.resources.ngram_index import decode_index

    try:
        data = store.map(path)
    except FileNotFoundError as error:
        raise ConfigError(f"there is no file {path}.") from error
    index = decode_index(data, path)
    return NgramReport(
        path=path,
        n=index.form.n,
        min_words=index.form.words_min,
        ngrams=len(index.hashes),
        texts=len(index.text_row),
        texts_left_out=index.texts_left_out,
        sources=tuple(index.sources),
        size_bytes=len(memoryview(data)),
    )


def _ngram_lines(report: NgramReport) -> list[str]:
    files = "1 file" if len(report.sources) == 1 else f"{len(report.sources):,} files"
    texts = "1 text" if report.texts == 1 else f"{report.texts:,} texts"
    what = f"{report.ngrams:,} n-grams of {report.n} words, of {texts} in {files}"
    lines = [f"{printable(report.path)}: {what}, {format_bytes(report.size_bytes)}"]
    if report.texts_left_out:
        lines.append(f"{report.texts_left_out:,} of fewer than {report.min_words} words are left out")
    return lines
