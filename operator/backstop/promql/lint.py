"""What an indicator's PromQL must be, told in words that say what to write instead.

Every function returns a `Finding` and raises nothing, whatever the text is.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    Matcher,
    MatchOp,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    StringLiteral,
    SubqueryExpr,
    UnaryExpr,
    ValueType,
    VectorSelector,
    walk,
)

from backstop.promql.parse import (
    PromQLError,
    UnknownFunctionError,
    blank_quoted,
    has_placeholder,
    parse,
    substitute_window,
)

_SENTINEL_SECONDS: Final = 7_963_231.0  # a prime nobody writes: shows where the placeholder stands in the tree
_MODIFIERS_OF_NEWER_PROMETHEUS: Final = re.compile(r"\b(?:smoothed|anchored|fill|fill_left|fill_right)\b")
_COMPARISON: Final = re.compile(r"[<>]=?|[!=]=")
_FILTER_WARNING: Final = (
    "compares and so drops series that do not match: no series is no data, not good;"
    " move the comparison to indicator.threshold.op and value"
)
_HISTOGRAM_SUFFIX: Final = re.compile(r"_(?:bucket|count|sum)$")


class _Kind(StrEnum):
    """The types of PromQL, in words."""

    SCALAR = "a scalar"
    STRING = "a string"
    MATRIX = "a range vector"
    VECTOR = "an instant vector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome for one expression: at most one problem, and what deserves a second look."""

    problem: str | None = None
    warnings: tuple[str, ...] = ()


CLEAN: Final = Finding()


def lint_selector(text: str) -> Finding:
    """An indicator's counter or gauge: exactly one instant vector selector, of which Backstop takes increases."""
    advice = 'write one selector, for example http_requests_total{code=~"5.."}'
    try:
        tree = parse(text)
    except PromQLError as error:
        return Finding(problem=f"is not PromQL: {error}; {advice}")
    if not isinstance(tree, VectorSelector):
        return Finding(
            problem=f"is {_describe(tree)}, not a selector; {advice}, or use indicator.query for expressions"
        )
    if tree.offset is not None or tree.at is not None:
        return Finding(
            problem=f"has offset or @, and Backstop chooses the time itself; {advice}, or use indicator.query"
        )
    if tree.matchers.or_matchers:
        return Finding(
            problem=f"joins matchers with or, which Prometheus does not know; use a regular expression: {advice}"
        )
    if tree.name is None and not _names_something(tree):
        return Finding(problem=f"selects series of every metric; name one: {advice}")
    return CLEAN


def lint_latency_histogram(name: str) -> Finding:
    """A histogram's metric name: without the suffixes of classic histograms, which Backstop adds."""
    if (suffix := _HISTOGRAM_SUFFIX.search(name)) is not None:
        return Finding(problem=f"names the series {name}; leave {suffix[0]} out: {name[: suffix.start()]}")
    return CLEAN


def lint_latency_selector(text: str) -> Finding:
    """Label matchers in braces; `{}` for none. `le` is Backstop's to match."""
    advice = 'write matchers in braces, for example {service="checkout"}'
    if not (text.startswith("{") and text.endswith("}")):
        return Finding(problem=f"is not a list of label matchers; {advice}")
    try:
        tree = parse(f"m{text}")
    except PromQLError as error:
        if "metric name must not be set twice" in str(error):
            return Finding(problem="names a metric; name it in indicator.latency.histogram instead")
        return Finding(problem=f"is not a list of label matchers: {error}; {advice}")
    if not isinstance(tree, VectorSelector):
        return Finding(problem=f"is {_describe(tree)}, not a list of label matchers; {advice}")
    if tree.matchers.or_matchers:
        return Finding(problem=f"joins matchers with or, which Prometheus does not know; {advice}")
    if any(matcher.name == "le" for matcher in tree.matchers.matchers):
        return Finding(problem="matches le, which Backstop matches itself by the threshold; leave le out")
    return CLEAN


def lint_instant_vector(text: str) -> Finding:
    """A threshold's query: an instant vector. It is evaluated at many moments, one series each time."""
    finding = _lint_expression(text, _instant_vector)
    if finding.problem is None and _filters(text):
        return Finding(warnings=(*finding.warnings, _FILTER_WARNING))
    return finding


def lint_window_query(text: str) -> Finding:
    """A query's good, bad or total: an instant vector whose range or subquery is `$window`."""
    advice = "write it as a range, for example sum(increase(http_requests_total[$window]))"
    if not has_placeholder(text):
        return Finding(problem=f"does not contain $window or {{{{.window}}}}; {advice}")

    def check(tree: Expr) -> str | None:
        if not _ranges_over_sentinel(tree):
            return f"uses $window, but not as the range of a selector or subquery; {advice}"
        return _instant_vector(tree)

    return _lint_expression(substitute_window(text, _SENTINEL_SECONDS), check)


def _lint_expression(text: str, check: Callable[[Expr], str | None]) -> Finding:
    try:
        tree = parse(text)
    except UnknownFunctionError as error:
        return Finding(warnings=(f"{error}: not checked further; the server decides when it is evaluated",))
    except PromQLError as error:
        if _MODIFIERS_OF_NEWER_PROMETHEUS.search(blank_quoted(text)) is not None:
            return Finding(warnings=("uses a modifier of newer Prometheus versions: not checked; the server decides",))
        return Finding(problem=f"is not PromQL: {error}")
    problem = check(tree)
    return CLEAN if problem is None else Finding(problem=problem)


def _instant_vector(tree: Expr) -> str | None:
    kind = _kind(tree)
    if kind is _Kind.VECTOR:
        return None
    fix = {
        _Kind.SCALAR: "wrap it in vector(…)",
        _Kind.MATRIX: "wrap it in a function such as increase(…) or max_over_time(…)",
        _Kind.STRING: "write an expression over metrics",
    }[kind]
    return f"is {kind}, not an instant vector; {fix}"


def _kind(tree: Expr) -> _Kind:
    """The type that PromQL gives an expression; the parser has checked the operands."""
    match tree:
        case NumberLiteral():
            return _Kind.SCALAR
        case StringLiteral():
            return _Kind.STRING
        case MatrixSelector() | SubqueryExpr():
            return _Kind.MATRIX
        case ParenExpr() | UnaryExpr():
            return _kind(tree.expr)
        case Call():
            # time(), scalar() and pi() are scalars; no function returns a string or a range
            return _Kind.SCALAR if tree.func.return_type == ValueType.Scalar else _Kind.VECTOR
        case BinaryExpr():
            both_scalar = _kind(tree.lhs) is _Kind.SCALAR and _kind(tree.rhs) is _Kind.SCALAR
            return _Kind.SCALAR if both_scalar else _Kind.VECTOR
        case _:
            return _Kind.VECTOR


def _describe(tree: Expr) -> str:
    match tree:
        case AggregateExpr():
            return "an aggregation"
        case BinaryExpr() | UnaryExpr():
            return "an arithmetic or logical expression"
        case Call():
            return f"a call of {tree.func.name}()"
        case ParenExpr():
            return "an expression in parentheses"
        case SubqueryExpr():
            return "a subquery"
        case _:
            return _kind(tree)


def _names_something(tree: VectorSelector) -> bool:
    """A selector without a metric name is fine when `__name__` is matched by equality: {__name__="my.metric"}."""
    matchers: list[Matcher] = tree.matchers.matchers
    return any(m.name == "__name__" and m.op == MatchOp.Equal and m.value for m in matchers)


def _ranges_over_sentinel(tree: Expr) -> bool:
    found = False

    def visit(node: Expr) -> bool:
        nonlocal found
        if isinstance(node, (MatrixSelector, SubqueryExpr)) and node.range is not None:
            found = found or node.range.total_seconds() == _SENTINEL_SECONDS
        return not found

    walk(tree, pre_visit=visit)
    return found


def _filters(text: str) -> bool:
    """Whether the outermost operation is a comparison that filters, as in `depth > 100`."""
    try:
        tree = parse(text)
    except PromQLError:
        return False  # an unknown function, already warned of
    while isinstance(tree, ParenExpr):
        tree = tree.expr
    if not isinstance(tree, BinaryExpr) or (tree.modifier is not None and tree.modifier.return_bool):
        return False
    return _COMPARISON.fullmatch(str(tree.op)) is not None
