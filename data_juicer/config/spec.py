"""What one setting may be: reading a value, bounds, and the words for an error. Pure.

    Spec
    ├── Flag, Integer, Number, Choice
    ├── Text    with a pattern; may be null where nothing is a value of its own
    └── Names   one or several texts -> tuple

`read` takes what YAML or Python gives, `read_words` what a command line or a variable gives. Both return the value in the
form that the schema holds, and reading that form again changes nothing.
"""

from __future__ import annotations

import math
import re
from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from data_juicer.config.sources.plain import InvalidValueError, is_unicode
from data_juicer.config.sources.scalars import resolve_scalar
from data_juicer.config.wording import clip, show

INTEGER_MAX: Final = 2**63 - 1
PATH: Final = "a path"
"""What settings are called that name files and folders."""
_BYTES_OF_NAMES: Final = re.compile("[\udc80-\udcff]")
"""How Python reads the bytes of a name that are no UTF-8."""
TEXT_CHARS_MAX: Final = 4096
LIST_MARKS: Final = ("[", "{")


class _AbstractStruct(msgspec.StructMeta, ABCMeta):
    pass


class Spec(msgspec.Struct, metaclass=_AbstractStruct, frozen=True, kw_only=True):
    help: str
    """One line for `--help` and the reference."""
    result: bool = False
    """Whether it can change the bytes of the result."""
    default_note: str = ""
    """What the default comes to, where the schema computes it."""

    @property
    @abstractmethod
    def allowed(self) -> str:
        """Such as `an integer of at least 1`."""

    @abstractmethod
    def read(self, value: Any) -> Any:
        """Raises: InvalidValueError: the value is of another type or out of bounds."""

    def read_words(self, words: Sequence[str]) -> Any:
        """The same from the words of a command line; one word, unless the setting holds several."""
        if len(words) != 1:
            raise InvalidValueError(f"{len(words)} values, expected one: {self.allowed}")
        return self.read(resolve_scalar(words[0]))

    def refuse(self, value: Any) -> InvalidValueError:
        return InvalidValueError(f"{show(value)} is not {self.allowed}")


class Flag(Spec, frozen=True, kw_only=True):
    @property
    def allowed(self) -> str:
        return "true or false"

    def read(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        raise self.refuse(value)

    def read_words(self, words: Sequence[str]) -> Any:
        """Without a word, `--setting` alone, it is true."""
        if not words:
            return True
        if len(words) == 1 and words[0] in {"0", "1"}:
            return words[0] == "1"
        return Spec.read_words(self, words)


class Integer(Spec, frozen=True, kw_only=True):
    minimum: int = 0
    maximum: int = INTEGER_MAX
    nullable: bool = False
    nothing: int | None = None
    """What null stands for."""

    @property
    def allowed(self) -> str:
        if self.maximum == INTEGER_MAX:
            return f"an integer of at least {self.minimum}"
        return f"an integer from {self.minimum} to {self.maximum}"

    def read(self, value: Any) -> int | None:
        if value is None and self.nullable:
            return self.nothing
        if isinstance(value, float) and value.is_integer():  # 1e6
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and self.minimum <= value <= self.maximum:
            return value
        raise self.refuse(value)


class Number(Spec, frozen=True, kw_only=True):
    minimum: float = 0.0
    maximum: float = math.inf

    @property
    def allowed(self) -> str:
        if math.isinf(self.maximum):
            return f"a number of at least {self.minimum:g}"
        return f"a number from {self.minimum:g} to {self.maximum:g}"

    def read(self, value: Any) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value) if abs(value) < 2.0**1000 else math.inf
            if math.isfinite(number) and self.minimum <= number <= self.maximum:
                return number
        raise self.refuse(value)


class Choice(Spec, frozen=True, kw_only=True):
    choices: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return "one of " + ", ".join(self.choices)

    def read(self, value: Any) -> str:
        """Capitals count as small letters, as in EVERY_OP."""
        if isinstance(value, str) and value.lower() in self.choices:
            return value.lower()
        raise self.refuse(value)

    def read_words(self, words: Sequence[str]) -> Any:
        return self.read(words[0]) if len(words) == 1 else Spec.read_words(self, words)


class Text(Spec, frozen=True, kw_only=True):
    nothing: str | None = None
    """What null stands for."""
    nullable: bool = True
    pattern: str = r"(?s:.)+"
    what: str = "text"
    """The words for the pattern."""

    @property
    def allowed(self) -> str:
        return self.what + (" (or null)" if self.nullable else "")

    def read(self, value: Any) -> str | None:
        if self.nullable and (value is None or value == ""):
            return self.nothing
        if not isinstance(value, str):
            hint = "; put it in quotes" if isinstance(value, int | float) else ""
            raise InvalidValueError(f"{show(value)} is not {self.allowed}{hint}")
        check_text(value, is_path=self.what == PATH)
        if not re.fullmatch(self.pattern, value):
            raise self.refuse(value)
        return value

    def read_words(self, words: Sequence[str]) -> Any:
        if len(words) != 1:
            return Spec.read_words(self, words)
        return self.read(None if words[0] == "null" else words[0])


class Names(Spec, frozen=True, kw_only=True):
    """One text or a list of them; on the command line `a,b`, `a b` or `[a, b]`."""

    what: str = "text"
    comma: bool = True
    """Whether a comma parts words of the command line; it may be in a path."""
    least: int = 0

    @property
    def allowed(self) -> str:
        return f"{self.what} or a list of such"

    def read(self, value: Any) -> tuple[str, ...]:
        if value is None or value == "":
            value = ()
        names = (value,) if isinstance(value, str) else value
        if not isinstance(names, list | tuple):
            raise self.refuse(value)
        seen: set[str] = set()
        for index, name in enumerate(names):
            below = "" if isinstance(value, str) else f"[{index}]"
            if not isinstance(name, str) or not name:
                raise InvalidValueError(f"{show(name)} is not {self.what}", below)
            check_text(name, below, is_path=self.what == PATH)
            if name in seen:
                raise InvalidValueError(f"{show(name)} is named twice", below)
            seen.add(name)
        if len(names) < self.least:
            raise InvalidValueError(f"empty; expected {self.allowed}")
        return tuple(names)

    def read_words(self, words: Sequence[str]) -> tuple[str, ...]:
        if len(words) == 1 and words[0].startswith(LIST_MARKS):
            return self.read(read_yaml(words[0]))
        if len(words) == 1 and words[0] in {"", "null"}:
            return self.read(())
        parts = [part.strip() for word in words for part in word.split(",")] if self.comma else list(words)
        return self.read(parts)


def check_text(text: str, below: str = "", *, is_path: bool = False) -> None:
    """
    Args:
        is_path: a name of a file system may hold bytes that are no UTF-8.
    Raises: InvalidValueError: the text is too long, or holds control characters or half a Unicode pair.
    """
    if len(text) > TEXT_CHARS_MAX:
        raise InvalidValueError(f"{len(text)} characters, more than {TEXT_CHARS_MAX}", below)
    unicode = _BYTES_OF_NAMES.sub("", text) if is_path else text
    if not is_unicode(unicode) or any(char < " " or char == "\x7f" for char in text):
        raise InvalidValueError(f"{show(text)} holds a control character or invalid Unicode", below)


def read_yaml(text: str) -> Any:
    """A word of the command line that is YAML or JSON.

    Raises: InvalidValueError: it is neither.
    """
    from data_juicer.config.sources.yaml_text import parse_yaml
    from data_juicer.errors import ConfigError

    try:
        return parse_yaml(text, clip(text.replace("\n", " "))).value
    except ConfigError as error:
        raise InvalidValueError(f"not readable as YAML: {error}") from None
