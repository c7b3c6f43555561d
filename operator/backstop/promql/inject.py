"""Keep a query inside its tenant: equality matchers in every selector, wherever it stands (semantics K6).

A selector that names the label already keeps its own matcher and gets the enforced one beside it, so that a query for a
foreign namespace finds nothing instead of being silently bent to the own one.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

import promql_parser
from promql_parser import Call, Expr, Matcher, MatchOp, VectorSelector

from backstop.promql.parse import PromQLError, blank_quoted, parse

# One takes about 2 ms, and the same few expressions of an SLO come back at every tick. Some 2 kB each: with 10,000 SLOs
# that all have enforced matchers, 80 MB instead of four cores.
CACHED: Final = 65_536

_LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_OR: Final = re.compile(r"\bor\b")
_ESCAPED: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


def inject_matchers(expression: str, matchers: Mapping[str, str]) -> str:
    """Return `expression` with `label="value"` for each of `matchers` in every selector, otherwise with its meaning.

    The text comes back in the parser's own layout. Raises PromQLError when the expression cannot be read, and also
    where nobody could say that the result is limited; ValueError for a label name that PromQL does not take.
    """
    return _inject(expression, tuple(sorted(matchers.items())))


@lru_cache(maxsize=CACHED)
def _inject(expression: str, pairs: tuple[tuple[str, str], ...]) -> str:
    matchers = dict(pairs)
    if unfit := [label for label in matchers if not _LABEL_NAME.fullmatch(label)]:
        raise ValueError(f"{unfit[0]!r} is no label name")
    tree = parse(expression)
    limited = promql_parser.transform(tree, post_visit=lambda node: _limited(node, matchers)).prettify()
    # Proof instead of trust: what is sent is read again, by the same eyes that would read it without the matchers.
    selectors = list(_selectors(parse(limited)))
    if len(selectors) != len(list(_selectors(tree))) or any(_missing(node, matchers) for node in selectors):
        raise PromQLError(
            "it cannot be limited to the enforced matchers of its source; write its selectors more simply"
        )
    return limited


def _limited(node: Expr, matchers: Mapping[str, str]) -> Expr | None:
    if isinstance(node, Call) and node.func.name == "info" and len(node.args) == 1:
        raise PromQLError("info() without a selector reads the targets of all tenants; write info(…, {…})")
    if not isinstance(node, VectorSelector):
        return None
    missing = _missing(node, matchers)
    return parse(_with_matchers(node.prettify(), missing)) if missing else None


def _with_matchers(selector: str, matchers: Mapping[str, str]) -> str:
    """Return the text of one selector with matchers added; `or` in braces (VictoriaMetrics) begins an alternative."""
    added = ",".join(f'{label}="{_escape(value)}"' for label, value in matchers.items())
    code = blank_quoted(selector)
    opened = code.find("{")
    if opened < 0:
        name = _METRIC_NAME.match(selector)
        end = name.end() if name else 0
        return f"{selector[:end]}{{{added}}}{selector[end:]}"
    closed = code.rindex("}")
    ends = [opened + 1 + found.start() for found in _OR.finditer(code[opened + 1 : closed])] + [closed]
    for end in reversed(ends):
        before = selector[:end].rstrip()
        selector = f"{before}{'' if before.endswith(('{', ',')) else ','}{added} {selector[end:]}"
    return selector


def _escape(value: str) -> str:
    return re.sub(r'[\\"\n]', lambda found: _ESCAPED[found[0]], value)


def _missing(selector: VectorSelector, matchers: Mapping[str, str]) -> dict[str, str]:
    """Return those of `matchers` that some alternative of the selector lacks."""
    common = selector.matchers.matchers
    alternatives = selector.matchers.or_matchers or [[]]
    return {
        label: value
        for label, value in matchers.items()
        if not all(_demands([*common, *alternative], label, value) for alternative in alternatives)
    }


def _demands(present: list[Matcher], label: str, value: str) -> bool:
    return any(each.op == MatchOp.Equal and each.name == label and each.value == value for each in present)


def _selectors(tree: Expr) -> Iterator[VectorSelector]:
    found: list[VectorSelector] = []

    def visit(node: Expr) -> None:
        if isinstance(node, VectorSelector):
            found.append(node)

    promql_parser.walk(tree, visit)
    yield from found
