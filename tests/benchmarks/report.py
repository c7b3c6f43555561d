"""How results are shown: as a table in the terminal, as bench.json, and as the page in docs/reference."""

import json
from collections.abc import Sequence

from tests.benchmarks.figures import Measured

_VERDICT = {True: "met", False: "missed", None: ""}
_HEADINGS = ("what", "measured", "unit", "target", "", "name")
_INTRODUCTION = """# Benchmarks

<!-- Written by `python -m tests.benchmarks --write-docs`; edit tests/benchmarks. -->

`make bench` measures what Backstop promises and prints this table; `make bench ONLY=samples_ratio` measures one of
them. It needs no cluster; the Prometheus is the test bed's. What is not in this version is not in the table.

Targets are upper limits; a target that is missed says so. Times of the engine are CPU time of one core, so that other
work on the machine disturbs them little, yet they differ by a third from run to run on a busy machine: read them as
magnitudes. Counts and ratios do not depend on the machine.

"""
_FORMAT = """
## bench.json

`make bench` also writes `bench.json` in the root of the repository: a list with an object for each figure that this run
measured.

| field | meaning |
|---|---|
| `name` | the name above; it does not change |
| `value` | a number, four significant digits |
| `unit` | what the value counts |
| `target` | the most it should be, or `null` where the figure is there for comparison |
| `setup` | how it was measured, with the spread of repetitions and the machine |
"""


def as_table(results: Sequence[Measured]) -> str:
    """Return the results as aligned columns."""
    rows = [_HEADINGS, *(_cells(each) for each in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    numbers = {1, 3}  # these columns are aligned to the right
    lines = (
        "  ".join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def as_json(results: Sequence[Measured], machine: str) -> str:
    """Return the text of bench.json."""
    return json.dumps([each.as_json(machine) for each in results], indent=2, ensure_ascii=False) + "\n"


def as_page(results: Sequence[Measured], machine: str, version: str) -> str:
    """Return docs/reference/benchmarks.md."""
    lines = [
        f"Measured with Backstop {version} on {machine}.",
        "",
        "| what | measured | target | name |",
        "|---|---|---|---|",
    ]
    for each in results:
        what, value, unit, target, verdict, name = _cells(each)
        judged = f"≤ {target}, {verdict}" if target else ""
        lines.append(f"| {what} | {value} {unit} | {judged} | `{name}` |")
    lines += ["", "## How each was measured", ""]
    lines += [f"- `{each.figure.name}`: {each.setup}." for each in results]
    return _INTRODUCTION + "\n".join([*lines, ""]) + _FORMAT


def _cells(measured: Measured) -> tuple[str, ...]:
    figure = measured.figure
    target = "" if figure.target is None else _number(figure.target)
    return figure.what, _number(measured.value), figure.unit, target, _VERDICT[measured.met], figure.name


def _number(value: float) -> str:
    """Three significant digits, with whole thousands kept apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
