"""Results as tokens for Megatron-LM: `.bin` holds the tokens of all documents, `.idx` where each document is.

Source of the layout: NVIDIA Megatron-LM, megatron/core/datasets/indexed_dataset.py. A row is a document of one sequence.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

import numpy as np

from data_juicer.formats.base import ExportOptions, Merge, OutputFormat, Parts, ReadPart
from data_juicer.formats.jsonl.format import encode_intermediate
from data_juicer.formats.megatron.tokens import CODES, code_of, decode_part, encode_part

if TYPE_CHECKING:
    from data_juicer.formats.base import Compression
    from data_juicer.rows.batch import Batch

_MAGIC: Final = b"MMIDIDX\x00\x00"
_VERSION: Final = 1
_CHUNK: Final = 1 << 20


class _Found(NamedTuple):
    code: int
    documents: dict[str, int]
    """Part -> how many it has."""


def _survey(parts: Parts, read: ReadPart) -> _Found:
    code, documents = code_of(1), {}
    for path in parts:
        part = decode_part(read(path))
        code, documents[path] = part.code, len(part.lengths)
    return _Found(code, documents)


def _write_tokens(parts: Parts, read: ReadPart, _: _Found, sink: BinaryIO) -> None:
    sink.writelines(decode_part(read(path)).tokens for path in parts)


def _write_index(parts: Parts, read: ReadPart, found: _Found, sink: BinaryIO) -> None:
    """Header, lengths of sequences, where each begins, and the sequence that each document begins with."""
    documents = sum(found.documents[path] for path in parts)
    sink.write(_MAGIC + struct.pack("<QBQQ", _VERSION, found.code, documents, documents + 1))
    sink.writelines(decode_part(read(path)).lengths.tobytes() for path in parts)
    width, start = CODES[found.code].itemsize, 0
    for path in parts:
        stops = start + np.cumsum(decode_part(read(path)).lengths, dtype=np.int64) * width
        if len(stops):
            sink.write(np.concatenate(([start], stops[:-1])).astype("<i8").tobytes())
            start = int(stops[-1])
    sink.writelines(
        np.arange(first, min(documents + 1, first + _CHUNK), dtype="<i8").tobytes()
        for first in range(0, documents + 1, _CHUNK)
    )


def _no_documents(parts: Parts, read: ReadPart) -> _Found:
    """Of a job without partitions."""
    del read
    return _Found(code_of(1), dict.fromkeys(parts, 0))


class _Encoder:
    """Tokenizes in a worker; the tokenizer is loaded when the first partition is encoded."""

    def __init__(self, options: ExportOptions) -> None:
        self._options = options
        self._tokenizer: Any = None

    def __call__(self, batch: Batch, compression: Compression, *, keep_stats: bool) -> bytes:
        if self._tokenizer is None:
            self._tokenizer = load_tokenizer(self._options.tokenizer)
        texts = batch.text(self._options.text_key).to_pylist()
        return encode_part(list(self._documents(texts)), code_of(self._tokenizer.get_vocab_size()))

    def _documents(self, texts: list[str]) -> Iterator[list[int]]:
        end = end_token(self._tokenizer, self._options) if self._options.append_eod else None
        for found in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False):
            yield [*found.ids, end] if end is not None else found.ids


def load_tokenizer(path: str) -> Any:
    """A `tokenizer.json`. Raises: Exception: it is none."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # a worker runs one thread
    import tokenizers

    tokenizer = tokenizers.Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def end_token(tokenizer: Any, options: ExportOptions) -> int | None:
    """The token after each document; None: the tokenizer has none of those that are tried."""
    names = [options.eod_token] if options.eod_token else _END_TOKENS
    return next((found for name in names if (found := tokenizer.token_to_id(name)) is not None), None)


_END_TOKENS: Final = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "[EOS]", "<eod>")


def _writer(options: ExportOptions) -> OutputFormat:
    index = {".idx": _write_index}
    return OutputFormat(
        encode=_Encoder(options),
        encode_intermediate=encode_intermediate,
        merges={
            "megatron": Merge(survey=_survey, write=_write_tokens, beside=index),
            "jsonl": Merge(survey=_no_documents, write=lambda *_: None, beside=index),
        },
        configure=_writer,
    )


WRITER: Final = _writer(ExportOptions())
