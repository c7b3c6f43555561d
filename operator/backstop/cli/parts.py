"""What an SLO is made of, as rows below its own: groups of its events, or the components of a composite."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from backstop.cli.printable import printable
from backstop.cli.table import COLOURS, Cell, number
from backstop.vocabulary import MAX_NESTING, State

_Object = Mapping[str, Any]
_Row = dict[str, Cell]


def part_rows(slo: _Object, others: Sequence[_Object], row: Callable[[_Object], _Row]) -> list[_Row]:
    """Return the rows below that of an SLO, the worst group first. `others` are where components are looked up."""
    by_name = {(_namespace(other), other.get("metadata", {}).get("name")): other for other in others}
    return [*_groups(slo), *_components(slo, by_name, row, depth=1)]


def _groups(slo: _Object) -> Iterator[_Row]:
    status = slo.get("status") or {}
    shown = status.get("groups") or []
    blank = dict.fromkeys(_COLUMNS, Cell(""))
    for group in shown:
        state = group.get("state", State.UNKNOWN.value)
        burn = number(group.get("burnRate1h"), "{:.2f}")
        yield blank | {
            "name": Cell(f"  {_labels(group.get('labels') or {})}"),
            "sli": Cell(number(group.get("sli"), "{:.3f}%")),
            "burn_1h": Cell(burn),
            "remaining": Cell(number(group.get("remainingPercent"), "{:.1f}%"), COLOURS.get(state)),
            "state": Cell(state, COLOURS.get(state)),
        }
    if (left_out := status.get("groupCount", 0) - len(shown)) > 0:
        yield blank | {"name": Cell(f"  … and {left_out} more with more budget left, or few events")}


def _components(
    slo: _Object, by_name: Mapping[tuple[str, Any], _Object], row: Callable[[_Object], _Row], *, depth: int
) -> Iterator[_Row]:
    composite = ((slo.get("spec") or {}).get("indicator") or {}).get("composite") or {}
    for component in composite.get("components") or []:
        name = component.get("slo", "")
        found = by_name.get((_namespace(slo), name))
        cells = dict.fromkeys(_COLUMNS, Cell("")) | {"state": Cell("missing", "red")} if found is None else row(found)
        weight = component.get("weight", 1)
        told = f"{'  ' * depth}{name}{f' ×{weight:g}' if weight != 1 else ''}"
        yield cells | {"name": Cell(printable(told))}
        if found is not None and depth < MAX_NESTING:
            yield from _components(found, by_name, row, depth=depth + 1)


def _labels(labels: Mapping[str, str]) -> str:
    return printable(",".join(f"{label}={value}" for label, value in labels.items()))


def _namespace(slo: _Object) -> str:
    return str(slo.get("metadata", {}).get("namespace", ""))


_COLUMNS = (
    "namespace", "name", "objective", "window", "sli", "burn_5m", "burn_1h", "remaining", "state", "age", "coverage",
    "source", "why",
)  # fmt: skip
