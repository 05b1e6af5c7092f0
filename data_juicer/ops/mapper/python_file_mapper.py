"""A function of a Python file over rows."""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Callable
from typing import Any, ClassVar

from data_juicer.errors import OperatorError
from data_juicer.foreign_code import Contained, error_text
from data_juicer.ops.bases.function_mapper import FunctionMapper
from data_juicer.ops.catalog.imported_code import imported_code
from data_juicer.ops.resources.models import copy_here


class PythonFileMapper(FunctionMapper):
    """User function from a file: sets the fields that a function of a Python file returns for a row.

    The content of the file, and of the user's own files that it imports, is part of the key of checkpoints: rows are
    processed again when it changes.

    Example: file_path ops.py with a function process_single(row) that returns a dict

    Args:
        file_path: the file, which may be in an object store if it imports no other file of yours; empty: rows stay as they are.
        function_name: the function in it, of one argument, the row as a dict.
        batched: the argument and the result are dicts of lists instead, with one value for each of several rows.
    """

    name: ClassVar[str] = "python_file_mapper"

    def __init__(
        self, file_path: str = "", function_name: str = "process_single", batched: bool = False
    ) -> None:
        super().__init__(batched=batched)
        path = copy_here(file_path)
        if file_path and not (path.endswith(".py") and os.path.isfile(path)):
            raise ValueError(f"file_path must be a Python file that exists; found {file_path!r}")
        self.file_path = path
        self.function_name = function_name

    def assets(self) -> tuple[str, ...]:
        if not self.file_path:
            return ()
        own = os.path.abspath(self.file_path)
        return (self.file_path, *(file for file in imported_code([own]).files if file != own))

    def load(self) -> Callable[[Any], Any] | None:
        if not self.file_path:
            return None
        stem = os.path.splitext(os.path.basename(self.file_path))[0]
        spec = importlib.util.spec_from_file_location(stem, self.file_path)
        assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - a path that ends in .py has a loader
        module = importlib.util.module_from_spec(spec)
        try:
            with Contained():
                spec.loader.exec_module(module)
        except Exception as error:
            raise OperatorError(
                f"{self.name}: {self.file_path} does not import: {error_text(error)}"
            ) from error
        function = getattr(module, self.function_name, None)
        if not callable(function) or len(inspect.getfullargspec(function).args) != 1:
            raise OperatorError(
                f"{self.name}: {self.file_path} has no function {self.function_name} of one argument"
            )
        found: Callable[[Any], Any] = function
        return found
