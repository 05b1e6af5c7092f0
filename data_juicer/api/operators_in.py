"""Operators that a cell or a script registered, written once to a file that workers import and a resume can find again.

A worker is another process: it cannot see a class of `__main__`. What it needs is taken from the source: the class, what it names
of the cell's own functions and classes, the imports of other names, and constants. The file is named by its content, so that an edit of the
cell is another operator to the checkpoints, and the same source is not.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import os
import re
import sys
from collections.abc import Iterable, Mapping
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from data_juicer.errors import ConfigError
from data_juicer.ops.catalog import custom
from data_juicer.ops.resources.models import cache_home
from data_juicer.storage.locations.uri import is_cloud
from data_juicer.storage.posix import PosixStore

if TYPE_CHECKING:
    from data_juicer.config.schema import JobConfig

_MAIN: Final = "__main__"
_staged: list[str] = []
"""The file of the newest run."""
_carried: dict[str, type] = {}
"""Operators of `__main__` by name: loading their file puts another class into the registry."""


def stage_operators(config: JobConfig, folder: str) -> str | None:
    """The path of a file with the operators of a job that are defined in this program itself; None where there are none.

    Args:
        folder: where it is written, this user's alone.
    Raises: ConfigError: the source of an operator cannot be found, or names what no source can carry.
    """
    classes = _classes_of_main(entry.name for entry in config.process)
    if not classes:
        return None
    import xxhash

    source = _Source(vars(sys.modules[_MAIN]))
    for name, cls in classes.items():
        source.add_operator(name, cls)
    data = source.text().encode(errors="surrogatepass")
    if is_cloud(folder):  # Python imports files of this machine alone
        folder = os.path.join(cache_home(), "programs")
    path = os.path.join(os.path.abspath(folder), f"operators_{xxhash.xxh3_128_hexdigest(data)}.py")
    store = PosixStore()
    store.make_own_dir(os.path.dirname(path))
    if not store.exists(path) or store.read(path) != data:
        store.put(path, data)
    if _staged and _staged[-1] != path:
        custom.forget(_staged.pop())  # a cell that was edited gives the same names anew
    _staged[:] = [path]
    return path


def _classes_of_main(names: Iterable[str]) -> dict[str, type]:
    """The operators among these names that `__main__` defines, as the cell that was run last has them."""
    found: dict[str, type] = {}
    registry = getattr(sys.modules.get("data_juicer.ops.base_op"), "OPERATORS", None)
    native = _native_classes()
    for name in names:
        cls = native.get(name) or (registry.get(name) if registry is not None else None)
        if cls is not None and cls.__module__ == _MAIN:
            _carried[name] = found[name] = cls
        elif cls is not None and name in _carried and cls.__module__.startswith(custom.PREFIX):
            found[name] = _carried[name]
    return found


def _native_classes() -> dict[str, type]:
    """Classes of our own interface in `__main__`, which are known by their `name` without being registered."""
    base = getattr(sys.modules.get("data_juicer.ops.base"), "Operator", None)
    if base is None:
        return {}
    members = [value for value in vars(sys.modules[_MAIN]).values() if isinstance(value, type)]
    own = [cls for cls in members if issubclass(cls, base) and cls.__module__ == _MAIN]
    return {name: cls for cls in own if isinstance(name := getattr(cls, "name", None), str)}


class _Source:
    """A module that is put together from what operators need."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        """
        Args:
            names: of the module that the operators are from.
        """
        self._names = names
        self._imports: dict[str, str] = {}
        self._constants: dict[str, str] = {}
        self._definitions: dict[str, str] = {}
        self._operator = ""

    def add_operator(self, name: str, cls: type) -> None:
        """Raises: ConfigError."""
        self._operator = name
        self._define(cls.__qualname__, cls)

    def text(self) -> str:
        head = ["from __future__ import annotations", "", *sorted(self._imports.values()), ""]
        return "\n".join([*head, *self._constants.values(), "", *self._definitions.values(), ""])

    def _define(self, name: str, value: Any) -> None:
        """A function or class of the module with everything that it names."""
        if name in self._definitions:
            return
        self._definitions[name] = ""  # it may name itself
        node, text = _definition_of(name, value) or self._refuse(name, "whose source cannot be found")
        for used in _names_used(node):
            if used in self._names and not hasattr(builtins, used):
                self._carry(used, self._names[used])
        del self._definitions[name]
        self._definitions[name] = text

    def _carry(self, name: str, value: Any) -> None:
        if name in self._imports or name in self._constants or name in self._definitions:
            return
        if isinstance(value, ModuleType):
            self._imports[name] = f"import {value.__name__} as {name}"
        elif getattr(value, "__module__", None) == _MAIN and isinstance(value, type | type(_names_used)):
            self._define(name, value)
        elif (literal := _literal(value)) is not None:
            self._constants[name] = f"{name} = {literal}"
            if isinstance(value, re.Pattern):
                self._imports["re"] = "import re as re"
        elif (module := _home_of(name, value)) is not None:
            self._imports[name] = f"from {module[0]} import {module[1]} as {name}"
        else:
            self._refuse(name, f"a {type(value).__name__}, which no source can carry to other processes")

    def _refuse(self, name: str, why: str) -> Any:
        raise ConfigError(
            f"operator {self._operator}: it uses {name}, {why}. Nothing was created. "
            "Make it inside the operator, or put the operator into a file and name that in custom_operator_paths."
        )


def _definition_of(name: str, value: Any) -> tuple[ast.stmt, str] | None:
    """The syntax tree and text of a class or function of a cell or script, as it was run last."""
    for code in _codes_of(value):
        lines = linecache.getlines(code.co_filename)
        try:
            tree = ast.parse("".join(lines))
        except SyntaxError:
            continue
        for node in reversed(tree.body):
            if (
                isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                and node.name == name
                and node.lineno <= code.co_firstlineno + 1 <= (node.end_lineno or 0) + 1
            ):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                return node, "".join([*lines[first - 1 : node.end_lineno], "\n"])
    return None


def _codes_of(value: Any) -> Iterable[CodeType]:
    """The code of a function, or of the methods of a class."""
    members = vars(value).values() if isinstance(value, type) else [value]
    for member in members:
        function = inspect.unwrap(getattr(member, "__func__", member)) if callable(member) or member else None
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType):
            yield code


def _names_used(node: ast.AST) -> list[str]:
    """Every name that is read in a definition, in order."""
    return list(
        dict.fromkeys(
            each.id
            for each in ast.walk(node)
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
        )
    )


def _home_of(name: str, value: Any) -> tuple[str, str] | None:
    """Another module that has this very value, and the name that it has there."""
    own = (getattr(value, "__module__", None), getattr(value, "__name__", name))
    candidates = [own, *((module, name) for module in sorted(sys.modules))]
    for module, attribute in candidates:
        if isinstance(module, str) and isinstance(attribute, str) and not _is_ours(module):
            found = vars(sys.modules[module]).get(attribute) if module in sys.modules else None
            if found is value:
                return module, attribute
    return None


def _is_ours(module: str) -> bool:
    """Whether a module is the program itself, or was made of an earlier state of it."""
    return module in {_MAIN, "__mp_main__"} or module.startswith(custom.PREFIX)


def _literal(value: Any) -> str | None:
    """Source that gives an equal value; None where there is none."""
    if isinstance(value, re.Pattern):
        return f"re.compile({value.pattern!r}, {value.flags})"
    try:
        text = repr(value)
        return text if ast.literal_eval(text) == value else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
