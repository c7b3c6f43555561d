"""Plain tables for terminals: aligned columns, colours only where a terminal shows them."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import click

from backstop.cli.printable import printable
from backstop.vocabulary import State

COLOURS: Final[Mapping[str, str]] = {
    State.HEALTHY: "green",
    State.AT_RISK: "yellow",
    State.EXHAUSTED: "red",
    State.UNKNOWN: "magenta",
}


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    key: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    colour: str | None = None


def render(columns: Sequence[Column], rows: Sequence[Mapping[str, Cell]]) -> str:
    """Return the table as text without a trailing newline. A cell is one line, whatever is written in it."""
    texts = [{c.key: printable(row[c.key].text) for c in columns} for row in rows]
    widths = {c.key: max([len(c.title), *(len(text[c.key]) for text in texts)]) for c in columns}
    lines = ["  ".join(_pad(c.title, widths[c.key], right=c.right) for c in columns)]
    for row, text in zip(rows, texts, strict=True):
        cells = (coloured(_pad(text[c.key], widths[c.key], right=c.right), row[c.key].colour) for c in columns)
        lines.append("  ".join(cells))
    return "\n".join(line.rstrip() for line in lines)


def number(value: object, form: str) -> str:
    """Return a number in a form; what is not known is a dash."""
    return form.format(value) if isinstance(value, int | float) else "-"


def colours_wanted() -> bool:
    """True on a terminal whose user did not switch colours off (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def coloured(text: str, colour: str | None) -> str:
    """Return text in a colour where a terminal shows it."""
    return click.style(text, fg=colour) if colour and colours_wanted() else text


def _pad(text: str, width: int, *, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)
