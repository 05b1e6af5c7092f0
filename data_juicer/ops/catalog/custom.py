"""Operators from files of the user's own (`custom_operator_paths`) and from installed packages.

The version of such an operator is the digest of its source and of the user's code that this imports
(`ops/catalog/imported_code.py`), so that an edit changes the key of its checkpoints.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from data_juicer.errors import ConfigError
from data_juicer.foreign_code import Contained, ForeignExitError, error_text
from data_juicer.ops.base import Operator
from data_juicer.ops.catalog.imported_code import imported_code
from data_juicer.ops.resources.models import copy_here

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from types import ModuleType

PREFIX: Final = "data_juicer.ops._custom_"
"""Of the modules that files of operators are imported as."""
_classes: dict[str, type[Operator]] = {}
_loaded: dict[str, tuple[str, list[str]]] = {}
"""Path of a source -> (digest it was loaded with, names it gave)."""
_copies: dict[str, str] = {}
"""Location of code in an object store -> its newest copy."""
_not_followed: dict[str, tuple[str, ...]] = {}
"""Path of a source -> imports of which only a run can tell what they import."""


def classes() -> Mapping[str, type[Operator]]:
    """The operators loaded so far, by name."""
    return _classes


def notices() -> list[str]:
    """What of the code of the operators loaded so far is not in their keys, a sentence each."""
    return [
        f"custom operators: {', '.join(folders)}: what is imported or run here is computed by the program, so that a change "
        "of it is not noticed; name such files in assets(), or start a new job after a change"
        for folders in _not_followed.values()
        if folders
    ]


def load_custom(paths: Sequence[str], taken: Callable[[], Collection[str]]) -> list[str]:
    """Load the operators of these files; a folder stands for its package, or for each of its `.py` files.

    A file that was loaded before is loaded again only if it changed.

    Args:
        taken: the names that no operator can be given any more.
    Returns: the names of their operators.
    Raises: ConfigError: a path is missing, a file does not import or holds no operator, or a name is taken.
    """
    return [name for path in paths for source in _sources(path) for name in _load(source, taken)]


def forget(source: str) -> None:
    """Let the names of a file that was loaded be given by another one."""
    for name in _loaded.pop(source, ("", []))[1]:
        _classes.pop(name, None)


def from_entry_point(name: str, point: EntryPoint) -> type[Operator]:
    """The operator that an installed package offers.

    Raises: ConfigError: it does not import, or is no operator.
    """
    try:
        with Contained():
            loaded = point.load()
    except Exception as error:
        raise ConfigError(
            f"operator {name}: entry point {point.value} does not import: {error_text(error)}"
        ) from error
    source = getattr(sys.modules.get(loaded.__module__), "__file__", None)
    files = imported_code([source]).files if source else ()
    return _as_operator(name, loaded, _digest(files) if files else point.value)


def _sources(path: str) -> list[str]:
    path = os.path.abspath(_copied(path))
    if os.path.isfile(path) or os.path.isfile(os.path.join(path, "__init__.py")):
        return [path]
    if not os.path.isdir(path):
        raise ConfigError(f"custom_operator_paths: {path}: no such file or folder")
    return [os.path.join(path, file) for file in sorted(os.listdir(path)) if file.endswith(".py")]


def _copied(path: str) -> str:
    """The path of a copy, where an object store has the code; what an older copy gave is forgotten."""
    copy = copy_here(path)
    older = _copies.get(path, copy)
    if older != copy:
        for source in [source for source in _loaded if f"{source}/".startswith(f"{older}/")]:
            forget(source)
    if copy != path:
        _copies[path] = copy
    return copy


def _files(source: str) -> list[str]:
    """The files of one source: itself, or every module of the package."""
    if os.path.isfile(source):
        return [source]
    return sorted(
        os.path.join(folder, file)
        for folder, _, files in os.walk(source)
        for file in files
        if file.endswith(".py")
    )


def _digest(files: Sequence[str]) -> str:
    import xxhash

    digest = xxhash.xxh3_128()
    for file in files:
        with open(file, "rb") as stream:
            content = stream.read()
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return str(digest.hexdigest())


def _load(source: str, taken: Callable[[], Collection[str]]) -> list[str]:
    code = imported_code(_files(source))
    digest = _digest(code.files)
    loaded = _loaded.get(source)
    if loaded is not None and loaded[0] == digest:
        return loaded[1]
    if loaded is not None:
        _forget(code.files)
    _on_path(os.path.dirname(source))
    for name in loaded[1] if loaded is not None else ():
        _classes.pop(name, None)
    found = _operators_of(_import(source), source, digest)
    if not found:
        raise ConfigError(f"custom_operator_paths: {source} holds no operator")
    for name in found:
        if name in taken():
            raise ConfigError(
                f"custom_operator_paths: {source}: the name {name!r} is taken by another operator; rename it"
            )
    _classes.update(found)
    _loaded[source] = (digest, list(found))
    _not_followed[source] = code.not_followed
    return list(found)


def _on_path(folder: str) -> None:
    """Let operators import the files beside them; last, so that they hide no other module."""
    if folder not in sys.path:
        sys.path.append(folder)


def _forget(files: Collection[str]) -> None:
    """Let modules of files that may have changed be imported anew."""
    for name, module in list(sys.modules.items()):
        if name != "__main__" and getattr(module, "__file__", None) in files:
            del sys.modules[name]


def _import(source: str) -> ModuleType:
    """The module of a source, executed anew under a private name that is the same in every process.

    The name is below `data_juicer.ops`, so that `from ..base_op import Mapper`, as operators of DataJuicer's say, finds
    our class interface, and `from .other import ...` the file beside this one.
    """
    import xxhash

    is_package = os.path.isdir(source)
    file = os.path.join(source, "__init__.py") if is_package else source
    folder, stem = os.path.split(os.path.splitext(source)[0])
    if is_package:
        name = f"{PREFIX}{xxhash.xxh3_64_hexdigest(source.encode())}"
    else:
        name = f"{_folder_package(folder)}.{stem}"
    for stale in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[stale]
    spec = importlib.util.spec_from_file_location(
        name, file, submodule_search_locations=[source] if is_package else None
    )
    if spec is None or spec.loader is None:
        raise ConfigError(f"custom_operator_paths: {source} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.dont_write_bytecode = (
        True  # also of what operators import later: it would outlive an edit of the same second
    )
    try:
        with Contained():
            spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(
            f"custom_operator_paths: {_line_of(error, file)}: {_what_is_missing(error)}"
        ) from error
    return module


def _folder_package(folder: str) -> str:
    """The name of a package that stands for a folder of single files."""
    import types

    import xxhash

    name = f"{PREFIX}{xxhash.xxh3_64_hexdigest(folder.encode())}_files"
    if name not in sys.modules:
        package = types.ModuleType(name)
        package.__path__ = [folder]
        sys.modules[name] = package
    return name


def _what_is_missing(error: Exception) -> str:
    """An error of an import in one line, without the paths of this package."""
    if isinstance(error, ModuleNotFoundError) and error.name and "not installed" not in error_text(error):
        where = error.name.removeprefix("data_juicer.")
        if where != error.name:
            return f"it needs data_juicer.{where}, which is not here"
        return f"it needs the module {error.name}, which is not installed"
    if isinstance(error, ImportError) and error.name and error.name.startswith("data_juicer."):
        wanted = error_text(error).partition("import name ")[2].partition(" from ")[0]
        return f"it needs {wanted} of {error.name}, which is not here"
    if isinstance(error, ForeignExitError):
        return error_text(error)
    return f"{type(error).__name__}: {error_text(error)}"


def _line_of(error: Exception, file: str) -> str:
    """Where in the user's file an import failed, as file:line."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    raised = error.__cause__ if isinstance(error, ForeignExitError) and error.__cause__ else error
    frames = [frame for frame in traceback.extract_tb(raised.__traceback__) if frame.filename == file]
    return f"{file}:{frames[-1].lineno}" if frames else file


def _operators_of(module: ModuleType, source: str, digest: str) -> dict[str, type[Operator]]:
    """The operators that a module or its submodules define: classes of our interface, and registered ones of DataJuicer's."""
    from data_juicer.ops.base_op import OPERATORS

    def own(cls: Any) -> bool:
        file = getattr(sys.modules.get(str(getattr(cls, "__module__", ""))), "__file__", None) or ""
        return file == source or file.startswith(source + os.sep)

    native = {
        value.name: value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Operator) and own(value) and hasattr(value, "name")
    }
    registered = {name: cls for name, cls in OPERATORS.modules.items() if own(cls)}
    return {name: _as_operator(name, cls, digest) for name, cls in {**native, **registered}.items()}


def _as_operator(name: str, cls: Any, digest: str) -> type[Operator]:
    from data_juicer.ops.base_op import OP
    from data_juicer.ops.catalog.adapter import adapted

    if isinstance(cls, type) and issubclass(cls, Operator):
        cls.version = digest
        return cls
    if isinstance(cls, type) and issubclass(cls, OP):
        return adapted(name, cls, digest)
    raise ConfigError(f"operator {name}: {cls!r} is neither an Operator nor a DataJuicer operator")
