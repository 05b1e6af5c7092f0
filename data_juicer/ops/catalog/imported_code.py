"""The files of code that a user's file imports, as far as they can be found without running it.

Modules of the standard library, of installed packages and of this package are left out: they change with an installation.
Everything else is under the control of whoever wrote the operator: files beside it, below its folder, on PYTHONPATH, in an
editable installation. Imports inside functions count.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

import msgspec

_PACKAGE_DIR: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_COMPUTED: Final = {"import_module", "__import__", "spec_from_file_location", "run_path", "exec", "execfile"}
"""Calls that run code whose name a program computes."""


class ImportedCode(msgspec.Struct, frozen=True, kw_only=True):
    files: tuple[str, ...]
    """Sorted, the given files among them."""
    not_followed: tuple[str, ...]
    """Imports that only a run can tell, as `file:line`."""


def imported_code(files: Iterable[str]) -> ImportedCode:
    """What these files import, and what that imports, down to the last file under the user's control.

    A file that cannot be parsed imports nothing: to run it is to learn why.
    """
    found: set[str] = set()
    unknown: set[str] = set()
    left = [os.path.abspath(file) for file in files]
    while left:
        file = left.pop()
        if file in found or not os.path.isfile(file):
            continue
        found.add(file)
        try:
            with open(file, "rb") as stream:
                tree = ast.parse(stream.read())
        except (SyntaxError, ValueError, RecursionError, OSError):
            continue
        for node in ast.walk(tree):
            left += _files_of(node, file)
            if _is_computed(node):
                unknown.add(f"{file}:{node.lineno}")  # type: ignore[attr-defined] # a call has a line
    return ImportedCode(files=tuple(sorted(found)), not_followed=tuple(sorted(unknown)))


def is_users(file: str) -> bool:
    """Whether a file of code is under the control of whoever writes operators."""
    file = os.path.realpath(file)
    return not any(file.startswith(folder + os.sep) for folder in _installed())


def _files_of(node: ast.AST, file: str) -> Iterator[str]:
    """The files that one statement imports."""
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield from _absolute(alias.name, (), file)
        case ast.ImportFrom(module=module, names=names, level=0) if module:
            yield from _absolute(module, tuple(alias.name for alias in names), file)
        case ast.ImportFrom(module=module, names=names, level=level):
            folder = os.path.dirname(file)
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            yield from _below([folder], (module or "").split(".") if module else [], [a.name for a in names])
        case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if _name(func) == "import_module":
            yield from _absolute(name, (), file)


def _absolute(module: str, names: tuple[str, ...], file: str) -> Iterator[str]:
    top, *rest = module.split(".")
    if top in sys.stdlib_module_names or top == "data_juicer":
        return
    yield from _below(
        [os.path.dirname(file)], [top, *rest], names
    )  # the folder is on the path of its operators
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return
    if spec is None:
        return
    if spec.submodule_search_locations is not None:
        folders = [os.path.dirname(folder) for folder in spec.submodule_search_locations]
        yield from _below(folders, [top, *rest], names)
    elif spec.origin and spec.origin.endswith(".py") and is_users(spec.origin):
        yield spec.origin


def _below(folders: Iterable[str], parts: list[str], names: Iterable[str]) -> Iterator[str]:
    """The files of a module below one of these folders: of each package on the way, its own, and those of the names."""
    for folder in folders:
        for stop in range(1, len(parts) + 1):
            yield from _module(os.path.join(folder, *parts[:stop]))
        for name in names:
            yield from _module(os.path.join(folder, *parts, name))


def _module(path: str) -> Iterator[str]:
    for file in (f"{path}.py", os.path.join(path, "__init__.py")):
        if os.path.isfile(file) and is_users(file):
            yield file


def _is_computed(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or _name(node.func) not in _COMPUTED:
        return False
    first = node.args[0] if node.args else None
    return not (_name(node.func) == "import_module" and isinstance(first, ast.Constant))


def _name(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""


@cache
def _installed() -> frozenset[str]:
    """Folders of the standard library and of installed packages, and that of this package."""
    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {
        folder for folder in sys.path if os.path.basename(folder) in {"site-packages", "dist-packages"}
    }
    return frozenset(os.path.realpath(folder) for folder in (*folders, _PACKAGE_DIR))
