"""Draws how error budgets burned down, with matplotlib (the optional extra `plot`)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from backstop.domain.budget import AT_RISK_PERCENT
from backstop.domain.slo import SLO
from backstop.vocabulary import State

Record = Mapping[str, Any]

WIDTH_INCHES: Final = 12.0
PANEL_INCHES: Final = 3.4
DPI: Final = 110
LOWEST_PERCENT: Final = -100.0  # a budget overspent many times would press the rest of the picture flat
# Okabe and Ito's colours, which people with any colour vision tell apart.
LINES: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
STATES: Final[Mapping[str, str]] = {
    State.HEALTHY: "#e3f4e8",
    State.AT_RISK: "#fff3c4",
    State.EXHAUSTED: "#fbd9d3",
    State.UNKNOWN: "#e4e4e7",
}


def draw(file: Path, rows: Sequence[Record], changes: Sequence[Record], slos: Sequence[SLO]) -> None:
    """Write a picture with a panel per SLO: the budget left of each window, and the states behind it.

    Where a budget is not known its line has a gap.
    """
    shown = [slo for slo in slos if any(row["slo"] == slo.key for row in rows)]
    figure = Figure(figsize=(WIDTH_INCHES, PANEL_INCHES * len(shown)), dpi=DPI, layout="constrained")
    panels = figure.subplots(len(shown), 1, squeeze=False, sharex=True)
    for panel, slo in zip(panels[:, 0], shown, strict=True):
        own = [row for row in rows if row["slo"] == slo.key]
        _states(panel, own, [change for change in changes if change["slo"] == slo.key])
        _budgets(panel, own)
        _frame(panel, own, f"{slo.key}, target {slo.objective.target_percent} %")
    _dates(panels[-1, 0])
    figure.legend(
        handles=[Patch(color=colour, label=state) for state, colour in STATES.items()],
        loc="outside lower center",
        ncols=len(STATES),
        frameon=False,
    )
    figure.savefig(file, format="png")


def _budgets(panel: Axes, rows: Sequence[Record]) -> None:
    times = [_time(row["time"]) for row in rows]
    for index, name in enumerate(window["name"] for window in rows[0]["windows"]):
        left = [row["windows"][index].get("remainingPercent", float("nan")) for row in rows]
        drawn = [max(percent, LOWEST_PERCENT) if percent == percent else percent for percent in left]  # noqa: PLR0124  NaN
        panel.plot(times, drawn, color=LINES[index % len(LINES)], linewidth=1.6, label=name, zorder=3)


def _states(panel: Axes, rows: Sequence[Record], changes: Sequence[Record]) -> None:
    for begin, end, state in spans(rows, changes):
        panel.axvspan(_time(begin), _time(end), color=STATES[state], linewidth=0, zorder=0)


def spans(rows: Sequence[Record], changes: Sequence[Record]) -> Iterator[tuple[str, str, str]]:
    """Yield from when to when one SLO was in which state."""
    begin, state = rows[0]["time"], rows[0]["state"]
    for change in changes:
        yield begin, change["time"], state
        begin, state = change["time"], change["to"]
    yield begin, rows[-1]["time"], state


def _frame(panel: Axes, rows: Sequence[Record], title: str) -> None:
    known = [w["remainingPercent"] for row in rows for w in row["windows"] if "remainingPercent" in w]
    lowest = min(known, default=0.0)
    if lowest < LOWEST_PERCENT:
        title += f" (cut at {LOWEST_PERCENT:.0f} %, lowest {lowest:,.0f} %)"
    panel.set_title(title, loc="left", fontsize=11)
    panel.set_ylabel("budget left, %")
    panel.set_ylim(max(min(lowest, 0.0), LOWEST_PERCENT) - 5.0, 105.0)
    panel.set_xlim(_time(rows[0]["time"]), _time(rows[-1]["time"]))
    panel.axhline(0.0, color="#52525b", linewidth=0.9, zorder=2)
    panel.axhline(AT_RISK_PERCENT, color="#a1a1aa", linewidth=0.8, linestyle=":", zorder=2)
    panel.legend(title="window", loc="lower left", framealpha=0.85)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _dates(panel: Axes) -> None:
    locator = AutoDateLocator(tz=UTC)  # type: ignore[no-untyped-call]
    panel.xaxis.set_major_locator(locator)
    panel.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC))  # type: ignore[no-untyped-call]
    panel.set_xlabel("UTC")


def _time(text: str) -> float:
    """Return an instant in the days since 1970 that matplotlib counts in."""
    return datetime.fromisoformat(text).timestamp() / 86_400
