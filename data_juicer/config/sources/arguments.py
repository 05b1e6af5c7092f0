"""The two settings that hold arguments by name: `export_extra_args` and `load_dataset_kwargs`. Pure.

Their names are those that DataJuicer's users pass to `datasets` and pandas; what has no meaning here is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from data_juicer.config.sources.plain import InvalidValueError, plain_copy
from data_juicer.config.spec import Spec, read_yaml
from data_juicer.config.wording import did_you_mean, show
from data_juicer.formats.base import ExportOptions, ReadOptions
from data_juicer.formats.encodings import is_encoding
from data_juicer.formats.registry import EXPORTS, FORMATS, FileFormat

_COMPRESSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "parquet": ("zstd", "snappy", "gzip", "brotli", "lz4", "none"),
    "arrow": ("none", "zstd", "lz4"),
}
_OTHER_NAMES: Final[Mapping[str, str]] = {"sep": "delimiter", "names": "column_names"}
"""Names that mean the same -> ours."""
_USUAL: Final[Mapping[str, tuple[Any, ...]]] = {"header": (0, "infer"), "sample_by": ("document",)}
"""Arguments that are taken at values that say what is done in any case."""
_OF_EVERY_EXPORT: Final = ("export_stats",)
"""Arguments that every type of export takes."""
_NO_EFFECT: Final = ("num_proc", "keep_in_memory")
"""Arguments that cannot change a row."""


class Arguments(Spec, frozen=True, kw_only=True):
    @property
    def allowed(self) -> str:
        return "a mapping of arguments by name"

    def read(self, value: Any) -> dict[str, Any]:
        copied = {} if value is None else plain_copy(value)
        if not isinstance(copied, dict):
            raise self.refuse(value)
        return copied

    def read_words(self, words: Sequence[str]) -> Any:
        return self.read(read_yaml(" ".join(words)))


def export_options(export_type: str, arguments: Mapping[str, Any]) -> ExportOptions:
    """Raises: InvalidValueError: an argument has no meaning for this type, or a value that is not allowed."""
    file_format = FORMATS[EXPORTS[export_type][0]]
    known = (*file_format.export_options, *_OF_EVERY_EXPORT)
    for name in arguments:
        if name not in known:
            has = f"it has {', '.join(known)}"
            raise InvalidValueError(
                f"no argument of export_type {export_type}: {has}{did_you_mean(name, known)}", f".{name}"
            )
    options: ExportOptions = _converted(arguments, ExportOptions)
    if options.row_group_size is not None and options.row_group_size < 1:
        raise InvalidValueError(
            f"{options.row_group_size} is not a number of rows, at least 1", ".row_group_size"
        )
    allowed = _COMPRESSIONS.get(file_format.name, ())
    if options.compression is not None and options.compression not in allowed:
        raise InvalidValueError(
            f"{show(options.compression)} is not one of {', '.join(allowed)}", ".compression"
        )
    if options.delimiter is not None:
        _check_letter(options.delimiter, ".delimiter")
    return options


def read_options(arguments: Mapping[str, Any]) -> ReadOptions:
    """Raises: InvalidValueError: an argument has no meaning, or a value that is not allowed."""
    known = ReadOptions.__struct_fields__
    taken: dict[str, Any] = {}
    for given, value in arguments.items():
        name = _OTHER_NAMES.get(given, given)
        if name in _NO_EFFECT or (
            given == "header" and value is None and {"names", "column_names"} & arguments.keys()
        ):
            continue
        if name in _USUAL:
            if value not in _USUAL[name]:
                usual = " or ".join(map(show, _USUAL[name]))
                raise InvalidValueError(f"{show(value)} is not available; it is {usual}", f".{given}")
            continue
        if name not in known:
            raise InvalidValueError(
                f"not available; there are {', '.join(known)}{did_you_mean(given, known)}", f".{given}"
            )
        taken[name] = value
    options: ReadOptions = _converted(taken, ReadOptions)
    for name in ("delimiter", "quotechar"):
        if getattr(options, name):
            _check_letter(getattr(options, name), f".{name}")
    if options.encoding:
        _check_encoding(options.encoding)
    return options


def find_useless(options: ReadOptions, formats: Iterable[FileFormat]) -> str | None:
    """The first option that none of these formats takes."""
    taken = {name for each in formats for name in each.options}
    usual = ReadOptions()
    return next(
        (
            name
            for name in ReadOptions.__struct_fields__
            if getattr(options, name) != getattr(usual, name) and name not in taken
        ),
        None,
    )


def _converted(arguments: Mapping[str, Any], kind: Any) -> Any:
    try:
        return msgspec.convert(dict(arguments), kind)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at ")
        raise InvalidValueError(text[:1].lower() + text[1:], place.strip("`").removeprefix("$")) from None


def _check_letter(value: str, below: str) -> None:
    if len(value) != 1 or value in "\r\n" or not value.isascii():
        raise InvalidValueError(f"{show(value)} is not one ASCII character", below)


def _check_encoding(name: str) -> None:
    if not is_encoding(name):
        raise InvalidValueError(
            f"{show(name)} is not an encoding of text, such as utf-16-le or gb18030", ".encoding"
        )
