"""A lambda of the recipe over rows."""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import CodeType
from typing import Any, ClassVar

from data_juicer.ops.bases.function_mapper import FunctionMapper


class PythonLambdaMapper(FunctionMapper):
    """User lambda: sets the fields that a Python lambda returns for a row; it runs with all built-ins.

    Example: lambda_str `lambda row: {"text": row["text"].upper()}` -> the text in capitals

    Args:
        lambda_str: a lambda of one argument, the row as a dict, that returns a dict; empty: rows stay as they are.
        batched: the argument and the result are dicts of lists instead, with one value for each of several rows.
    """

    name: ClassVar[str] = "python_lambda_mapper"

    def __init__(self, lambda_str: str = "", batched: bool = False) -> None:
        super().__init__(batched=batched)
        self._code = _compiled(lambda_str) if lambda_str else None

    def load(self) -> Callable[[Any], Any] | None:
        if self._code is None:
            return None
        function: Callable[[Any], Any] = eval(self._code, {})  # noqa: S307 - what the operator is for
        return function


def _compiled(source: str) -> CodeType:
    try:
        tree = ast.parse(source, mode="eval")
    except SyntaxError as error:
        raise ValueError(f"lambda_str {source!r}: {error.msg}") from error
    if not isinstance(tree.body, ast.Lambda) or len(tree.body.args.args) != 1:
        raise ValueError(f"lambda_str must be a lambda of one argument; found {source!r}")
    return compile(tree, "<lambda_str>", "eval")
