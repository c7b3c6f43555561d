"""PromQL text, read safely: what a tenant wrote may be anything, and the parser below it is Rust that can panic.

Strings and comments are recognised here, so that placeholders, comments and brackets are only seen where PromQL
sees them.
"""

import re
from collections.abc import Callable
from typing import Final

import promql_parser
from promql_parser import Expr

from backstop.domain.duration import format_duration

MAX_NESTING: Final = 64  # brackets; the parser recurses, and its time grows with the square of the depth
MAX_OPERATORS: Final = 512  # 2,000 chained operators take the parser more than a second

_QUOTED_OR_COMMENT: Final = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`[^`]*`|#[^\n]*')
_PLACEHOLDER: Final = re.compile(r"\$window\b|\{\{\.window\}\}|\{\{ \.window \}\}")
_OPERATOR: Final = re.compile(r"[-+*/%^<>]|[!=]=|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
_UNKNOWN_FUNCTION: Final = re.compile(r"unknown function with name '([^']*)'")
_UNEXPECTED_CHARACTER: Final = re.compile(r"unexpected character(?: inside brackets)?: '(.)'")
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}


class PromQLError(ValueError):
    """The text is not PromQL that we can read. The message names the place where it is known."""


class UnknownFunctionError(PromQLError):
    """The parser does not know a function. The server may: Prometheus gains functions faster than parsers do."""

    def __init__(self, function: str, position: int | None) -> None:
        super().__init__(f"unknown function {function!r}{_at(position)}")
        self.function = function


def _at(position: int | None) -> str:
    return "" if position is None or position < 0 else f" at character {position + 1}"


def map_code(expression: str, change: Callable[[str], str]) -> str:
    """Return `expression` without comments and with `change` applied to what is neither string nor comment."""
    parts: list[str] = []
    end = 0
    for match in _QUOTED_OR_COMMENT.finditer(expression):
        parts.append(change(expression[end : match.start()]))
        parts.append(" " if match[0].startswith("#") else match[0])
        end = match.end()
    parts.append(change(expression[end:]))
    return "".join(parts)


def without_comments(expression: str) -> str:
    """Return `expression` without comments and outer blanks, so that text may follow it in a longer query."""
    return map_code(expression, lambda code: code).strip()


def blank_quoted(expression: str) -> str:
    """Return the text with strings and comments replaced by blanks; every other character keeps its position."""
    return _QUOTED_OR_COMMENT.sub(lambda match: " " * len(match[0]), expression)


def substitute_window(expression: str, seconds: float) -> str:
    """Return `expression` with `$window` and `{{.window}}` replaced by a duration, outside of strings and comments.

    `seconds` is positive and rounds to milliseconds. Raises ValueError when it would become 0.
    """
    if round(seconds * 1000) <= 0:
        raise ValueError(f"a window of {seconds} s is too short; the shortest is 1ms")
    duration = format_duration(seconds)
    return map_code(expression, lambda code: _PLACEHOLDER.sub(duration, code))


def has_placeholder(expression: str) -> bool:
    """Return whether `$window` or `{{.window}}` stands outside of strings and comments."""
    return _PLACEHOLDER.search(blank_quoted(expression)) is not None


def _check_shape(code: str) -> None:
    """Refuse what would spoil a longer query, or keep the parser busy. `code` has its strings blanked."""
    if (quote := re.search(r"[\"'`]", code)) is not None:
        raise PromQLError(f"unterminated string{_at(quote.start())}")
    awaited: list[str] = []
    for position, character in enumerate(code):
        if character in _CLOSING:
            awaited.append(_CLOSING[character])
            if len(awaited) > MAX_NESTING:
                raise PromQLError(f"more than {MAX_NESTING} nested brackets{_at(position)}")
        elif character in _CLOSING.values() and (not awaited or awaited.pop() != character):
            raise PromQLError(f"unexpected {character!r}{_at(position)}")
    if awaited:
        raise PromQLError(f"{awaited[-1]!r} is missing at the end")
    if len(_OPERATOR.findall(code)) > MAX_OPERATORS:
        raise PromQLError(f"more than {MAX_OPERATORS} operators")


def parse(expression: str) -> Expr:
    """Return the syntax tree of `expression`, which holds no placeholders.

    Raises PromQLError, or UnknownFunctionError when the only objection is a function that the parser does not know.
    Never use `repr` on a tree: it takes minutes for deep ones.
    """
    code = blank_quoted(expression)
    _check_shape(code)
    try:
        return promql_parser.parse(expression)
    except (ValueError, OverflowError) as error:
        raise _translate(str(error), code) from None
    except BaseException as error:
        # A Rust panic derives from BaseException (`up offset 1e309` is one) and would end our thread.
        if type(error).__name__ != "PanicException":
            raise
        raise PromQLError("the parser cannot read a number or a duration in it") from None


def _translate(text: str, code: str) -> PromQLError:
    if (match := _UNKNOWN_FUNCTION.search(text)) is not None:
        found = re.search(rf"\b{re.escape(match[1])}\s*\(", code)
        return UnknownFunctionError(match[1], found.start() if found else None)
    if (match := _UNEXPECTED_CHARACTER.search(text)) is not None:
        return PromQLError(f"{text}{_at(code.find(match[1]))}")
    if "surrogates not allowed" in text:
        return PromQLError("half a surrogate pair: the text is not valid Unicode")
    if "out of range" in text:
        return PromQLError("a duration is out of range")
    limit = 200  # characters of the parser's text; it repeats whole regular expressions
    return PromQLError(text if len(text) <= limit else f"{text[:limit]}…")
