"""The tables of docs/explanation/accuracy.md."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.cluster.paths import REPOSITORY
from tests.history.scenario import STREAM_START, TEXT_START, Scenario
from tests.history.scenarios import scenarios
from tests.replay.measuring import WINDOWS, Found, at_first_sight, compare, replayed, slo_of, worst

PAGE: Final = REPOSITORY / "docs" / "explanation" / "accuracy.md"
BEGIN: Final = "<!-- measured: begin -->"
END: Final = "<!-- measured: end -->"
# Seconds before the end of a history. On the hour every window is as long as its name; at any second none is.
ON_THE_HOUR: Final = (3600.0, 10 * 3600.0, 20 * 3600.0)
ANY_SECOND: Final = (12_345.0, 41_111.0)

_ANY_SECOND_IS: Final = (
    "**At any second** of the month, when a window begins at the boundary of a slice before it, and is longer by up\n"
    "to a minute (6h and less), a quarter of an hour (3d and less) or an hour:"
)

Row = Mapping[str, Sequence[Found]]  # by window


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was found for one scenario, after a month of running and at first sight."""

    scenario: Scenario
    month: Row
    first: Row
    any_second: Row


async def measure(url: str) -> list[Measured]:
    """Measure every scenario on a server that holds them."""
    months: dict[str, list[Found]] = {}
    for start in (TEXT_START, STREAM_START):
        group = [scenario for scenario in scenarios() if scenario.start == start]
        print(f"replaying a month of {', '.join(s.name for s in group)}", flush=True)
        moments = sorted(group[0].end - back for back in (*ON_THE_HOUR, *ANY_SECOND))
        seen = await replayed(url, [slo_of(s) for s in group], start=start + 3600, moments=moments)
        for scenario in group:
            months[scenario.name] = [f for moment in moments for f in compare(scenario, seen[moment][scenario.name])]
    measured = []
    for scenario in scenarios():
        print(f"at first sight: {scenario.name}", flush=True)
        first = []
        for back in ON_THE_HOUR:
            first += compare(scenario, await at_first_sight(url, slo_of(scenario), scenario.end - back))
        month = months[scenario.name]
        measured.append(
            Measured(
                scenario=scenario,
                month=_by_window(found for found in month if found.at % 3600 == 0),
                first=_by_window(first),
                any_second=_by_window(found for found in month if found.at % 3600),
            )
        )
    return measured


def tables(measured: Sequence[Measured]) -> str:
    """Return the tables in Markdown."""
    shown = [
        "**After a month of running**, at moments on the hour:",
        _table([(one.scenario.name, one.month) for one in measured]),
        "**At first sight**, when the past was read in slices of up to an hour, at moments on the hour:",
        _table([(one.scenario.name, one.first) for one in measured]),
        _ANY_SECOND_IS,
        _table([(one.scenario.name, one.any_second) for one in measured]),
        "| scenario | what happens in it | raw samples | events | errors |\n|---|---|---|---|---|\n"
        + "\n".join(_scenario(one.scenario) for one in measured),
    ]
    return "\n\n".join(shown)


def written(page: str, text: str) -> str:
    """Return the page with `text` between its marks."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n\n{text}\n\n{END}", page, flags=re.DOTALL)


def _by_window(found: Iterable[Found]) -> Row:
    rows: dict[str, list[Found]] = {window: [] for window in WINDOWS}
    for one in found:
        rows[one.window].append(one)
    return rows


def _table(rows: Sequence[tuple[str, Row]]) -> str:
    head = f"| scenario | {' | '.join(WINDOWS)} |\n|---|{'---:|' * len(WINDOWS)}"
    return "\n".join([head, *(f"| {name} | {' | '.join(_cell(row[w]) for w in WINDOWS)} |" for name, row in rows)])


def _cell(found: Sequence[Found]) -> str:
    error = worst(found).ratio_error
    return "–" if error is None else f"{100 * abs(error):.2f}"


def _scenario(scenario: Scenario) -> str:
    total, bad = scenario.brute_force(scenario.start, scenario.end)
    samples = sum(len(one.times) for one in scenario.series)
    return f"| {scenario.name} | {scenario.what} | {samples:,} | {total:,.0f} | {bad:,.0f} |"
