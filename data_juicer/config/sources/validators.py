"""`validators`: what the rows of the input must have before a job begins, in DataJuicer's form. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from data_juicer.config.sources.plain import InvalidValueError
from data_juicer.config.spec import Integer, Number, Spec, read_yaml
from data_juicer.config.wording import did_you_mean, show

TYPES: Final[Mapping[str, tuple[type, ...]]] = MappingProxyType(
    {
        "str": (str,),
        "string": (str,),
        "int": (int,),
        "integer": (int,),
        "float": (float,),
        "bool": (bool,),
        "boolean": (bool,),
        "list": (list,),
        "dict": (dict,),
    }
)
"""Name of a type -> those of the values that have it; those of DataJuicer's that values of files can have."""
_KIND: Final = "required_fields"
_SAMPLE_MAX: Final = 100_000


class RequiredFields(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that the first rows of every input must have."""

    required_fields: tuple[str, ...]
    field_types: Mapping[str, str] = {}
    """Field -> name of its type."""
    allow_missing: float = 0.0
    """Share of the rows that may lack a field, or have null there."""
    sample_size: int = 100
    """Rows of each file that are looked at."""

    def plain(self) -> dict[str, Any]:
        return {
            "type": _KIND,
            "required_fields": list(self.required_fields),
            "field_types": dict(self.field_types),
            "allow_missing": self.allow_missing,
            "sample_size": self.sample_size,
        }


class Validators(Spec, frozen=True, kw_only=True):
    @property
    def allowed(self) -> str:
        return "a list of {type: required_fields, required_fields: [...], field_types: {...}}"

    def read(self, value: Any) -> tuple[RequiredFields, ...]:
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise self.refuse(value)
        return tuple(_read_validator(entry, f"[{index}]") for index, entry in enumerate(value))

    def read_words(self, words: Sequence[str]) -> Any:
        return self.read(read_yaml(" ".join(words)))


def _read_validator(entry: Any, below: str) -> RequiredFields:
    if isinstance(entry, RequiredFields):
        return entry
    if not isinstance(entry, Mapping):
        raise InvalidValueError(f"{show(entry)} is not {{type: {_KIND}, ...}}", below)
    if entry.get("type") != _KIND:
        raise InvalidValueError(
            f"{show(entry.get('type'))} is not available; the one type there is: {_KIND}", below + ".type"
        )
    known = ("type", "required_fields", "field_types", "allow_missing", "sample_size")
    for key in entry:
        if key not in known:
            raise InvalidValueError(f"unknown setting{did_you_mean(str(key), known)}", f"{below}.{key}")
    names = entry.get("required_fields")
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise InvalidValueError(f"{show(names)} is not a list of field names", below + ".required_fields")
    return RequiredFields(
        required_fields=tuple(names),
        field_types=_read_types(entry.get("field_types") or {}, names, below + ".field_types"),
        allow_missing=_read_at(
            Number(help="", maximum=1.0), entry.get("allow_missing", 0.0), below + ".allow_missing"
        ),
        sample_size=_read_at(
            Integer(help="", minimum=1, maximum=_SAMPLE_MAX),
            entry.get("sample_size", 100),
            below + ".sample_size",
        ),
    )


def _read_types(types: Any, names: Sequence[str], below: str) -> Mapping[str, str]:
    if not isinstance(types, Mapping):
        raise InvalidValueError(f"{show(types)} is not a mapping of fields to types", below)
    for name, kind in types.items():
        if not isinstance(kind, str) or kind.lower() not in TYPES:
            raise InvalidValueError(f"{show(kind)} is not one of {', '.join(TYPES)}", f"{below}.{name}")
        if name not in names:
            raise InvalidValueError("it is not among required_fields", f"{below}.{name}")
    return MappingProxyType({str(name): kind.lower() for name, kind in types.items()})


def _read_at(spec: Spec, value: Any, below: str) -> Any:
    try:
        return spec.read(value)
    except InvalidValueError as error:
        raise InvalidValueError(str(error), below) from None
