"""Whether an expression answers nothing when all is well, as alerts of Prometheus do (semantics E3).

There an answer is an alert. Here the answer is a value that is compared, and no answer may as well be a lost metric.
"""

import re
from typing import Final

from promql_parser import AggregateExpr, BinaryExpr, Call, Expr, ParenExpr, SubqueryExpr, UnaryExpr

from backstop.promql.parse import PromQLError, parse

_COMPARISON: Final = re.compile(r"[<>]=?|[!=]=")
_ABSENT: Final = ("absent", "absent_over_time")
_NEVER_EMPTY: Final = ("scalar", "vector", "time", "pi")


def what_drops(text: str) -> str | None:
    """Return what of an expression drops series that do not match, such as `>`, or None. Raises nothing."""
    try:
        tree = parse(text)
    except PromQLError:
        return None  # told elsewhere
    return _what_drops(tree)


def _what_drops(tree: Expr) -> str | None:
    match tree:
        case ParenExpr() | UnaryExpr() | AggregateExpr() | SubqueryExpr():
            return _what_drops(tree.expr)
        case Call() if tree.func.name in _ABSENT:
            return f"{tree.func.name}()"
        case Call() if tree.func.name not in _NEVER_EMPTY:
            return next((found for part in tree.args if (found := _what_drops(part)) is not None), None)
        case BinaryExpr():
            return _of_operation(tree)
        case _:
            return None


def _of_operation(tree: BinaryExpr) -> str | None:
    operation = str(tree.op)
    left, right = _what_drops(tree.lhs), _what_drops(tree.rhs)
    if operation == "or":
        return left if right is not None else None  # empty only if both are
    if operation in ("and", "unless"):
        return operation
    if _COMPARISON.fullmatch(operation) and not (tree.modifier is not None and tree.modifier.return_bool):
        return operation
    return left or right
