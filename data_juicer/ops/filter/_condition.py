"""Conditions over the fields of a row, such as `10 < num <= 30 and meta.lang in ['en', 'fr']`.

The text is parsed by `ast` and nothing of it is ever run: only names of fields, constants, comparisons, `and`, `or`,
`not` and signs of numbers are understood. `and`, `or` and `not` work on masks; everything below them is decided once for
each combination of values that occurs, and only for rows that are not decided yet, as `and` and `or` do in Python.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from data_juicer.kernels.arrays import Mask
    from data_juicer.rows.field_columns import Distinct

Fields = Mapping[str, Any]
Evaluate = Callable[[Fields], Any]
Rows = npt.NDArray[np.int64]

DEPTH_MAX: Final = 50
"""Levels of a condition; evaluation recurses through them."""

COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
SIGNS: Final[Mapping[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
COLLECTIONS: Final[Mapping[type[ast.expr], Callable[[Iterator[Any]], Any]]] = {
    ast.List: list,
    ast.Tuple: tuple,
    ast.Set: set,
}


class Condition(msgspec.Struct, frozen=True):
    fields: tuple[str, ...]
    """The fields that the condition names, sorted."""
    _tree: ast.expr

    @staticmethod
    def parse(text: str) -> Condition:
        """Raises: ValueError: no condition of this form."""
        try:
            tree = ast.parse(text.strip(), mode="eval").body
            _check_depth(tree)
            _compiled(tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"{text!r} is no condition: {error}") from None
        return Condition(tuple(sorted(_fields(tree))), tree)

    def holds(self, columns: Mapping[str, Distinct], rows: int) -> Mask:
        """The rows for which the condition is true, shape (rows,).

        Args:
            columns: each of `fields`, shape (rows,).
        Raises: TypeError: values of a row cannot be compared.
        """
        return _mask(self._tree, columns, np.arange(rows))


def _mask(node: ast.expr, columns: Mapping[str, Distinct], rows: Rows) -> Mask:
    """Where the node is true among these rows, shape (rows,)."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ~_mask(node.operand, columns, rows)
    if not isinstance(node, ast.BoolOp):
        return _leaf_mask(node, columns, rows)
    stays_open = isinstance(node.op, ast.And)  # a row is open while `and` has seen true only, `or` false only
    result = np.full(len(rows), stays_open)
    open_rows = np.arange(len(rows))
    for child in node.values:
        found = _mask(child, columns, rows[open_rows])
        result[open_rows] = found
        open_rows = open_rows[found == stays_open]
    return result


def _leaf_mask(node: ast.expr, columns: Mapping[str, Distinct], rows: Rows) -> Mask:
    """As `_mask`, evaluating the node for each combination of values of its fields that occurs in the rows."""
    names = sorted(_fields(node))
    evaluate = _compiled(node)
    groups, group_of_row = _combinations([columns[name].codes[rows] for name in names], len(rows))
    answers = [
        bool(evaluate({name: columns[name].values[columns[name].codes[rows[first]]] for name in names}))
        for first in groups
    ]
    chosen: Mask = np.array(answers, np.bool_)[group_of_row]
    return chosen


def _combinations(codes: Sequence[Rows], rows: int) -> tuple[Rows, Rows]:
    """A row of each combination of codes, and for each row the number of its combination."""
    group = np.zeros(rows, np.int64)
    first = np.zeros(min(rows, 1), np.int64)
    for column in codes:
        _, first, group = np.unique(
            group * (int(column.max(initial=0)) + 1) + column, return_index=True, return_inverse=True
        )
    return first, group


def _compiled(node: ast.expr) -> Evaluate:
    """The node as a function of the fields of one row. Raises: ValueError: not understood."""
    path = _path(node)
    if path is not None:
        return lambda fields: fields[path]
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | None):
        constant = node.value
        return lambda _: constant
    if isinstance(node, ast.UnaryOp) and type(node.op) in SIGNS:
        sign, operand = SIGNS[type(node.op)], _compiled(node.operand)
        return lambda fields: sign(operand(fields))
    if isinstance(node, ast.BoolOp):
        parts = [_compiled(value) for value in node.values]
        decide = all if isinstance(node.op, ast.And) else any
        return lambda fields: decide(part(fields) for part in parts)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        collect, elements = COLLECTIONS[type(node)], [_compiled(element) for element in node.elts]
        return lambda fields: collect(element(fields) for element in elements)
    if isinstance(node, ast.Compare) and all(type(op) in COMPARISONS for op in node.ops):
        return _comparison(node)
    raise ValueError(
        f"{ast.unparse(node)!r} is not understood; write names of fields, constants, and/or/not, < == in ..."
    )


def _comparison(node: ast.Compare) -> Evaluate:
    """A chain of comparisons. One with null is false, except that null is `not in` everything."""
    links = [(COMPARISONS[type(op)], isinstance(op, ast.NotIn)) for op in node.ops]
    operands = [_compiled(operand) for operand in (node.left, *node.comparators)]

    def holds(fields: Fields) -> bool:
        found = [operand(fields) for operand in operands]
        for (compare, of_null), left, right in zip(links, found, found[1:], strict=False):
            if left is None or right is None:
                return of_null
            if not compare(left, right):
                return False
        return True

    return holds


def _check_depth(tree: ast.expr) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(DEPTH_MAX):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    if level:
        raise ValueError(f"it is nested more than {DEPTH_MAX} levels deep")


def _path(node: ast.expr) -> str | None:
    """`a.b.c` for attributes of a name; None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = _path(node.value)
        return None if head is None else f"{head}.{node.attr}"
    return None


def _fields(node: ast.AST) -> set[str]:
    """The longest paths in a tree."""
    path = _path(node) if isinstance(node, ast.expr) else None
    if path is not None:
        return {path}
    return set[str]().union(*(_fields(child) for child in ast.iter_child_nodes(node)))
